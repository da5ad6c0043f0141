"""Figures of how training went."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.ticker import MaxNLocator

from soundbench.looks import model_colours
from soundbench.plots import figure


def plot_training(histories: list[str], models: list[str], path: str) -> None:
    """Training curves of one data set, a panel a model: each run's loss an epoch, thin, and their mean.

    Args:
        histories: ``…/{model}/seed{seed}/fold{fold}/history.csv`` of every run.
    """
    colours = model_colours(models)
    tables = [pd.read_csv(name).assign(run=name, model=Path(name).parents[2].name) for name in histories]
    epochs = pd.concat(tables)
    trained = [model for model in models if model in set(epochs["model"])]
    with figure(path, len(trained), 4.6, 3.4, "loss after each epoch, a panel a model") as (_, axes):
        for axis, model in zip(axes, trained, strict=True):
            runs = epochs[epochs["model"] == model]
            for part, colour, name in (("train", "0.55", "training"), ("val", colours[model], "validation")):
                if f"{part}_loss" not in runs:
                    continue
                curves = runs.pivot(index="epoch", columns="run", values=f"{part}_loss")
                axis.plot(curves.index, curves, color=colour, alpha=0.25, linewidth=0.7)
                # Beyond the epoch at which half of the runs have stopped, a mean would be that of the slow ones.
                mean = curves.mean(axis=1)[curves.notna().mean(axis=1) >= 0.5]
                axis.plot(mean.index, mean, color=colour, linewidth=2.2, label=name)
            axis.set_title(f"{model} ({runs['run'].nunique()} runs)")
            axis.set_xlabel("epoch")
            axis.xaxis.set_major_locator(MaxNLocator(integer=True))
            axis.set_ylim(bottom=0)
            axis.legend()
        axes[0].set_ylabel("loss (cross-entropy)")
