"""Figures of tasks with several labels per clip: the score of each label, and which labels occur together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from soundbench.evaluation.breakdowns import by_model
from soundbench.report.drawing import ABOVE, LETTER, SMALL, figure, first_of_rows, legend_below, shortened, write_shares
from soundbench.report.style import model_colours, model_markers

MOST = 60  # labels in a figure
FEW = 12  # up to here numbers fit into the cells of a matrix
ROW = 0.24  # inches per label


def plot_label_scores(metrics: list[str], models: list[str], path: str) -> None:
    """The average precision of each label, one mark per model, and the share of clips that have the label.

    The labels are sorted by their mean over models; of more than :data:`MOST`, those with the lowest mean are drawn. A
    label that no test clip has is left out.
    """
    runs = by_model(metrics, models)
    colours = model_colours(models)
    markers = model_markers(models)
    labels = next(iter(runs.values()))[0]["labels"]
    found = {model: _of_labels(own, "average_precision") for model, own in runs.items()}
    prevalence = np.mean([_prevalence(run) for own in runs.values() for run in own], axis=0)
    means = pd.DataFrame(found).mean(axis=1).dropna()
    order = means.sort_values(kind="stable").index.to_numpy()[:MOST]
    height = 1.4 + ROW * len(order)
    with figure(path, 1, 8.0, height, "average precision of each label") as (canvas, (axis,)):
        places = np.arange(len(order))
        axis.plot(100 * prevalence[order], places, "|", color="0.4", markersize=10, label="guessing")
        for model, values in found.items():
            style = {"color": colours[model], "marker": markers[model], "linestyle": "none", "alpha": 0.85}
            axis.plot(100 * values[order], places, label=shortened(model), **style)
        axis.set_yticks(places, [shortened(labels[number]) for number in order])
        axis.set_ylim(-0.6, len(order) - 0.4)
        axis.set_xlim(-2, 102)
        axis.set_xlabel("average precision (%)")
        axis.grid(alpha=0.3)
        legend_below(canvas, axis)


def _of_labels(runs: list[dict[str, Any]], score: str) -> np.ndarray:
    """A score of each label, the mean over the runs in which it is known, ``(labels,)``; NaN where it is in none."""
    found = [[row[score] for row in run["classes"]] for run in runs]
    return pd.DataFrame(found, dtype=float).mean().to_numpy()


def _prevalence(run: dict[str, Any]) -> np.ndarray:
    """The share of test clips that have each label, ``(labels,)``."""
    return np.array([row["support"] for row in run["classes"]]) / sum(fold["clips"] for fold in run["folds"])


def plot_occurrences(metrics: list[str], models: list[str], path: str) -> None:
    """Which labels occur together: of the clips with the label of a row, the share that have the label of the column.

    The first panel has the true labels; one panel per model has its predictions. Of more than :data:`MOST` labels,
    the most frequent are drawn.
    """
    runs = by_model(metrics, models)
    first = next(iter(runs.values()))[0]
    panels = {"true labels": np.array(first["occurrences"]["true"])}
    panels |= {
        shortened(model): np.sum([run["occurrences"]["predicted"] for run in own], axis=0)
        for model, own in runs.items()
    }
    chosen = np.sort(np.argsort(-np.diag(panels["true labels"]), kind="stable")[:MOST])
    labels = [shortened(first["labels"][number]) for number in chosen]
    beside = 0.6 + LETTER * max(map(len, labels))
    side = max(1.8, 0.3 * min(len(labels), FEW) + 0.12 * max(0, len(labels) - FEW))
    with figure(path, len(panels), side + beside, side + beside + 0.6, "labels that occur together") as (canvas, axes):
        for axis, (name, counts) in zip(axes, panels.items(), strict=True):
            image = _draw_shares(axis, counts[np.ix_(chosen, chosen)], labels)
            axis.set_title(name, fontsize=10, y=ABOVE)
        for axis in first_of_rows(axes):
            axis.set_ylabel("of the clips with")
        bar = canvas.colorbar(image, ax=list(axes), location="bottom", aspect=40, fraction=0.03, pad=0.02)
        bar.set_label("share that also have the label of the column (%)")


def _draw_shares(axis: Axes, counts: np.ndarray, labels: list[str]) -> Any:
    """The matrix of one panel; a label that no clip has is an empty row."""
    sizes = np.diag(counts)
    shares = np.divide(100.0 * counts, sizes[:, None], out=np.full(counts.shape, np.nan), where=sizes[:, None] > 0)
    np.fill_diagonal(shares, np.nan)
    image = axis.imshow(shares, cmap="Blues", vmin=0, vmax=100)
    if len(labels) <= FEW:
        write_shares(axis, image, shares)
    axis.set_xticks(range(len(labels)), labels, rotation=90, fontsize=SMALL)
    axis.set_yticks(range(len(labels)), labels, fontsize=SMALL)
    axis.spines[:].set_visible(False)
    return image
