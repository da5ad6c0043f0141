"""Figure of how scores fall when the sound is changed."""

from __future__ import annotations

import pandas as pd

from soundbench.evaluation.robustness_table import UNCHANGED
from soundbench.report.drawing import figure, first_of_rows, legend_below, shortened
from soundbench.report.results import read_summary
from soundbench.report.style import model_colours, model_markers
from soundbench.tasks.registry import find_metric

AXES = {
    "noise": "white noise: signal-to-noise ratio (dB)",
    "pitch": "pitch shift (semitones)",
    "speed": "speed (× the original, pitch kept)",
    "low_pass": "low-pass filter: highest frequency (Hz)",
}
NEUTRAL = {"pitch": 0.0, "speed": 1.0}  # the level that leaves a clip unchanged


def plot_robustness(robustness: str, dataset: str, models: list[str], metric: str, path: str) -> None:
    """Score against level on one data set, one panel per kind of change and one line per model.

    A band shows the interval of each model, a dotted line its score on the unchanged clips. Nothing is drawn where the
    table has no rows of the data set.
    """
    rows = read_summary(robustness)
    rows = rows[rows["dataset"] == dataset]
    if rows.empty:
        return
    colours = model_colours(models)
    markers = model_markers(models)
    kinds = [kind for kind in AXES if kind in set(rows["kind"])]
    drawn = [model for model in models if model in set(rows["model"])]
    score = find_metric(metric)
    title = f"{score.title} on {dataset} when the clips are changed"
    with figure(path, len(kinds), 4.0, 3.6, title) as (canvas, axes):
        for axis, kind in zip(axes, kinds, strict=True):
            for model in drawn:
                mine = rows[rows["model"] == model]
                clean = mine[mine["kind"] == UNCHANGED].assign(level=NEUTRAL.get(kind))
                curve = mine[mine["kind"] == kind]
                if kind in NEUTRAL:
                    curve = pd.concat([curve[curve["level"] != NEUTRAL[kind]], clean])
                curve = curve.sort_values("level")
                low = score.factor * curve[f"{metric}_low"]
                high = score.factor * curve[f"{metric}_high"]
                axis.fill_between(curve["level"], low, high, color=colours[model], alpha=0.15, linewidth=0)
                axis.axhline(score.factor * clean[metric].iloc[0], color=colours[model], linestyle=":", linewidth=1)
                style = {"color": colours[model], "marker": markers[model], "linewidth": 1.8, "markersize": 6}
                axis.plot(curve["level"], score.factor * curve[metric], label=shortened(model), **style)
            axis.set_xticks(curve["level"])  # the same of every model
            axis.set_xlabel(AXES[kind])
            axis.grid(alpha=0.3)
        limits = [limit for axis in axes for limit in axis.get_ylim()]
        for axis in axes:
            lowest, highest = (score.factor * limit for limit in (score.lowest, 1.01 * score.highest))
            axis.set_ylim(max(lowest, min(limits)), min(highest, max(limits)))
        for axis in first_of_rows(axes):
            axis.set_ylabel(score.heading)
        axes[0].set_title(shortened(dataset), loc="left")
        legend_below(canvas, axes[0])
