"""Figure of the score against the number of training clips."""

from __future__ import annotations

from matplotlib.ticker import NullFormatter, NullLocator

from soundbench.report.drawing import figure, first_of_rows, legend_below, shortened
from soundbench.report.results import read_summary
from soundbench.report.style import model_colours, model_markers
from soundbench.tasks.registry import find_metric


def plot_training_size(
    leaderboard: str,
    curves: list[list[str]],
    training_clips: dict[str, float],
    models: list[str],
    ranked: dict[str, str],
    path: str,
) -> None:
    """Score against number of training clips, one panel per curve and one line per model, with 95 % intervals.

    Args:
        curves: data sets that differ in the number of training clips only.
        training_clips: of each data set, the mean over folds and seeds.
        ranked: the metric that ranks the models of each data set.
    """
    board = read_summary(leaderboard).dropna(subset="mean")
    board = board.assign(clips=board["dataset"].map(training_clips)).dropna(subset="clips")
    colours = model_colours(models)
    markers = model_markers(models)
    metrics = [find_metric(ranked[curve[0]]) for curve in curves]
    title = f"{' and '.join(dict.fromkeys(each.title for each in metrics))} against number of training clips"
    with figure(path, len(curves), 5.2, 3.8, title) as (canvas, axes):
        for axis, curve, metric in zip(axes, curves, metrics, strict=True):
            here = board[board["dataset"].isin(curve)].sort_values("clips")
            for number, model in enumerate(models):
                mine = here[here["model"] == model]
                score, low, high = (metric.factor * mine[name] for name in ("mean", "interval_low", "interval_high"))
                # Models are set apart a little, so that their bars do not cover each other.
                spot = mine["clips"] * 1.03 ** (number - (len(models) - 1) / 2)
                style = {"color": colours[model], "marker": markers[model], "linewidth": 1.8, "markersize": 6}
                axis.errorbar(
                    spot, score, yerr=[score - low, high - score], label=shortened(model), elinewidth=1.2, **style
                )
            axis.set_xscale("log")
            sizes = sorted(set(here["clips"]))
            axis.set_xticks(sizes, [f"{size:.0f}" for size in sizes])
            axis.xaxis.set_minor_locator(NullLocator())
            axis.xaxis.set_minor_formatter(NullFormatter())
            axis.set_xlabel("training clips per fold")
            axis.set_title(shortened(min(curve, key=len)))
            axis.grid(alpha=0.3)
            if axis in first_of_rows(axes) or len(set(ranked.values())) > 1:
                axis.set_ylabel(metric.heading)
        legend_below(canvas, axes[0])
