"""From a clip's samples to its features, as models take them: decoded, computed by a front-end, and of one size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from soundbench.core.errors import InputError
from soundbench.data.audio import read_mono, resample
from soundbench.data.silence import trim_silence
from soundbench.features.front_ends import FRONT_ENDS
from soundbench.features.settings import Settings, feature_dtype

Change = Callable[[np.ndarray, int], np.ndarray]  # (samples, sample rate in Hz) -> samples


def clip_features(path: str | Path, settings: Settings, change: Change | None = None) -> torch.Tensor:
    """The features ``(bins, frames)`` of one file, float32; it is decoded, trimmed, changed, resampled, cropped.

    Args:
        change: a function that changes the decoded samples; None for no change.
    """
    samples, own_rate = read_mono(path)
    if settings.get("trim"):
        samples = trim_silence(samples)
    if change is not None:
        samples = change(samples, own_rate)
    sample_rate = settings["sample_rate"] or own_rate
    samples = resample(samples, own_rate, sample_rate)
    if duration := settings.get("duration"):
        samples = samples[: round(duration * sample_rate)]
    return FRONT_ENDS.load(settings["front_end"]).compute(samples, sample_rate, settings)


def fixed_size(features: torch.Tensor, frames: int, settings: Settings) -> tuple[torch.Tensor, int]:
    """Give a clip's features ``(bins, any)`` the shape of all clips.

    They are cropped or padded to ``frames``, normalised if the setting is ``normalise: clip``, and resized if a size is
    set.

    Returns:
        Features ``(bins, frames)``, or of the size ``settings["resize"]``; and the number of frames without padding.
    """
    size = settings.get("resize")
    if size and not settings["duration"]:
        frames = features.shape[1]
    features = features[:, :frames]
    if settings["normalise"] == "clip":
        std, mean = torch.std_mean(features, correction=0)
        features = (features - mean) / std.clamp(min=1e-5)
    count = features.shape[1]
    if count < frames:
        # The padding is the clip's quietest value, because a block of zeros would be a sound in dB.
        features = torch.nn.functional.pad(features, (0, frames - count), value=float(features.min()))
    if size:
        features = torch.nn.functional.interpolate(features[None, None], size, mode="bilinear", antialias=True)[0, 0]
        count = -(-count * size[1] // frames)
    return features, count


def stored_features(
    path: str | Path, features: torch.Tensor, frames: int, settings: Settings
) -> tuple[np.ndarray, int]:
    """The features of a clip as they are stored: of :func:`fixed_size`, in the type that
    :func:`~soundbench.features.settings.feature_dtype` says; and its frames without padding.

    Raises:
        InputError: a value is not finite; the message begins with ``path``.
    """
    features, count = fixed_size(features, frames, settings)
    dtype = feature_dtype(settings)
    converted = features.to(getattr(torch, dtype))  # numpy's own conversion is forty times as slow
    if not all(extreme.isfinite() for extreme in converted.aminmax()):
        raise InputError(f"{path}: its features are not finite in {dtype}; does it hold NaN, or samples far above 1?")
    return converted.numpy(), count
