"""Figures of the clips of a data set, and a page with the audio of one clip per class."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from soundbench.core.storage import write_text
from soundbench.data.audio import read_mono
from soundbench.data.subsets import read_view
from soundbench.data.view import View
from soundbench.report.figures import clips as clipplots
from soundbench.report.figures.clip_registry import draw_clip_figures
from soundbench.report.media import audio_uri
from soundbench.report.rendering import render
from soundbench.tasks.registry import task_class

SHOWN = 3  # clips per class in the waveforms and spectrograms
MEASURED = 10  # clips per class in the spectra
PLAYED = 3.0  # s of a clip on the page
PLAYED_IN_ALL = 150.0  # s on the page: with many classes each excerpt is shorter, so that the page stays below 5 MB
PEAK = 0.9  # of each excerpt after scaling
MEL_BANDS = 48


@dataclass(frozen=True)
class Sound:
    """A decoded clip that was chosen as an example of its class: ``samples`` ``(samples,)`` at ``sample_rate`` Hz."""

    clip: str
    label: str
    group: str
    place: int  # among the chosen clips of its class
    samples: np.ndarray
    sample_rate: int

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.sample_rate

    def power(self) -> tuple[np.ndarray, float]:
        """Power spectra ``(frames, bins)`` of about 50 ms each, at steps of a quarter, and the Hz between bins."""
        n_fft = 1 << round(np.log2(self.sample_rate / 20))
        padded = np.pad(self.samples, n_fft // 2)
        frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[:: n_fft // 4]
        spectrum = np.fft.rfft(frames * np.hanning(n_fft).astype(np.float32), axis=1)
        return spectrum.real**2 + spectrum.imag**2, self.sample_rate / n_fft

    @cached_property
    def mel_levels(self) -> np.ndarray:
        """Levels ``(bands, frames)`` in dB below the maximum, in :data:`MEL_BANDS` bands of equal width in mel."""
        power, step = self.power()
        edges = 700 * (10 ** (np.linspace(0, clipplots.mel(self.sample_rate / 2), MEL_BANDS + 1) / 2595) - 1)
        return _level(_in_bands(power, edges / step)).T

    def third_octaves(self) -> pd.Series:
        """The mean level in bands of a third of an octave, in dB below the loudest band, by centre frequency (Hz)."""
        power, step = self.power()
        centres = 1000 * 2.0 ** (np.arange(-10, 14) / 3)
        centres = centres[centres * 2 ** (1 / 6) <= self.sample_rate / 2]
        edges = np.append(centres * 2 ** (-1 / 6), centres[-1] * 2 ** (1 / 6))
        return pd.Series(_level(_in_bands(power.mean(axis=0, keepdims=True), edges / step))[0], centres)


def _in_bands(power: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Sums of ``(frames, bins)`` between ``edges`` (in bins): ``(frames, edges - 1)``."""
    bounds = np.clip(np.round(edges).astype(int), 0, power.shape[1])
    total = np.pad(np.cumsum(power, axis=1, dtype=np.float64), ((0, 0), (1, 0)))
    return np.clip(total[:, bounds[1:]] - total[:, bounds[:-1]], 0, None)


def _level(power: np.ndarray) -> np.ndarray:
    return 10 * np.log10(np.maximum(power / max(power.max(), 1e-20), 1e-12))


def choose_clips(clips: pd.DataFrame, count: int) -> pd.DataFrame:
    """Up to ``count`` clips of each label, of as many groups as there are, and their ``place`` from 0 on."""
    chosen = []
    for _, members in clips.groupby("label"):
        turn = members.groupby("group").cumcount()
        ordered = members.assign(turn=turn).sort_values(["turn", "group", "clip"], kind="stable")
        firsts = int((turn == 0).sum())
        rows = np.linspace(0, firsts - 1, count).astype(int) if firsts >= count else np.arange(min(count, len(members)))
        chosen.append(ordered.iloc[rows].assign(place=range(len(rows))))
    return pd.concat(chosen)


def decode(clip: Any) -> Sound:
    """Decode a row of :func:`choose_clips`."""
    return Sound(clip.clip, clip.label, clip.group, clip.place, *read_mono(clip.path))


def class_spectra(clips: pd.DataFrame) -> pd.DataFrame:
    """Third-octave spectra of :func:`choose_clips`: one row per clip, with its label as the index."""
    rows = [decode(clip).third_octaves() for clip in clips.itertuples()]
    return pd.DataFrame(rows, index=clips["label"]).sort_index(axis="columns")


def loudest_part(samples: np.ndarray, length: int) -> np.ndarray:
    """The ``length`` samples with the most energy, or all samples if there are fewer."""
    if len(samples) <= length:
        return samples
    energy = np.concatenate([[0], np.cumsum(np.square(samples, dtype=np.float64))])
    start = int(np.argmax(energy[length:] - energy[:-length]))
    return samples[start : start + length]


def excerpt(sound: Sound, seconds: float) -> Sound:
    """The loudest ``seconds`` of a sound, scaled to a common peak."""
    part = loudest_part(sound.samples, round(seconds * sound.sample_rate))
    scaled = part * (PEAK / max(float(np.abs(part).max()), 1e-6))
    return Sound(sound.clip, sound.label, sound.group, sound.place, scaled, sound.sample_rate)


def waveform_path(sound: Sound, points: int = 200) -> str:
    """The outline of a waveform as an SVG path in a box of ``points`` × 100."""
    low, high = clipplots.outline(sound.samples, points)
    step = points / len(low)
    upper = [f"{step * place:.1f} {50 - 50 * value:.0f}" for place, value in enumerate(high)]
    lower = [f"{step * place:.1f} {50 - 50 * value:.0f}" for place, value in enumerate(low)]
    return f"M{' L'.join([*upper, *reversed(lower)])}Z"


def page_rows(sounds: list[Sound]) -> list[dict[str, Any]]:
    """The values that the page shows of the first clip of each class."""
    seconds = min(PLAYED, PLAYED_IN_ALL / len(sounds))
    excerpts = [excerpt(sound, seconds) for sound in sounds]
    return [
        {
            "label": sound.label,
            "clip": sound.clip,
            "group": sound.group,
            "whole": whole.seconds,
            "seconds": sound.seconds,
            "audio": audio_uri(sound.samples, sound.sample_rate),
            "waveform": waveform_path(sound),
            "spectrogram": clipplots.image_uri(sound.mel_levels),
        }
        for sound, whole in zip(excerpts, sounds, strict=True)
    ]


def explore_dataset(clips: str | Path, dataset: str, view: View, *, listen: str, figures: str) -> None:
    """Draw the clips of a view into the folder ``figures``, and write the page with their audio."""
    table = task_class(view).examples(read_view(clips, view))
    sounds = [decode(clip) for clip in choose_clips(table, SHOWN).itertuples()]
    levels = class_spectra(choose_clips(table, MEASURED))
    draw_clip_figures({"clips": table, "sounds": sounds, "levels": levels}, figures)
    rows = page_rows([sound for sound in sounds if sound.place == 0])
    write_text(listen, render("listen.html", title=f"One sample of each class of {dataset}", rows=rows))
