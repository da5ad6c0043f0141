"""Figures of what is mistaken for what, and of how far a model's own certainty can be trusted."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from soundbench.details import by_model, class_order, pooled_confusion
from soundbench.looks import model_colours, model_markers
from soundbench.plots import figure

FEW_CLASSES = 20  # up to here numbers fit into the cells


def plot_confusion(metrics: list[str], models: list[str], path: str) -> None:
    """Confusion matrices of one data set, a panel a model: row shares over all folds and seeds.

    Classes stand in the same order in every panel, those that are confused side by side.
    """
    runs = by_model(metrics, models)
    counts = {model: pooled_confusion(own) for model, own in runs.items()}
    order = class_order(sum(counts.values()))
    labels = [next(iter(runs.values()))[0]["labels"][place] for place in order]
    few = len(labels) <= FEW_CLASSES
    side = max(3.2, (0.36 if few else 0.19) * len(labels) + 1.6)
    with figure(path, len(runs), side, side, "confusion matrices, a panel a model") as (canvas, axes):
        for axis, (model, table) in zip(axes, counts.items(), strict=True):
            shares = 100 * (table / np.maximum(table.sum(axis=1, keepdims=True), 1))[np.ix_(order, order)]
            image = axis.imshow(shares, cmap="Blues", vmin=0, vmax=100)
            if few:
                _write_shares(axis, shares)
            size = 10 if few else 8
            axis.set_xticks(range(len(labels)), labels, rotation=90, fontsize=size)
            axis.set_yticks(range(len(labels)), labels if axis is axes[0] else [""] * len(labels), fontsize=size)
            axis.set_title(model)
            axis.set_xlabel("predicted")
            axis.spines[:].set_visible(False)
        axes[0].set_ylabel("true")
        canvas.colorbar(image, ax=list(axes), label="share of the true class (%)", shrink=0.7)


def _write_shares(axis: Axes, shares: np.ndarray) -> None:
    for (row, column), share in np.ndenumerate(shares):
        if share >= 1:
            shade = "white" if share > 55 else "black"
            axis.text(column, row, f"{share:.0f}", ha="center", va="center", color=shade, fontsize=8)


def plot_calibration(metrics: list[str], models: list[str], path: str) -> None:
    """Reliability diagrams of one data set, a panel a model: how often it was right against how sure it was."""
    runs, colours, markers = by_model(metrics, models), model_colours(models), model_markers(models)
    with figure(path, len(runs), 3.4, 3.6, "reliability diagrams, a panel a model") as (_, axes):
        for axis, (model, own) in zip(axes, runs.items(), strict=True):
            axis.plot([0, 100], [0, 100], color="0.6", linestyle="--", linewidth=1)
            for run in own:
                bins = run["calibration"]
                sure, right = ([100 * part[name] for part in bins] for name in ("confidence", "accuracy"))
                axis.plot(sure, right, color=colours[model], alpha=0.5, linewidth=1)
                sizes = [4 + 120 * part["clips"] / sum(each["clips"] for each in bins) for part in bins]
                axis.scatter(sure, right, sizes, color=colours[model], marker=markers[model], alpha=0.6)
            error = 100 * np.mean([run["scores"]["calibration_error"] for run in own])
            axis.set_title(f"{model}\ncalibration error {error:.1f} points")
            axis.set_xlabel("probability given (%)")
            axis.set_xlim(0, 102)
            axis.set_ylim(0, 102)
            axis.set_aspect("equal")
        axes[0].set_ylabel("of those, right (%)")
