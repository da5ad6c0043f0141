"""Figures of clips, one row per class."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Protocol

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from soundbench.report.drawing import SMALL, figure, shortened
from soundbench.report.media import data_uri
from soundbench.report.style import PALETTE

RANGE = 80  # dB that a spectrogram shows
SHADES = 16  # colours of a spectrogram: with few colours the file is small
SPECTRUM_RANGE = 40  # dB that the height of a row spans
OUTLINE = 400  # points of a waveform
GAP = 6  # bands between the spectrograms of two classes


class Clip(Protocol):
    """The properties of a clip that the figures draw."""

    @property
    def label(self) -> str: ...
    @property
    def place(self) -> int: ...
    @property
    def samples(self) -> np.ndarray: ...
    @property
    def sample_rate(self) -> int: ...
    @property
    def seconds(self) -> float: ...
    @property
    def mel_levels(self) -> np.ndarray: ...


def _heights(labels: int, row: float) -> float:
    return 1.0 + row * labels


def _name_rows(axes: np.ndarray, labels: list[str]) -> None:
    """The classes from top to bottom, named on the left-most panel."""
    for axis in axes:
        axis.set_yticks(range(len(labels)), map(shortened, labels) if axis is axes[0] else [""] * len(labels))
        axis.set_ylim(len(labels) - 0.4, -0.6)
        axis.tick_params(axis="y", length=0)


def plot_labels(clips: pd.DataFrame, path: str) -> None:
    """The number of clips of each class, and their lengths with one dot per clip."""
    counts = clips["label"].value_counts().sort_index()
    with figure(path, 2, 4.8, _heights(len(counts), 0.24), "clips of each label, and their lengths") as (_, axes):
        _name_rows(axes, list(counts.index))
        bars = axes[0].barh(range(len(counts)), counts, color=PALETTE[0], height=0.7)
        axes[0].bar_label(bars, padding=3, fontsize=SMALL)
        axes[0].set_xlabel("clips")
        for row, label in enumerate(counts.index):
            seconds = np.sort(clips.loc[clips["label"] == label, "seconds"])
            spread = 0.3 * np.sin(2.4 * np.arange(len(seconds)))
            axes[1].plot(seconds, row + spread, "o", color=PALETTE[1], alpha=0.4, ms=3, mew=0, rasterized=True)
        axes[1].set_xlim(0, 1.08 * clips["seconds"].max())
        axes[1].set_xlabel("length (s)")
        axes[1].grid(axis="x", alpha=0.3)


def outline(samples: np.ndarray, points: int) -> tuple[np.ndarray, np.ndarray]:
    """The lowest and highest of ``(samples,)`` in each of at most ``points`` stretches, scaled to their maximum."""
    starts = np.unique(np.linspace(0, len(samples), points, endpoint=False).astype(int))
    largest = max(float(np.abs(samples).max()), 1e-12)
    return np.minimum.reduceat(samples, starts) / largest, np.maximum.reduceat(samples, starts) / largest


def _panels(sounds: Sequence[Clip]) -> tuple[list[str], range]:
    return sorted({sound.label for sound in sounds}), range(1 + max(sound.place for sound in sounds))


def plot_waveforms(sounds: Sequence[Clip], path: str) -> None:
    """Waveforms, one row per class and one panel per clip, each scaled to its own maximum."""
    labels, panels = _panels(sounds)
    with figure(path, len(panels), 3.6, _heights(len(labels), 0.36), "waveforms, one row per label") as (_, axes):
        _name_rows(axes, labels)
        for sound in sounds:
            low, high = outline(sound.samples, OUTLINE)
            time = np.linspace(0, sound.seconds, len(low))
            row = labels.index(sound.label)
            # Rows count downwards.
            lines = {"color": PALETTE[0], "linewidth": 0.3, "rasterized": True}
            axes[sound.place].fill_between(time, row - 0.45 * high, row - 0.45 * low, **lines)
        _time_axes(axes, sounds)


def _time_axes(axes: np.ndarray, sounds: Sequence[Clip]) -> None:
    for axis in axes:
        axis.set_xlim(0, max(sound.seconds for sound in sounds))
        axis.set_xlabel("time (s)")


def plot_spectrograms(sounds: Sequence[Clip], path: str) -> None:
    """Log-mel spectrograms, one row per class and one panel per clip, in dB below each clip's maximum.

    All rows span the same frequencies; one of a file with a lower sample rate ends where the file does.
    """
    labels, panels = _panels(sounds)
    longest = max(sound.seconds for sound in sounds)
    highest = max(sound.sample_rate for sound in sounds) / 2
    empty = np.full_like(_tile(sounds[0], longest, highest), np.nan)
    with figure(path, len(panels), 3.6, _heights(len(labels), 0.5), "spectrograms, one row per label") as (
        canvas,
        axes,
    ):
        _name_rows(axes, labels)
        for place, axis in zip(panels, axes, strict=True):
            here = {sound.label: sound for sound in sounds if sound.place == place}
            tiles = [_tile(here[label], longest, highest) if label in here else empty for label in labels]
            image = axis.imshow(
                np.concatenate(tiles),
                cmap=plt.get_cmap("magma", SHADES),
                vmin=-RANGE,
                vmax=0,
                aspect="auto",
                interpolation="none",
                extent=(0, longest, len(labels) - 0.5, -0.5),
            )
            axis.spines[:].set_visible(False)
        _time_axes(axes, sounds)
        axes[0].set_ylabel(f"each row: 0 (bottom) to {highest / 1000:g} kHz (top), mel scale")
        bar = canvas.colorbar(image, ax=list(axes), label="level (dB below the maximum)", aspect=30, fraction=0.03)
        bar.outline.set_visible(False)


def mel(frequency: float) -> float:
    """A frequency in Hz on the mel scale (D. O'Shaughnessy, "Speech Communication", 1987)."""
    return 2595 * float(np.log10(1 + frequency / 700))


def _tile(sound: Clip, longest: float, highest: float, width: int = 200) -> np.ndarray:
    """A spectrogram on a grid that all clips share, low frequencies at the bottom; NaN where a file holds nothing."""
    bands, frames = sound.mel_levels.shape
    at = (np.arange(width) + 0.5) / width * longest / sound.seconds * frames
    band = (np.arange(bands) + 0.5) * mel(highest) / mel(sound.sample_rate / 2)
    known = (band < bands)[:, None] & (at < frames)
    levels = sound.mel_levels[np.ix_(np.minimum(band.astype(int), bands - 1), np.minimum(at.astype(int), frames - 1))]
    tile = np.where(known, levels, np.nan)[::-1]
    edge = np.full((GAP // 2, width), np.nan)
    return np.concatenate([edge, tile, edge])


def plot_spectra(levels: pd.DataFrame, path: str) -> None:
    """Third-octave spectra, one row per class: the median over clips, and the range of the middle half.

    Args:
        levels: one row per clip with its label as the index, one column per centre frequency (Hz); dB below the
            loudest band.
    """
    labels = sorted(set(levels.index))
    centres = levels.columns.to_numpy()
    rows = (levels.clip(lower=-SPECTRUM_RANGE) / SPECTRUM_RANGE + 1).groupby(level=0)
    with figure(path, 1, 7.5, _heights(len(labels), 0.45), "mean spectra, one row per label") as (_, axes):
        _name_rows(axes, labels)
        _ridges(axes[0], centres, labels, rows)
        axes[0].set_xscale("log")
        ticks = [f for f in (100, 200, 500, 1000, 2000, 5000, 10000, 20000) if f <= centres[-1]]
        axes[0].set_xticks(ticks, [f"{f:g}" if f < 1000 else f"{f / 1000:g} k" for f in ticks])
        axes[0].minorticks_off()
        axes[0].set_xlim(centres[0], centres[-1])
        axes[0].set_xlabel(f"frequency (Hz); the height of a row is {SPECTRUM_RANGE} dB")
        axes[0].grid(axis="x", alpha=0.3)


def _ridges(axis: Axes, centres: np.ndarray, labels: list[str], rows: pd.api.typing.DataFrameGroupBy) -> None:
    middle, low, high = (0.85 * rows.quantile(share) for share in (0.5, 0.25, 0.75))
    for row, label in enumerate(labels):
        base = row + 0.45
        axis.axhline(base, color="0.85", linewidth=0.6)
        axis.fill_between(centres, base - low.loc[label], base - high.loc[label], color=PALETTE[5], alpha=0.5, lw=0)
        axis.plot(centres, base - middle.loc[label], color=PALETTE[0], linewidth=1.3)


def image_uri(levels: np.ndarray) -> str:
    """Levels ``(bands, frames)`` in dB below the maximum as a PNG image in a data URI."""
    buffer = io.BytesIO()
    plt.imsave(buffer, levels[::-1], cmap="magma", vmin=-RANGE, vmax=0, format="png")
    return data_uri("image/png", buffer.getvalue())
