"""Figures of training curves."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from soundbench.report.drawing import figure
from soundbench.report.style import model_colours

MEASURES = {"loss": 1, "accuracy": 100}  # and the factor to the unit of its axis


def plot_training(histories: list[str], models: list[str], path: str) -> None:
    """Training curves of one data set, one column of panels per model: loss above, accuracy below.

    Each run is a thin line, their mean is a thick line.

    Args:
        histories: ``…/{model}/seed{seed}/fold{fold}/history.csv`` of every run.
    """
    colours = model_colours(models)
    tables = [pd.read_csv(name).assign(run=name, model=Path(name).parents[2].name) for name in histories]
    epochs = pd.concat(tables)
    trained = [model for model in models if model in set(epochs["model"])]
    title = "loss and accuracy after each epoch, one column per model"
    with figure(path, len(trained), 4.6, 2.8, title, rows=len(MEASURES)) as (_, panels):
        axes = panels.reshape(len(MEASURES), len(trained))
        for column, model in zip(axes.T, trained, strict=True):
            runs = epochs[epochs["model"] == model]
            for axis, (measure, scale) in zip(column, MEASURES.items(), strict=True):
                for part, colour, name in (("train", "0.55", "training"), ("val", colours[model], "validation")):
                    if f"{part}_{measure}" in runs:
                        curves = runs.pivot(index="epoch", columns="run", values=f"{part}_{measure}")
                        _draw_curves(axis, scale * curves, colour, name)
                axis.xaxis.set_major_locator(MaxNLocator(integer=True))
            column[0].set_title(f"{model} ({runs['run'].nunique()} runs)")
            column[0].set_ylim(bottom=0)
            column[0].legend()
            column[1].set_ylim(0, 102)
            column[1].set_xlabel("epoch")
        axes[0, 0].set_ylabel("loss (cross-entropy)")
        axes[1, 0].set_ylabel("accuracy (%)")


def _draw_curves(axis: Axes, curves: pd.DataFrame, colour: str, name: str) -> None:
    """Draw ``curves``, one row per epoch and one column per run."""
    axis.plot(curves.index, curves, color=colour, alpha=0.25, linewidth=0.7)
    # Once more than half of the runs have stopped, the mean would be that of the slow ones.
    mean = curves.mean(axis=1)[curves.notna().mean(axis=1) >= 0.5]
    axis.plot(mean.index, mean, color=colour, linewidth=2.2, label=name)
