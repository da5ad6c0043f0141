"""Figures of predicted numbers: against the true ones, and what is left of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from soundbench.core.storage import read_clip_table
from soundbench.evaluation.breakdowns import by_model
from soundbench.report.drawing import figure, shortened
from soundbench.report.style import model_colours
from soundbench.tasks.labels import TRUE
from soundbench.tasks.registry import find_metric
from soundbench.tasks.regression import Regression

PANEL = 3.6  # inches


def plot_values(predictions: list[str], metrics: list[str], models: list[str], path: str) -> None:
    """Predicted against true numbers, one row of panels per model and one panel per target, and their concordance.

    Args:
        predictions: ``…/{model}/seed{seed}/predictions.csv`` of every run; a dot is the mean over seeds.
        metrics: ``metrics.json`` of every run, for the concordance of each seed; their mean is above a panel.
    """
    runs = by_model(metrics, models)
    tables = dict(_means(predictions, models))
    targets = Regression.find_labels(next(iter(tables.values())))
    with _panels(path, tables, targets, "predicted against true numbers") as (_, axes):
        for axis, (model, target) in zip(axes, _pairs(tables, targets), strict=True):
            truth = tables[model][TRUE + target]
            values = tables[model][target]
            ends = [min(truth.min(), values.min()), max(truth.max(), values.max())]
            axis.plot(ends, ends, color="0.6", linestyle="--", linewidth=1)
            _dots(axis, truth, values, model_colours(models)[model])
            scores = [row["ccc"] for run in runs[model] for row in run["targets"] if row["target"] == target]
            concordance = float(np.mean(scores))
            axis.set_title(f"{shortened(model)}\nconcordance {find_metric('ccc').format(concordance)}", fontsize=10)
            axis.set_xlabel(f"true {shortened(target)}")
            axis.set_ylabel(f"predicted {shortened(target)}")


def plot_residuals(predictions: list[str], models: list[str], path: str) -> None:
    """Predicted minus true numbers against predicted ones, with the mean in each tenth of the clips.

    Args:
        predictions: as of :func:`plot_values`.
    """
    tables = dict(_means(predictions, models))
    targets = Regression.find_labels(next(iter(tables.values())))
    with _panels(path, tables, targets, "errors against predicted numbers") as (_, axes):
        for axis, (model, target) in zip(axes, _pairs(tables, targets), strict=True):
            values = tables[model][target]
            errors = values - tables[model][TRUE + target]
            axis.axhline(0, color="0.6", linestyle="--", linewidth=1)
            _dots(axis, values, errors, model_colours(models)[model])
            tenths = np.array_split(np.argsort(values.to_numpy(), kind="stable"), min(10, len(values)))
            means = [(values.iloc[part].mean(), errors.iloc[part].mean()) for part in tenths]
            axis.plot(*zip(*means, strict=True), color="black", linewidth=1.5)
            axis.set_title(shortened(model), fontsize=10)
            axis.set_xlabel(f"predicted {shortened(target)}")
            axis.set_ylabel("predicted − true")


def _panels(
    path: str, tables: dict[str, pd.DataFrame], targets: list[str], title: str
) -> AbstractContextManager[tuple[Figure, np.ndarray]]:
    return figure(path, len(tables) * len(targets), PANEL, 3.2, title, columns=min(3, len(targets)))


def _pairs(tables: dict[str, pd.DataFrame], targets: list[str]) -> Iterator[tuple[str, str]]:
    yield from ((model, target) for model in tables for target in targets)


def _dots(axis: Axes, x: pd.Series, y: pd.Series, colour: str) -> None:
    axis.plot(x, y, "o", color=colour, alpha=0.5, markersize=4, markeredgewidth=0, rasterized=len(x) > 2000)
    axis.grid(alpha=0.3)


def _means(predictions: list[str], models: list[str]) -> Iterator[tuple[str, pd.DataFrame]]:
    """The mean predictions over seeds of each model that has any."""
    for model in models:
        own = [read_clip_table(name) for name in predictions if Path(name).parts[-3] == model]
        if own:
            yield model, pd.concat(own).drop(columns="fold").groupby("clip", sort=False).mean().reset_index()
