"""Cut recordings of any length into windows, and compute the features of each, without loading a whole recording."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from soundbench.core.errors import InputError
from soundbench.data.audio import missing_end, open_audio, resampled_blocks, sample_blocks
from soundbench.data.silence import Trimmed
from soundbench.features.clip_features import stored_features
from soundbench.features.front_ends import FRONT_ENDS
from soundbench.features.settings import feature_problems, frame_count, hop_samples, window_lengths


@dataclass(frozen=True)
class Window:
    """A part of a recording, from ``start`` to ``end`` (s), and its features ``(bins, frames)``."""

    start: float
    end: float
    features: np.ndarray


def cut(blocks: Iterable[np.ndarray], length: int, longest: int, step: int) -> Iterator[tuple[int, np.ndarray]]:
    """Cut samples that come in blocks into overlapping windows.

    A recording with at most ``longest`` samples is one window. Otherwise all windows have ``length`` samples and begin
    at distances of ``step`` samples, except the last, which ends at the end of the recording.

    Yields:
        The first sample of each window, and its samples.
    """
    held = np.empty(0, np.float32)  # it begins at the sample `first` of the recording
    first = 0
    start = 0
    for block in blocks:
        held = np.concatenate([held, block])
        while first + len(held) > start + (length if start else longest):
            yield start, held[start - first :][:length]
            # These samples are kept, because the last window may begin just after this one.
            held = held[start - first :]
            first = start
            start += step
    yield (first + len(held) - length, held[-length:]) if start else (0, held)


def recording_windows(path: str, settings: dict[str, Any], shape: tuple[int, int], overlap: float) -> Iterator[Window]:
    """The windows of a recording with their features, computed as in ``compute_features``.

    Args:
        settings: the settings of the front-end.
        shape: the shape of the features of a clip, ``(bins, frames)``.
        overlap: the share of a window that the next window repeats.

    Raises:
        InputError: the file cannot be read, is too short, does not fit the front-end, or is truncated; the last may be
            raised after all its windows.
    """
    with open_audio(path) as file:
        rate = settings["sample_rate"] or file.samplerate
        if problems := list(feature_problems("features", settings, rate)):
            raise InputError(f"{path}: its sample rate does not fit the model's front-end: {'; '.join(problems)}")
        frames = frame_count(settings["duration"], rate, settings) if settings.get("duration") else shape[1]
        length, longest = window_lengths(frames, rate, settings)
        step = max(1, round(length * (1 - overlap)))
        blocks = sample_blocks(file)
        sound = Trimmed(blocks) if settings.get("trim") else blocks
        for start, samples in cut(resampled_blocks(sound, file.samplerate, rate), length, longest, step):
            if len(samples) < hop_samples(settings):
                raise InputError(f"{path}: {_too_short(len(samples), hop_samples(settings), rate)}")
            features = FRONT_ENDS.load(settings["front_end"]).compute(samples, rate, settings)
            begin = start / rate + (sound.skipped / file.samplerate if isinstance(sound, Trimmed) else 0.0)
            stored = stored_features(path, features, frames, settings)[0]
            yield Window(begin, begin + len(samples) / rate, stored)
        # A truncated recording is an error, as for clips; it must not be treated as a short one.
        if truncation := missing_end(path, file, file.tell()):
            raise InputError(f"{path}: {truncation}")


def _milliseconds(samples: int, rate: int) -> str:
    return f"{1000 * samples / rate:.3g} ms"


def _too_short(samples: int, hop: int, rate: int) -> str:
    if samples == 0:
        return "holds no samples"
    duration = _milliseconds(samples, rate)
    return f"is too short: it lasts {duration}, less than one hop of the model's front-end, {_milliseconds(hop, rate)}"
