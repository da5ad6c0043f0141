"""Figures of confusion matrices and of calibration."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage

from soundbench.evaluation.breakdowns import by_model, class_order, pooled_confusion, runs_by
from soundbench.evaluation.metrics import METRIC_NAMES, row_shares
from soundbench.report.drawing import figure
from soundbench.report.style import model_colours, model_markers

TITLE = 0.6  # inches above a matrix
FEW_CLASSES = 20  # up to here numbers fit into the cells


def plot_confusion(metrics: list[str], key: str, names: list[str], metric: str, path: str) -> None:
    """Confusion matrices, one panel per name: row shares over all folds and seeds, and the mean score.

    Classes that are confused are neighbours; panels of the same classes have them in the same order.

    Args:
        key: what differs from panel to panel, ``model`` or ``dataset``; ``names`` are its values, in their order.
        metric: the score in the panels' titles.
    """
    runs = runs_by(key, names, metrics)
    labels = {name: tuple(own[0]["labels"]) for name, own in runs.items()}
    counts = {name: pooled_confusion(own) for name, own in runs.items()}
    orders = {
        each: class_order(np.sum([counts[name] for name in runs if labels[name] == each], axis=0))
        for each in labels.values()
    }
    most = max(map(len, orders))
    side = max(3.2, (0.36 if most <= FEW_CLASSES else 0.19) * most + 1.6)
    with figure(path, len(runs), side, side + TITLE, f"confusion matrices, one panel per {key}") as (canvas, axes):
        for axis, (name, own) in zip(axes, runs.items(), strict=True):
            named = axis is axes[0] or len(orders) > 1
            image = _draw_matrix(axis, counts[name], labels[name], orders[labels[name]], named)
            score = 100 * np.mean([run["scores"][metric] for run in own])
            axis.set_title(f"{name}\n{METRIC_NAMES[metric]} {score:.1f} %")
        axes[0].set_ylabel("true")
        canvas.colorbar(image, ax=list(axes), label="share of the true class (%)", shrink=0.7)


def _draw_matrix(axis: Axes, table: np.ndarray, labels: tuple[str, ...], order: np.ndarray, named: bool) -> AxesImage:
    """One matrix; ``named`` says whether its rows are labelled, as those of the left-most panel are."""
    shares = 100 * row_shares(table)[np.ix_(order, order)]
    image = axis.imshow(shares, cmap="Blues", vmin=0, vmax=100)
    few = len(labels) <= FEW_CLASSES
    if few:
        _write_shares(axis, shares)
    ticks = [labels[number] for number in order]
    size = 10 if few else 8
    axis.set_xticks(range(len(ticks)), ticks, rotation=90, fontsize=size)
    axis.set_yticks(range(len(ticks)), ticks if named else [""] * len(ticks), fontsize=size)
    axis.set_xlabel("predicted")
    axis.spines[:].set_visible(False)
    return image


def _write_shares(axis: Axes, shares: np.ndarray) -> None:
    for (row, column), share in np.ndenumerate(shares):
        if share >= 1:
            shade = "white" if share > 55 else "black"
            axis.text(column, row, f"{share:.0f}", ha="center", va="center", color=shade, fontsize=8)


def plot_calibration(metrics: list[str], models: list[str], path: str) -> None:
    """Reliability diagrams of one data set, one panel per model: the share of correct predictions by confidence."""
    runs = by_model(metrics, models)
    colours = model_colours(models)
    markers = model_markers(models)
    with figure(path, len(runs), 3.4, 3.6, "reliability diagrams, one panel per model") as (_, axes):
        for axis, (model, own) in zip(axes, runs.items(), strict=True):
            axis.plot([0, 100], [0, 100], color="0.6", linestyle="--", linewidth=1)
            for run in own:
                bins = run["calibration"]
                confidence, correct = ([100 * part[name] for part in bins] for name in ("confidence", "accuracy"))
                axis.plot(confidence, correct, color=colours[model], alpha=0.5, linewidth=1)
                sizes = [4 + 120 * part["clips"] / sum(each["clips"] for each in bins) for part in bins]
                axis.scatter(confidence, correct, sizes, color=colours[model], marker=markers[model], alpha=0.6)
            error = 100 * np.mean([run["scores"]["calibration_error"] for run in own])
            axis.set_title(f"{model}\ncalibration error {error:.1f} points")
            axis.set_xlabel("predicted probability (%)")
            axis.set_xlim(0, 102)
            axis.set_ylim(0, 102)
            axis.set_aspect("equal")
        axes[0].set_ylabel("correct predictions (%)")
