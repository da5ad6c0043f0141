"""Figure of one model on several views of the same recordings: a matrix of wins, ties and losses."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

from soundbench.report.drawing import ABOVE, SMALL, figure, shortened
from soundbench.report.results import read_summary
from soundbench.report.style import text_colour
from soundbench.tasks.single_label import SingleLabel

CELL = 0.5  # inches
LETTER = 0.075  # inches, about the width of a letter of SMALL points
MOST_CELLS = 1600  # of all matrices; with 20 views four models
MARGIN = 0.4  # inches beside a matrix and its labels
TITLE = 0.7  # inches above and below them
LEVEL = 0.05  # of the corrected p-value
COLOURS = {"win": "#7FC8AE", "tie": "#ECECEC", "loss": "#F0A868", "unknown": "#FFFFFF"}


def plot_views(view_comparisons: str, leaderboard: str, models: list[str], datasets: list[str], path: str) -> None:
    """Draw one matrix per model: in each cell the score on the view of the row minus that on the view of the column.

    A cell is a win or a loss if the corrected test finds a difference, else a tie. Nothing is drawn where no two views
    have test clips in common. If the matrices have more than :data:`MOST_CELLS` cells, only the models with the best
    mean rank are drawn.

    Args:
        datasets: the order of the views.
    """
    table = read_summary(view_comparisons)
    if table.empty:
        return
    found = dict(list(table.groupby(["source", "model"])))
    views = {source: _views(rows, datasets) for source, rows in table.groupby("source")}
    most = max(1, MOST_CELLS // sum(len(each) ** 2 for each in views.values()))
    drawn = models if len(models) <= most else best_models(leaderboard, models, most)
    panels = [(source, model) for source in table["source"].unique() for model in drawn if (source, model) in found]
    beside = MARGIN + LETTER * max(len(shortened(view)) for each in views.values() for view in each)
    side = max(1.6, CELL * max(map(len, views.values())))
    title = "one model on several views of the same recordings, one panel per model"
    with figure(path, len(panels), side + beside, side + beside + TITLE, title) as (_, axes):
        for axis, (source, model) in zip(axes, panels, strict=True):
            _draw_matrix(axis, found[source, model], views[source])
            axis.set_title(shortened(model) if len(views) == 1 else f"{shortened(model)}\n{shortened(source)}", y=ABOVE)


def _views(rows: pd.DataFrame, datasets: list[str]) -> list[str]:
    return [name for name in datasets if name in {*rows["view_a"], *rows["view_b"]}]


def outcome(difference: float, p: float) -> str:
    """``win``, ``tie`` or ``loss``; ``unknown`` where nothing can be said about other clips."""
    if math.isnan(p):
        return "unknown"
    return "tie" if p >= LEVEL else "win" if difference > 0 else "loss"


def best_models(leaderboard: str, models: list[str], number: int) -> list[str]:
    """The models with the best mean rank over data sets, in their order."""
    ranks = read_summary(leaderboard).groupby("model")["rank"].mean()
    best = ranks.reindex(models).sort_values(kind="stable").index[:number]
    return [model for model in models if model in best]


def _draw_matrix(axis: Axes, rows: pd.DataFrame, views: list[str]) -> None:
    for entry in rows.itertuples():
        a = views.index(entry.view_a)
        b = views.index(entry.view_b)
        metric = SingleLabel.metrics[entry.metric]
        for row, column, difference in ((a, b, entry.difference), (b, a, -entry.difference)):
            points = "–" if np.isnan(difference) else f"{metric.difference(difference)}{'*' if entry.merged else ''}"
            _draw_cell(axis, row, column, points, outcome(difference, entry.p_holm))
    ticks = range(len(views))
    names = [shortened(view) for view in views]
    axis.set_xticks(ticks, names, rotation=90, fontsize=SMALL)
    axis.set_yticks(ticks, names, fontsize=SMALL)
    axis.set_xlabel("compared with", fontsize=SMALL)
    axis.set_ylabel("trained on", fontsize=SMALL)
    axis.set_xlim(-0.5, len(views) - 0.5)
    axis.set_ylim(len(views) - 0.5, -0.5)
    axis.set_aspect("equal")
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)


def _draw_cell(axis: Axes, row: int, column: int, points: str, result: str) -> None:
    colour = COLOURS[result]
    box = Rectangle((column - 0.48, row - 0.48), 0.96, 0.96, facecolor=colour, edgecolor="0.7", linewidth=0.5)
    axis.add_artist(box)
    shade = text_colour(to_rgb(colour))
    text = axis.text(column, row, f"{points}\n{result}", ha="center", va="center", fontsize=SMALL, color=shade)
    text.set_in_layout(False)  # it lies inside the matrix, so the layout need not measure it
