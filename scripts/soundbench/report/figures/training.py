"""Figures of training curves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from soundbench.core.storage import read_tables
from soundbench.report.drawing import SMALL, figure, shortened
from soundbench.report.style import model_colours
from soundbench.tasks.task import Task

PARTS = {"train": "training", "val": "validation"}
FEW_EPOCHS = 10  # up to here each epoch has a marker


def plot_training(histories: list[str], models: list[str], task: type[Task], path: str) -> None:
    """Training curves of one data set, one row of panels per model: the loss beside the task's measure of progress.

    Each run is a thin line, their mean is a thick line. All models share their scales. Models of one epoch, such as
    those that are fitted at once, have no curve.

    Args:
        histories: ``…/{model}/seed{seed}/fold{fold}/history.csv`` of every run.
        task: that of the data set.
    """
    colours = model_colours(models)
    tables = zip(histories, read_tables(histories, pd.read_csv), strict=True)
    epochs = pd.concat([table.assign(run=name, model=Path(name).parents[2].name) for name, table in tables])
    trained = [model for model in models if model in set(epochs.loc[epochs["epoch"] > 1, "model"])]
    if not trained:
        return
    measures = dict(zip(("loss", task.progress), task.curves, strict=True))
    title = f"loss and {task.progress} after each epoch, one row per model"
    with figure(path, len(trained) * len(measures), 5.4, 2.5, title, columns=len(measures)) as (_, panels):
        for row, model in zip(panels.reshape(-1, len(measures)), trained, strict=True):
            runs = epochs[epochs["model"] == model]
            for axis, (measure, (name, factor)) in zip(row, measures.items(), strict=True):
                _draw_measure(axis, runs, measure, factor, colours[model])
                axis.set_ylabel(name)
                axis.set_xlim(0.5, epochs["epoch"].max() + 0.5)
            row[0].set_title(f"{shortened(model)} ({runs['run'].nunique()} runs)", loc="left")
            row[0].set_ylim(0, 1.05 * _largest_loss(epochs))
            if task.curves[1][1] == 100:
                row[1].set_ylim(0, 102)


def _largest_loss(epochs: pd.DataFrame) -> float:
    losses = epochs[[f"{part}_loss" for part in PARTS if f"{part}_loss" in epochs]].to_numpy(dtype=float)
    return float(max(losses[np.isfinite(losses)], default=1.0)) or 1.0


def _draw_measure(axis: Axes, runs: pd.DataFrame, measure: str, factor: int, colour: str) -> None:
    for part, described in PARTS.items():
        if f"{part}_{measure}" in runs:
            curves = runs.pivot(index="epoch", columns="run", values=f"{part}_{measure}")
            _draw_curves(axis, factor * curves, "0.45" if part == "train" else colour, described)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axis.set_xlabel("epoch")
    axis.grid(axis="y", alpha=0.3)
    axis.legend(fontsize=SMALL)


def _draw_curves(axis: Axes, curves: pd.DataFrame, colour: str, name: str) -> None:
    """Draw ``curves``, one row per epoch and one column per run."""
    marker = "o" if len(curves) <= FEW_EPOCHS else None
    axis.plot(curves.index, curves, color=colour, alpha=0.25, linewidth=0.7, marker=marker, markersize=3)
    # Once more than half of the runs have stopped, the mean would be that of the slow ones.
    mean = curves.mean(axis=1)[curves.notna().mean(axis=1) >= 0.5]
    axis.plot(mean.index, mean, color=colour, linewidth=2.2, marker=marker, markersize=5, label=name)
