"""Sizes and checks that follow from a front-end's settings; this module works without torch.

A front-end is a module of ``front_ends``. It imports torch and other heavy libraries in its functions only, and has

- ``SETTINGS``: the keys of its entries in ``config/features.yaml``,
- ``bins(settings)``: the number of bins,
- ``compute(samples, sample_rate, settings)``: the features ``(bins, frames)`` of a clip, float32,
- ``problems(settings, sample_rate)``, optional: what cannot work, each beginning with its key; ``sample_rate`` is None
  where it is not known before the files are read,
- ``decibel(settings)``, optional: by how much each value grows when a clip gets 1 dB louder, None where that differs,
- ``frequencies(settings, sample_rate)``, optional: the frequency (Hz) of each bin,
- ``graph(settings, sample_rate, frames)``, optional: its form for ONNX, a
  :class:`~soundbench.features.graphs.FrameGraph`. Without it, an exported file takes features and not samples.

Frames are centred at each ``settings["hop_length"]`` samples; a front-end with the setting ``frames`` always gives so
many, :data:`HOP` samples apart, each of :data:`WINDOW` samples. ``VECTOR = True`` says that a clip of any length gives
one frame, and that the values of different bins are not comparable: they are stored in float32. Such a front-end can be
a part of ``concatenated``. ``WAVEFORM = True`` says that the features are samples, which have no frequencies.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from soundbench.features.front_ends import FRONT_ENDS

Settings = dict[str, Any]

STRETCHED = 30.0  # seconds; longer recordings are cut into windows if a front-end takes clips of any length
EMBEDDING = "embedding"  # the front-end whose features a pretrained network computes from those of another front-end


def is_vector(settings: Settings) -> bool:
    """Whether a clip of any length gives one vector, and no spectrogram."""
    return FRONT_ENDS.constant(settings["front_end"], "VECTOR", False)


def input_kind(settings: Settings) -> str:
    """What a front-end gives a model: a ``spectrogram``, a ``vector``, or the samples of the ``waveform``."""
    if is_vector(settings):
        return "vector"
    return "waveform" if FRONT_ENDS.constant(settings["front_end"], "WAVEFORM", False) else "spectrogram"


def feature_dtype(settings: Settings) -> str:
    """The type of stored features; the bins of a vector differ too much in size for 16 bits."""
    return "float32" if is_vector(settings) else "float16"


def feature_bins(settings: Settings) -> int:
    """The number of bins of the features before any resizing."""
    return FRONT_ENDS.load(settings["front_end"]).bins(settings)


def frame_count(seconds: float, sample_rate: int, settings: Settings) -> int:
    """The number of frames of a clip of ``seconds`` at ``sample_rate`` Hz: one per hop, or the fixed number."""
    if is_vector(settings):
        return 1
    if "frames" in settings:
        return settings["frames"]
    samples = math.ceil(round(seconds * sample_rate, 6))
    return 1 + max(0, samples - window_samples(settings)) // hop_samples(settings)


def window_lengths(frames: int, sample_rate: int, settings: Settings) -> tuple[int, int]:
    """The length of a window of ``frames`` frames, and the longest recording that is classified as one window.

    If clips of any length are resized or become one vector, both are :data:`STRETCHED`.

    Args:
        sample_rate: Hz.

    Returns:
        Both lengths in samples.
    """
    if duration := settings.get("duration"):
        length = round(duration * sample_rate)
        return length, length
    if settings.get("resize") or is_vector(settings):
        length = round(STRETCHED * sample_rate)
        return length, length
    hop = hop_samples(settings)
    length = max(hop * (frames - 1), 1) + window_samples(settings)
    return length, length + hop - 1


def window_samples(settings: Settings) -> int:
    """The samples of a clip from the position of its last frame to its end; 0 if that frame is centred at the end."""
    return FRONT_ENDS.constant(settings["front_end"], "WINDOW", 0)


def hop_samples(settings: Settings) -> int:
    """The distance of two frames in samples."""
    return FRONT_ENDS.constant(settings["front_end"], "HOP") or settings["hop_length"]


def has_fixed_length(settings: Settings) -> bool:
    """Whether the length of the longest clip does not matter: clips are cropped, resized, or become one vector."""
    return is_vector(settings) or any(settings.get(key) for key in ("duration", "resize", "frames"))


def by_group(settings: Settings) -> bool:
    """Whether the values of each group of clips are normalised by themselves, those of test clips too."""
    return settings["normalise"] == "group"


def values_per_decibel(settings: Settings) -> float | None:
    """The increase of every stored value when a clip gets 1 dB louder.

    It is None if a gain does not add the same number to all values: for cepstra, for ``log1p`` and with ``normalise:
    clip`` or ``group``.
    """
    if settings["normalise"] in ("clip", "group") or not FRONT_ENDS.defines(settings["front_end"], "decibel"):
        return None
    return FRONT_ENDS.load(settings["front_end"]).decibel(settings)


def feature_problems(where: str, settings: Settings, sample_rate: int | None) -> Iterator[str]:
    """The problems of a front-end's settings; each begins with its key.

    Args:
        where: the key of the front-end in the configuration.
        sample_rate: Hz; None if it is not known before the files are read.
    """
    if settings["normalise"] == "fixed":
        missing = [key for key in ("mean", "std") if settings[key] is None]
        yield from (f"{where}.{key}: is missing; normalise: fixed needs it" for key in missing)
    if FRONT_ENDS.defines(settings["front_end"], "problems"):
        found = FRONT_ENDS.load(settings["front_end"]).problems(settings, sample_rate)
        yield from (f"{where}.{problem}" for problem in found)


def has_frequencies(settings: Settings) -> bool:
    """Whether the frequencies of bins are the same for all clips, and known before files are read."""
    known = FRONT_ENDS.defines(settings["front_end"], "frequencies") and settings.get("sample_rate") is not None
    return known and not settings.get("resize")


def bin_frequencies(settings: Settings, sample_rate: int) -> list[float]:
    """The frequency (Hz) of each bin at ``sample_rate`` Hz; none for features whose bins are no frequencies."""
    if not FRONT_ENDS.defines(settings["front_end"], "frequencies"):
        return []
    found: list[float] = FRONT_ENDS.load(settings["front_end"]).frequencies(settings, sample_rate)
    size = (settings.get("resize") or [len(found)])[0]
    return [found[min(int((number + 0.5) * len(found) / size), len(found) - 1)] for number in range(size)]
