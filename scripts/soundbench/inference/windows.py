"""Cut recordings of any length into windows, and compute the features of each, without loading a whole recording."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from soundbench.core.errors import InputError
from soundbench.data.audio import AudioFile, missing_end, open_audio, resample, resampled_blocks, sample_blocks
from soundbench.data.silence import Trimmed, trim_silence
from soundbench.features.clip_features import stored_features
from soundbench.features.front_ends import FRONT_ENDS
from soundbench.features.settings import Settings, feature_problems, frame_count, hop_samples, window_lengths


class ModelInput(NamedTuple):
    """What a model takes: the settings of its front-end, and the shape of a clip's features, ``(bins, frames)``."""

    front_end: Settings
    shape: tuple[int, int]

    def lengths(self, sample_rate: int) -> tuple[int, int]:
        """The samples of a window, and of the longest recording that is one window."""
        return window_lengths(self._frames(sample_rate), sample_rate, self.front_end)

    def features(self, path: str, samples: np.ndarray, sample_rate: int) -> np.ndarray:
        """The features ``(bins, frames)`` of the samples of a window.

        Raises:
            InputError: they are shorter than a hop of the front-end, or their features are not finite.
        """
        if len(samples) < (hop := hop_samples(self.front_end)):
            raise InputError(f"{path}: {_too_short(len(samples), hop, sample_rate)}")
        found = FRONT_ENDS.load(self.front_end["front_end"]).compute(samples, sample_rate, self.front_end)
        return stored_features(path, found, self._frames(sample_rate), self.front_end)[0]

    def _frames(self, sample_rate: int) -> int:
        duration = self.front_end.get("duration")
        return frame_count(duration, sample_rate, self.front_end) if duration else self.shape[1]


@dataclass(frozen=True)
class Window:
    """A part of a recording, from ``start`` to ``end`` (s), and its features ``(bins, frames)`` for each input."""

    start: float
    end: float
    features: tuple[np.ndarray, ...]


def cut(blocks: Iterable[np.ndarray], length: int, longest: int, overlap: float) -> Iterator[tuple[int, np.ndarray]]:
    """Cut samples that come in blocks into overlapping windows.

    A recording with at most ``longest`` samples is one window. Otherwise all windows have ``length`` samples, of which
    the next window repeats the share ``overlap``; the last one ends at the end of the recording.

    Yields:
        The first sample of each window, and its samples.
    """
    step = max(1, round(length * (1 - overlap)))
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


def recording_windows(path: str, inputs: Sequence[ModelInput], overlap: float) -> Iterator[Window]:
    """The windows of a recording with their features, computed as in ``compute_features``.

    Args:
        inputs: what the models take; where there are several, the shortest of their windows is that of all.
        overlap: the share of a window that the next window repeats.

    Raises:
        InputError: the file cannot be read, is too short, does not fit a front-end, or is truncated; the last may be
            raised after all its windows.
    """
    with open_audio(path) as file:
        for settings, _ in inputs:
            if problems := list(feature_problems("features", settings, settings["sample_rate"] or file.samplerate)):
                raise InputError(f"{path}: its sample rate does not fit the model's front-end: {'; '.join(problems)}")
        yield from (_windows if len(inputs) == 1 else _shared_windows)(path, file, inputs, overlap)
        # A truncated recording is an error, as for clips; it must not be treated as a short one.
        if truncation := missing_end(path, file, file.position):
            raise InputError(f"{path}: {truncation}")


def _windows(path: str, file: AudioFile, inputs: Sequence[ModelInput], overlap: float) -> Iterator[Window]:
    """The windows of one front-end: the recording is trimmed and resampled as a whole, and then cut."""
    (one,) = inputs
    settings = one.front_end
    rate = settings["sample_rate"] or file.samplerate
    length, longest = one.lengths(rate)
    blocks = sample_blocks(file)
    sound = Trimmed(blocks) if settings.get("trim") else blocks
    for start, samples in cut(resampled_blocks(sound, file.samplerate, rate), length, longest, overlap):
        begin = start / rate + (sound.skipped / file.samplerate if isinstance(sound, Trimmed) else 0.0)
        yield Window(begin, begin + len(samples) / rate, (one.features(path, samples, rate),))


def _shared_windows(path: str, file: AudioFile, inputs: Sequence[ModelInput], overlap: float) -> Iterator[Window]:
    """The windows of several front-ends: the recording is cut, and each front-end trims and resamples the parts."""
    own = file.samplerate
    rates = [settings["sample_rate"] or own for settings, _ in inputs]
    seconds = [np.divide(each.lengths(rate), rate) for each, rate in zip(inputs, rates, strict=True)]
    length, longest = np.rint(np.min(seconds, axis=0) * own).astype(int).tolist()
    for start, samples in cut(sample_blocks(file), length, longest, overlap):
        found = []
        for each, rate in zip(inputs, rates, strict=True):
            found.append(each.features(path, _part(samples, own, rate, each.front_end), rate))
        yield Window(start / own, (start + len(samples)) / own, tuple(found))


def _part(samples: np.ndarray, own: int, rate: int, settings: Settings) -> np.ndarray:
    """A part of a recording as a front-end takes it. Less than a hop of sound in silence is too short to be trimmed."""
    if settings.get("trim"):
        sound = resample(trim_silence(samples), own, rate)
        if len(sound) >= hop_samples(settings):
            return sound
    return resample(samples, own, rate)


def _milliseconds(samples: int, rate: int) -> str:
    return f"{1000 * samples / rate:.3g} ms"


def _too_short(samples: int, hop: int, rate: int) -> str:
    if samples == 0:
        return "holds no samples"
    duration = _milliseconds(samples, rate)
    return f"is too short: it lasts {duration}, less than one hop of the model's front-end, {_milliseconds(hop, rate)}"
