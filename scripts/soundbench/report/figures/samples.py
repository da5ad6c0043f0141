"""A figure of sample predictions, drawn on the spectrograms of their clips."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter

from soundbench.core.storage import read_clip_table, read_clip_tables
from soundbench.evaluation.breakdowns import average_predictions
from soundbench.report.drawing import ABOVE, SMALL, figure, first_of_rows, shortened
from soundbench.report.media import (
    LISTENING_RATE,
    LOWEST,
    highest_frequency,
    read_for_listening,
    spectrogram_shades,
)

ROWS = 4
COLUMNS = 3
HEIGHT = 72  # pixels of a spectrogram: few, so that a report of many models stays small
WIDTH = 160
SHADES = 16
PANEL = 3.4  # inches, the width of a panel
CORRECT = "#005A8E"  # blue, and vermilion for errors; dark enough for letters: a contrast of at least 6
WRONG = "#A34700"
TICKS = (100, 1000, 10000)  # Hz


def draw_samples(clips: pd.DataFrame, number: int) -> pd.DataFrame:
    """``number`` random clips, whether correct or not: one of each class in turn, the same at every call."""
    mixed = clips.sample(frac=1, random_state=0)
    turn = mixed.groupby("label").cumcount().rename("turn")
    return mixed.iloc[np.argsort(turn.to_numpy(), kind="stable")][:number].sort_values("label", kind="stable")


def _small(shades: np.ndarray) -> np.ndarray:
    """At most :data:`WIDTH` columns of ``(height, frames)``, each the mean of its frames, in :data:`SHADES` shades."""
    starts = np.unique(np.linspace(0, shades.shape[1], WIDTH, endpoint=False).astype(int))
    means = np.add.reduceat(shades, starts, axis=1) / np.diff([*starts, shades.shape[1]])
    return np.round(means * SHADES) / SHADES


@lru_cache(maxsize=200)  # the figures of all models of a data set show the same clips
def _spectrogram(path: str) -> tuple[float, float, np.ndarray]:
    """The length of a file (s), the highest frequency that it holds (Hz), and its spectrogram."""
    samples = read_for_listening(path)
    highest = highest_frequency(path)
    return len(samples) / LISTENING_RATE, highest, _small(spectrogram_shades(samples, HEIGHT, highest))


def frequency_names(ticks: Iterable[float]) -> list[str]:
    """Frequencies (Hz) as they stand on an axis: 500, 2k."""
    return [EngFormatter(sep="")(tick) for tick in ticks]


def draw_spectrogram(axis: Axes, path: str) -> None:
    """The spectrogram of a file, with its time (s) and its frequency (Hz, logarithmic) up to what the file holds."""
    seconds, highest, image = _spectrogram(path)
    edges = (0, seconds, math.log10(LOWEST), math.log10(highest))
    axis.imshow(image, cmap="magma", aspect="auto", interpolation="none", extent=edges)
    ticks = [tick for tick in TICKS if tick <= highest]
    axis.set_yticks([math.log10(tick) for tick in ticks], frequency_names(ticks))
    axis.tick_params(labelsize=SMALL)
    axis.set_xlabel("time (s)", fontsize=SMALL)
    axis.spines[:].set_in_layout(False)  # the numbers beside them lie further out


def plot_samples(predictions: list[str], clips: str, path: str) -> None:
    """Spectrograms of some test clips with their labels and a model's predictions.

    Args:
        predictions: one file per seed; probabilities are means over them.
        clips: the clip table, for the files.
    """
    table = average_predictions(list(read_clip_tables(predictions)))
    chosen = draw_samples(table, ROWS * COLUMNS)
    files = read_clip_table(clips).set_index("clip")["path"]
    with figure(path, len(chosen), PANEL, 2.1, "sample predictions on spectrograms", COLUMNS) as (_, axes):
        for axis, (clip, row) in zip(axes, chosen.iterrows(), strict=True):
            draw_spectrogram(axis, files[clip])
            correct = row["label"] == row["predicted"]
            verdict = "correct" if correct else f"taken for {shortened(row['predicted'])}"
            title = f"{shortened(row['label'])}\n{verdict}, {100 * row['probability']:.0f} %"
            axis.set_title(title, color=CORRECT if correct else WRONG, fontsize=9, y=ABOVE)
        for axis in first_of_rows(axes):
            axis.set_ylabel("frequency (Hz)", fontsize=SMALL)
