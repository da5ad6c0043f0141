"""Figure of an ablation: what each step adds."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from soundbench.evaluation.ablation import Step, step_gains
from soundbench.report.drawing import SMALL, figure, shortened
from soundbench.report.results import read_summary
from soundbench.tasks.registry import find_metric

BETTER = "#009E73"
WORSE = "#D55E00"
UNCLEAR = "0.5"


def plot_ablation(comparisons: str, costs: str, steps: list[Step], path: str) -> None:
    """Draw one panel per data set: one row per step, its gain and the interval; beside it CPU seconds per fold.

    Args:
        steps: the models before and after each step, in the order of the models.
    """
    table = step_gains(read_summary(comparisons), read_summary(costs), steps).dropna(subset="gain")
    panels = dict(list(table.groupby("dataset", sort=False)))
    if not panels:
        return
    height = 1.3 + 0.4 * max(map(len, panels.values()))
    with figure(path, len(panels), 6.0, height, "the gain of each step") as (_, axes):
        for axis, (dataset, rows) in zip(axes, panels.items(), strict=True):
            _draw_steps(axis, rows)
            axis.set_title(shortened(dataset))


def _draw_steps(axis: Axes, rows: pd.DataFrame) -> None:
    metric = find_metric(rows["metric"].iloc[0])
    for position, row in enumerate(rows.itertuples()):
        colour = BETTER if row.low > 0 else WORSE if row.high < 0 else UNCLEAR
        ends = [metric.factor * row.low, metric.factor * row.high]
        axis.plot(ends, [position, position], color=colour, linewidth=3, solid_capstyle="butt")
        axis.plot(metric.factor * row.gain, position, "D", color=colour, markersize=8, markeredgecolor="white")
        text = f"{metric.difference(row.gain)}; {row.cpu_seconds:,.0f} s"
        axis.annotate(text, (1.02, position), xycoords=("axes fraction", "data"), va="center", fontsize=SMALL)
    axis.axvline(0, color="0.6", linewidth=1, zorder=0)
    axis.set_yticks(range(len(rows)), [shortened(model) for model in rows["model"]])
    axis.set_ylim(len(rows) - 0.5, -0.5)
    axis.set_xlabel(f"gain in {metric.title}" + (" (points)" if metric.percent else ""))
    axis.grid(axis="x", alpha=0.3)
