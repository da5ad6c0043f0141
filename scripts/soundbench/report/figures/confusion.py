"""Figures of confusion matrices and of calibration."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage

from soundbench.evaluation.breakdowns import by_model, class_order, pooled_confusion, runs_by
from soundbench.report.drawing import ABOVE, LETTER, SMALL, WIDEST, figure, first_of_rows, shortened, write_shares
from soundbench.report.style import model_colours, model_markers
from soundbench.tasks.classification import row_shares
from soundbench.tasks.registry import find_metric

FEW_CLASSES = 20  # up to here numbers fit into the cells
FEW_CELL = 0.25  # inches, the side of a cell with a number
CELL = 0.135  # of one without
MARGIN = 0.5  # inches beside a matrix and its labels
TITLE = 0.8  # inches above and below them


def plot_confusion(metrics: list[str], key: str, names: list[str], ranked: dict[str, str], path: str) -> None:
    """Confusion matrices, one panel per name: row shares over all folds and seeds, and the mean score.

    Classes that are confused are neighbours; panels of the same classes have them in the same order.

    Args:
        key: what differs from panel to panel, ``model`` or ``dataset``; ``names`` are its values, in their order.
        ranked: the metric of each data set, for the score in the panels' titles.
    """
    runs = runs_by(key, names, metrics)
    labels = {name: tuple(own[0]["labels"]) for name, own in runs.items()}
    counts = {name: pooled_confusion(own) for name, own in runs.items()}
    orders = {
        each: class_order(np.sum([counts[name] for name in runs if labels[name] == each], axis=0))
        for each in labels.values()
    }
    most = max(map(len, orders))
    beside = MARGIN + LETTER * max(len(shortened(label)) for each in orders for label in each)
    side = max(1.8, min((FEW_CELL if most <= FEW_CLASSES else CELL) * most, WIDEST - beside))
    named_every = math.ceil(most * CELL / side)
    with figure(path, len(runs), side + beside, side + beside + TITLE, f"confusion matrices, one panel per {key}") as (
        canvas,
        axes,
    ):
        for axis, (name, own) in zip(axes, runs.items(), strict=True):
            image = _draw_matrix(axis, counts[name], labels[name], orders[labels[name]], named_every)
            metric = find_metric(ranked[own[0]["dataset"]])
            score = float(np.mean([run["scores"][ranked[own[0]["dataset"]]] for run in own]))
            axis.set_title(f"{shortened(name)}\n{metric.title} {metric.with_unit(score)}", fontsize=10, y=ABOVE)
        for axis in first_of_rows(axes):
            axis.set_ylabel("true")
        bar = canvas.colorbar(image, ax=list(axes), location="bottom", aspect=40, fraction=0.03, pad=0.02)
        bar.set_label("share of the true class (%)")


def _draw_matrix(
    axis: Axes, table: np.ndarray, labels: tuple[str, ...], order: np.ndarray, named_every: int
) -> AxesImage:
    """One matrix; every ``named_every``-th class has its label."""
    shares = 100 * row_shares(table)[np.ix_(order, order)]
    image = axis.imshow(shares, cmap="Blues", vmin=0, vmax=100)
    if len(labels) <= FEW_CLASSES:
        write_shares(axis, image, shares)
    ticks = range(0, len(order), named_every)
    written = [shortened(labels[order[number]]) for number in ticks]
    axis.set_xticks(ticks, written, rotation=90, fontsize=SMALL)
    axis.set_yticks(ticks, written, fontsize=SMALL)
    axis.set_xlabel("predicted")
    axis.spines[:].set_visible(False)
    return image


def plot_calibration(metrics: list[str], models: list[str], path: str) -> None:
    """Reliability diagrams of one data set, one panel per model: the share of correct predictions by confidence."""
    runs = by_model(metrics, models)
    colours = model_colours(models)
    markers = model_markers(models)
    with figure(path, len(runs), 3.4, 3.8, "reliability diagrams, one panel per model") as (_, axes):
        for axis, (model, own) in zip(axes, runs.items(), strict=True):
            axis.plot([0, 100], [0, 100], color="0.6", linestyle="--", linewidth=1)
            for run in own:
                bins = run["calibration"]
                confidence, correct = ([100 * part[name] for part in bins] for name in ("confidence", "accuracy"))
                axis.plot(confidence, correct, color=colours[model], alpha=0.5, linewidth=1)
                sizes = [4 + 120 * part["clips"] / sum(each["clips"] for each in bins) for part in bins]
                axis.scatter(confidence, correct, sizes, color=colours[model], marker=markers[model], alpha=0.6)
            error = 100 * np.mean([run["scores"]["calibration_error"] for run in own])
            axis.set_title(f"{shortened(model)}\ncalibration error {error:.1f} points", fontsize=10, y=ABOVE)
            axis.set_xlabel("predicted probability (%)")
            axis.set_xlim(0, 102)
            axis.set_ylim(0, 102)
            axis.set_aspect("equal")
        for axis in first_of_rows(axes):
            axis.set_ylabel("correct predictions (%)")
