"""A figure of sample predictions, drawn on the spectrograms of their clips."""

from __future__ import annotations

import numpy as np
import pandas as pd

from soundbench.core.storage import read_clip_table
from soundbench.evaluation.breakdowns import average_predictions
from soundbench.report.drawing import figure
from soundbench.report.media import LISTENING_RATE, read_for_listening, spectrogram_shades
from soundbench.report.style import PALETTE

ROWS, COLUMNS = 4, 3
HEIGHT, WIDTH, SHADES = 72, 160, 16  # of a spectrogram: few, so that a report of many models stays small
PANEL = 3.4  # inches, the width of a panel
LABEL = 28  # letters of a label; "taken for" and a share fit beside it over a panel
CORRECT = PALETTE[0]
WRONG = PALETTE[1]


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


def _shortened(label: str) -> str:
    """A label of at most :data:`LABEL` letters, so that the titles of neighbouring panels do not overlap."""
    return label if len(label) <= LABEL else f"{label[: LABEL - 1]}…"


def plot_samples(predictions: list[str], clips: str, path: str) -> None:
    """Spectrograms of some test clips with their labels and a model's predictions.

    Args:
        predictions: one file per seed; probabilities are means over them.
        clips: the clip table, for the files.
    """
    table = average_predictions([read_clip_table(name) for name in predictions])
    chosen = draw_samples(table, ROWS * COLUMNS)
    files = read_clip_table(clips).set_index("clip")["path"]
    rows = -(-len(chosen) // COLUMNS)
    with figure(path, COLUMNS, PANEL, 1.9, "sample predictions on spectrograms", rows) as (_, axes):
        for axis, (clip, row) in zip(axes, chosen.iterrows(), strict=False):
            samples = read_for_listening(files[clip])
            image = _small(spectrogram_shades(samples, HEIGHT))
            extent = (0, len(samples) / LISTENING_RATE, 0, 1)
            axis.imshow(image, cmap="magma", aspect="auto", interpolation="none", extent=extent)
            correct = row["label"] == row["predicted"]
            verdict = "correct" if correct else f"taken for {_shortened(row['predicted'])}"
            title = f"{_shortened(row['label'])}\n{verdict}, {100 * row['probability']:.0f} %"
            axis.set_title(title, color=CORRECT if correct else WRONG, fontsize=9)
            axis.set_yticks([])
            axis.tick_params(labelsize=7)
        for axis in axes[len(chosen) :]:
            axis.set_axis_off()
