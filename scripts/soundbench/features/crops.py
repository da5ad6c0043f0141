"""Crops of long clips: what a model takes in place of a whole clip, in training and in tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from soundbench.features.settings import (
    EMBEDDING,
    Settings,
    hop_samples,
    input_kind,
    is_vector,
    values_per_decibel,
    window_samples,
)

OVERLAP = 0.5  # the share of a window that the next one repeats


@dataclass(frozen=True)
class Crop:
    """The crops of a model.

    Attributes:
        frames: the length of each.
        overlap: the share of a window that the next one repeats, where clips are validated or tested on windows.
        level: how much quieter than its clip a crop in training may be (dB, 0 or less); None for no limit.
        decibel: the difference in the stored values that corresponds to 1 dB, for ``level``.
        padding: the frames of silence before and after a clip that a crop in training may hold.
        silence: the stored value of silence before a clip; None for the quietest value of the crop.
    """

    frames: int
    overlap: float = OVERLAP
    level: float | None = None
    decibel: float = 0.0
    padding: int = 0
    silence: float | None = None

    def window_starts(self, frames: int) -> list[int]:
        """The frames at which the windows of a clip begin: the windows that a recording of its length is cut into.

        A clip of at most one window is one window. The last window ends where the clip ends.
        """
        last = max(frames - self.frames, 0)
        return [*range(0, last, max(1, round((self.frames - 1) * (1 - self.overlap)))), last]

    def training_starts(self, features: np.ndarray) -> np.ndarray:
        """The frames at which crops of a clip ``(bins, frames)`` may begin in training.

        Crops that are too quiet are left out, as by A. Guzhov et al., "ESResNet", ICPR 2020, who compare deviations of
        samples; the loudest crop always remains.
        """
        starts = np.arange(max(features.shape[1] - self.frames, 0) + 1)
        if self.level is None or len(starts) == 1:
            return starts
        powers = (10 ** (features.astype(np.float64) / (10 * self.decibel))).mean(axis=0)
        sums = np.concatenate([[0], powers.cumsum()])
        means = (sums[self.frames :] - sums[: -self.frames]) / self.frames
        loud = np.flatnonzero(means >= powers.mean() * 10 ** (self.level / 10))
        return loud if len(loud) else means.argmax(keepdims=True)


def crop_of(training: Mapping[str, Any], settings: Settings) -> Crop | None:
    """The crops of a recipe's ``training`` on the features of a front-end; None if its model takes whole clips."""
    if not (seconds := training.get("crop")):
        return None
    frames = crop_frames(seconds, settings)
    return Crop(
        frames,
        overlap=training["crop_overlap"],
        level=training["crop_level"],
        decibel=values_per_decibel(settings) or 0.0,
        padding=int(frames * training["crop_padding"]),
        silence=0.0 if input_kind(settings) == "waveform" else None,
    )


def crop_frames(seconds: float, settings: Settings) -> int:
    """The frames that a sound of ``seconds`` fills, at the sample rate of a front-end."""
    samples = round(seconds * settings["sample_rate"])
    return 1 + max(0, samples - window_samples(settings)) // hop_samples(settings)


def crop_problems(where: str, training: Mapping[str, Any], settings: Settings) -> Iterator[str]:
    """Why clips with the features of a front-end cannot be cropped as a recipe's ``training`` says."""
    seconds = training["crop"]
    if seconds is None:
        if training["crop_level"] is not None:
            yield f"{where}.crop_level: has no effect without crop"
        if training["crop_padding"]:
            yield f"{where}.crop_padding: has no effect without crop"
        return
    if training["crop_level"] is not None and training["crop_padding"]:
        yield f"{where}.crop_padding: adds silence, but crop_level leaves out quiet crops; choose one of the two"
    if problem := _problem(seconds, settings):
        yield f"{where}.crop: {problem}"
    elif training["crop_level"] is not None and values_per_decibel(settings) is None:
        yield (
            f"{where}.crop_level: needs features on a logarithmic scale; use scale db or log, and normalise: dataset "
            "or fixed"
        )


def _problem(seconds: float, settings: Settings) -> str | None:
    if settings["front_end"] == EMBEDDING:
        return "an embedding is made of a whole clip; crop the features that it is made of, with `duration`"
    if is_vector(settings):
        return "the front-end makes one vector of a whole clip; leave out crop"
    if settings["sample_rate"] is None:
        return "the front-end keeps the sample rates of the files; give it a sample_rate"
    if settings.get("resize"):
        return "the front-end resizes clips of any length to one size; leave out resize"
    if settings["normalise"] == "clip":
        return "the front-end normalises whole clips, not crops; choose another normalise"
    if settings.get("duration"):
        return f"the front-end keeps only the first {settings['duration']:g} s of a clip; leave out duration"
    wanted = crop_frames(seconds, settings)
    if settings.get("frames") and wanted > settings["frames"]:
        return f"the front-end keeps {settings['frames']} frames, but {seconds:g} s have {wanted}"
    return None
