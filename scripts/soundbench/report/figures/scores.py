"""Figures of scores: every fold and seed, the ranks over data sets, and score against cost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter, Locator, LogLocator, MaxNLocator, NullFormatter

from soundbench.report.drawing import ABOVE, figure, first_of_rows, legend_below, shortened
from soundbench.report.results import read_summary
from soundbench.report.style import model_colours, model_markers
from soundbench.tasks.metric import Metric
from soundbench.tasks.registry import find_metric


def plot_scores(scores: str, leaderboard: str, models: list[str], ranked: dict[str, str], path: str) -> None:
    """Compare models, one panel per data set and protocol: one dot per fold and seed, the mean, and its interval.

    All panels of one metric share one scale.

    Args:
        ranked: the metric that ranks the models of each data set.
    """
    rows = dict(list(read_summary(scores).groupby(["dataset", "model"])))
    board = read_summary(leaderboard)
    colours = model_colours(models)
    panels = board[["dataset", "protocol"]].drop_duplicates()
    height = 1.3 + 0.55 * board.groupby(["dataset", "protocol"]).size().max()
    metrics = {name: find_metric(ranked[name]) for name in panels["dataset"]}
    titles = " and ".join(dict.fromkeys(metric.title for metric in metrics.values()))
    with figure(path, len(panels), 5.2, height, f"{titles} of every model, fold and seed") as (_, axes):
        for axis, (dataset, protocol) in zip(axes, panels.itertuples(index=False), strict=True):
            here = board[(board["dataset"] == dataset) & (board["protocol"] == protocol)].iloc[::-1]
            ticks = []
            for position, entry in enumerate(here.itertuples()):
                mine = rows[dataset, entry.model]
                known = mine[mine[ranked[dataset]].notna()]
                _score_row(axis, position, entry, known[ranked[dataset]], colours[entry.model], metrics[dataset])
                done = known["seed"].nunique()
                seeds = mine["seed"].nunique()
                name = shortened(entry.model)
                ticks.append(name if done == seeds else f"{name}\n({done} of {seeds} seeds)")
            axis.set_yticks(range(len(here)), ticks)
            axis.set_ylim(-0.5, len(here) - 0.3)
            axis.set_xlabel(metrics[dataset].heading)
            axis.set_title(f"{shortened(dataset)} ({protocol})", y=ABOVE)
            axis.grid(axis="x", alpha=0.3)
        _share_scales(axes)


def _share_scales(axes: np.ndarray) -> None:
    """One scale for all panels of one metric, which the label of the axis names."""
    for label in {axis.get_xlabel() for axis in axes}:
        alike = [axis for axis in axes if axis.get_xlabel() == label]
        limits = [limit for axis in alike if axis.has_data() for limit in axis.get_xlim()]
        for axis in alike:
            axis.set_xlim(min(limits, default=0), max(limits, default=100))


def _score_row(axis: Axes, position: int, entry: Any, values: pd.Series, colour: str, metric: Metric) -> None:
    if values.empty:
        axis.annotate("missing", (0.5, position), xycoords=("axes fraction", "data"), ha="center", color="0.4")
        return
    jitter = np.linspace(-0.16, 0.16, len(values))
    axis.plot(metric.factor * values, position + jitter, "o", color=colour, alpha=0.35, markersize=4, markeredgewidth=0)
    interval = [metric.factor * entry.interval_low, metric.factor * entry.interval_high]
    axis.plot(interval, [position, position], color=colour, linewidth=3, solid_capstyle="butt")
    mean = metric.factor * entry.mean
    axis.plot(mean, position, "D", color=colour, markersize=8, markeredgecolor="white")
    axis.annotate(metric.with_unit(entry.mean), (mean, position), (0, 9), textcoords="offset points", ha="center")


COSTS = {
    "train_seconds": "training (s per fold)",
    "predict_milliseconds": "prediction (ms per clip)",
    "parameters": "parameters",
}


def plot_costs(leaderboard: str, costs: str, dataset: str, models: list[str], metric: str, path: str) -> None:
    """Score against cost on one data set, one panel per kind of cost: better is up, cheaper is left."""
    board = read_summary(leaderboard).merge(read_summary(costs), on=["dataset", "model", "protocol"])
    board = board[board["dataset"] == dataset].dropna(subset=["mean"])
    colours = model_colours(models)
    markers = model_markers(models)
    score = find_metric(metric)
    with figure(path, len(COSTS), 4.0, 3.6, f"{score.title} on {dataset} against cost") as (canvas, axes):
        for axis, (cost, name) in zip(axes, COSTS.items(), strict=True):
            for entry in board.itertuples():
                spot = (getattr(entry, cost), score.factor * entry.mean)
                colour = colours[entry.model]
                reach = [[spot[1] - score.factor * entry.interval_low], [score.factor * entry.interval_high - spot[1]]]
                style = {"fmt": markers[entry.model], "color": colour, "markersize": 8, "elinewidth": 1.5}
                axis.errorbar(*spot, yerr=reach, label=shortened(entry.model), **style)
            axis.set_xscale("log")
            axis.margins(x=0.35)
            low, high = axis.get_xlim()
            axis.xaxis.set_major_locator(_log_ticks(low, high))
            axis.xaxis.set_major_formatter(_short)
            axis.xaxis.set_minor_formatter(NullFormatter())
            axis.set_xlabel(name)
            axis.grid(alpha=0.3)
            if not score.higher_is_better:
                axis.invert_yaxis()
        for axis in first_of_rows(axes):
            axis.set_ylabel(score.heading)
        legend_below(canvas, axes[0])  # beside the points, names of models of like cost would overlap


def _log_ticks(low: float, high: float) -> Locator:
    """Powers of ten, also twice and five times these on a short axis; on one too short for two of them, even steps."""
    if high < 5 * low:
        return MaxNLocator(3)
    return LogLocator(subs=(1, 2, 5) if high < 50 * low else (1,))


def _short(value: float, _: int) -> str:
    """A number on an axis: 0.5, 200, 5M."""
    return f"{value:g}" if value < 1000 else EngFormatter(sep="")(value)


def plot_ranks(leaderboard: str, models: list[str], sources: dict[str, str], ranked: dict[str, str], path: str) -> None:
    """Mean ranks over data sets and the critical difference: a bar joins models that do not differ (Demšar, 2006).

    The test takes data sets as independent, so only the first view of each source counts. Data sets on which a model
    has no score are left out; the title gives the number of those used. Nothing is drawn where fewer than two are left.
    At least two models are needed.

    Args:
        sources: the source of each data set, in their order.
        ranked: the metric that ranks the models of each data set.
    """
    # This imports scipy, which no other figure here needs.
    from soundbench.evaluation.significance import critical_difference

    board = read_summary(leaderboard)
    grid = board.pivot(index="dataset", columns="model", values="mean").reindex(list(sources)).dropna()
    grid = grid[~grid.index.to_series().map(sources).duplicated()]
    if len(grid) < 2:
        return
    goodness = grid.mul([1 if find_metric(ranked[name]).higher_is_better else -1 for name in grid.index], axis=0)
    with figure(path, 1, 7.2, 1.6 + 0.28 * len(models), "mean ranks of the models over data sets") as (_, (axis,)):
        axis.set_title(f"mean rank over {len(grid)} data sets (1 is best)", y=ABOVE)
        axis.set_yticks([])
        axis.spines["left"].set_visible(False)
        ranks, critical, p = critical_difference(goodness[models].to_numpy())
        _draw_ranks(axis, dict(zip(models, ranks, strict=True)), critical, p)


def _draw_ranks(axis: Axes, ranks: dict[str, float], critical: float, p: float) -> None:
    colours = model_colours(ranks)
    markers = model_markers(ranks)
    order = sorted(ranks, key=ranks.__getitem__)
    for position, model in enumerate(order):
        axis.plot(ranks[model], -position, markers[model], color=colours[model], markersize=8)
        # From each model to the last one whose rank is within the critical difference.
        reach = max(ranks[other] for other in order if ranks[other] <= ranks[model] + critical)
        axis.plot(
            [ranks[model], reach], [-position, -position], color="0.6", linewidth=3, zorder=0, solid_capstyle="butt"
        )
    # Beside the axis, clear of the bars.
    names = [f"{shortened(model)}  {ranks[model]:.2f}" for model in order]
    axis.set_yticks([-position for position in range(len(order))], names)
    axis.tick_params(left=False)
    friedman = "" if np.isnan(p) else f"; Friedman p = {p:.3g}"
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set_xlabel(f"mean rank{friedman}\ngrey bars reach to models within the critical difference of {critical:.2f}")
    axis.set_xlim(0.8, len(ranks) + 0.8)
    axis.set_ylim(-len(ranks) + 0.4, 0.6)
