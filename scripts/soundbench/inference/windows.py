"""Recordings of any length as features of the size that a model takes, without ever holding a whole recording."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from soundbench.core.errors import InputError
from soundbench.data.audio import missing_end, open_audio, resampled_blocks
from soundbench.features.clip_features import stored_features
from soundbench.features.front_ends import FRONT_ENDS
from soundbench.features.settings import feature_problems, frame_count, hop_samples, window_lengths


@dataclass(frozen=True)
class Window:
    """A stretch of a recording, from ``start`` to ``end`` (s), and its features ``(bins, frames)``, float16."""

    start: float
    end: float
    features: np.ndarray


def cut(blocks: Iterable[np.ndarray], length: int, longest: int, step: int) -> Iterator[tuple[int, np.ndarray]]:
    """Cut samples that come in blocks into overlapping windows; yields where each begins, and its samples.

    What has no more samples than ``longest`` stays whole. Else all windows have ``length`` samples and begin ``step``
    samples after one another, but for the last, which ends where the recording ends.
    """
    held, first, start = np.empty(0, np.float32), 0, 0  # `held` begins at the sample `first` of the recording
    for block in blocks:
        held = np.concatenate([held, block])
        while first + len(held) > start + (length if start else longest):
            yield start, held[start - first :][:length]
            # The last window may begin as early as this one.
            held, first, start = held[start - first :], start, start + step
    yield (first + len(held) - length, held[-length:]) if start else (0, held)


def recording_windows(path: str, settings: dict[str, Any], shape: tuple[int, int], overlap: float) -> Iterator[Window]:
    """The windows of a recording, decoded, resampled and seen through a front-end as ``compute_features`` does it.

    Args:
        settings: the front-end.
        shape: of the features of a clip, ``(bins, frames)``.
        overlap: the share of a window that the next one repeats.

    Raises:
        InputError: the file cannot be read, is too short, does not fit the front-end, or breaks off, which may be known
            only after all its windows.
    """
    with open_audio(path) as file:
        rate = settings["sample_rate"] or file.samplerate
        if problems := list(feature_problems("features", settings, rate)):
            raise InputError(f"{path}: its sample rate does not fit the model's front-end: {'; '.join(problems)}")
        frames = frame_count(settings["duration"], rate, settings) if settings.get("duration") else shape[1]
        length, longest = window_lengths(frames, rate, settings)
        step = max(1, round(length * (1 - overlap)))
        for start, samples in cut(resampled_blocks(file, rate), length, longest, step):
            if len(samples) < hop_samples(settings):
                raise InputError(f"{path}: {_too_short(len(samples), hop_samples(settings), rate)}")
            features = FRONT_ENDS.load(settings["front_end"]).compute(samples, rate, settings)
            yield Window(
                start / rate, (start + len(samples)) / rate, stored_features(path, features, frames, settings)[0]
            )
        # As for clips: what breaks off would else be taken for a short recording.
        if lacking := missing_end(path, file, file.tell()):
            raise InputError(f"{path}: {lacking}")


def _milliseconds(samples: int, rate: int) -> str:
    return f"{1000 * samples / rate:.3g} ms"


def _too_short(samples: int, hop: int, rate: int) -> str:
    if samples == 0:
        return "holds no samples"
    lasts = _milliseconds(samples, rate)
    return f"is too short: it lasts {lasts}, and the model's front-end looks every {_milliseconds(hop, rate)}"
