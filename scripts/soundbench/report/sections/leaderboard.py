"""The section of the leaderboard: score, interval and cost of each model, and more columns on request."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from soundbench.evaluation.baseline import Baseline
from soundbench.evaluation.leaderboard_text import EPOCHS
from soundbench.report.rendering import percent, quantity, records, render
from soundbench.report.results import Results
from soundbench.report.sections.answer import baseline
from soundbench.report.style import model_colours
from soundbench.tasks.metric import Metric
from soundbench.tasks.registry import all_metrics


@dataclass(frozen=True)
class Column:
    """A column of costs or of further scores.

    Attributes:
        name: of the merged table, from :func:`boards`.
        text: what its heading explains.
        best: ``high`` or ``low``, the end that sorting puts first; empty for text.
        more: whether it is shown on request only.
        percent: whether it holds a share, shown in percent.
        scored: whether it is in the unit of the metric that ranks the models of the data set.
    """

    name: str
    heading: str
    text: str
    best: str = "low"
    more: bool = True
    percent: bool = False
    scored: bool = False

    def shown(self, value: Any, metric: Metric) -> str:
        """A value as text; ``metric`` ranks the models of the data set."""
        if value is None or pd.isna(value):
            return "–"
        if isinstance(value, str):
            return value
        if self.scored:
            return metric.format(value)
        return percent(value) if self.percent else quantity(value)


EXPLAINED = {
    "accuracy": "Share of test clips that are classified correctly, in percent.",
    "uar": "Unweighted average recall: the mean recall of all classes, in percent.",
    "macro_f1": "The mean F1 score of all classes, in percent.",
}


def score_columns() -> list[Column]:
    """One column per metric of any task."""
    return [
        Column(
            name,
            metric.title,
            EXPLAINED.get(name, f"{metric.title} on all test clips."),
            "high" if metric.higher_is_better else "low",
            percent=metric.percent,
        )
        for name, metric in all_metrics().items()
    ]


COLUMNS = (
    Column("train_seconds", "training (s)", "Seconds of training per fold, on the device named.", more=False),
    Column("predict_milliseconds", "ms per clip", "Milliseconds of prediction per clip.", more=False),
    Column("model_megabytes", "size (MB)", "Size of the file of weights.", more=False),
    Column("listed", "seen before", "Test clips that the lists of the model's contamination name.", more=False),
    Column("fold_deviation", "± folds", "Standard deviation of the score over folds: some are harder.", scored=True),
    *score_columns(),
    Column("top3", "top 3", "Share of clips whose class is among the three most probable.", "high", True, True),
    Column("log_loss", "log loss", "The loss on the test clips, in nats: low where probabilities can be trusted."),
    Column(
        "calibration_error",
        "calibration",
        "Expected calibration error, in points: how far the probabilities are from the accuracy.",
        percent=True,
    ),
    Column("parameters", "parameters", "Weights of a network, or numbers in the arrays and trees of a fitted model."),
    Column("train_cpu_seconds", "CPU (s)", "CPU time of training per fold, over all cores."),
    Column("train_gpu_seconds", "GPU (s)", "GPU time of training per fold."),
    Column("train_megabytes", "memory, training (MB)", "Peak memory of a training job."),
    Column("predict_megabytes", "memory, prediction (MB)", "Peak memory of an evaluation job."),
    Column("device", "device", "Where the models were trained.", best=""),
)


@dataclass(frozen=True)
class Scale:
    """The scores at both ends of the bars of a leaderboard: the limits of the metric, or those of what is drawn."""

    low: float
    high: float

    @classmethod
    def of(cls, board: pd.DataFrame, metric: Metric, guessing: Baseline | None) -> Scale:
        """The scale of a data set's scores and of guessing."""
        scores = board[["mean", "interval_low", "interval_high"]]
        drawn = pd.Series(np.append(scores, np.nan if guessing is None else guessing.score))
        low = metric.lowest if math.isfinite(metric.lowest) else drawn.min()
        high = metric.highest if math.isfinite(metric.highest) else drawn.max()
        return cls(low, high) if high > low else cls(0.0, 1.0)

    def position(self, score: float) -> float:
        """Where a score lies, from 0 to 100."""
        return 100 * min(1.0, max(0.0, (score - self.low) / (self.high - self.low)))


def boards(results: Results) -> dict[str, pd.DataFrame]:
    """The leaderboard of each data set, with the costs and all scores of each model."""
    keys = ["dataset", "model"]
    spread = results.table("spread")
    scores = spread.pivot(index=keys, columns="metric", values="pooled")
    chosen = spread[spread["metric"] == spread["dataset"].map(results.ranked_by)]
    chosen = chosen[[*keys, "seeds", "fold_deviation", "runs_missing"]]
    board = results.table("leaderboard").merge(results.table("costs"), on=[*keys, "protocol"])
    board = board.merge(chosen, on=keys).join(scores, on=keys)
    if "contamination" in results.tables:
        board = board.merge(results.table("contamination")[[*keys, "listed"]], on=keys, how="left")
    return {str(dataset): part for dataset, part in board.groupby("dataset", sort=False)}


def shown_columns(found: dict[str, pd.DataFrame], metric: str) -> list[Column]:
    """The columns that say something: the ranking metric has one already, and a column of zeros is left out."""
    whole = pd.concat(found.values())

    def says(column: Column) -> bool:
        values = whole[column.name].dropna() if column.name in whole else whole.iloc[:0]
        return column.name != metric and len(values) > 0 and not (column.best and (values == 0).all())

    return [column for column in COLUMNS if says(column)]


PARTS = {
    "seed_variance": "training again with another seed",
    "fold_variance": "what the clips of a fold have in common",
    "group_variance": "what the clips of a group have in common",
    "binomial_variance": "the finite number of test clips",
}


def variance_sentence(results: Results, model: str, dataset: str) -> str:
    """What the variance of one run's score consists of; empty where it is unknown or there is none."""
    table = results.table("spread")
    chosen = (table["dataset"] == dataset) & (table["model"] == model)
    own = table[chosen & (table["metric"] == results.ranked_by(dataset))]
    parts = own[list(PARTS)].iloc[0].dropna() if set(PARTS) <= set(own) and len(own) else pd.Series(dtype=float)
    whole = float(parts.sum())
    if not whole > 0:
        return ""
    shares = ", ".join(f"{PARTS[str(name)]} {100 * part / whole:.0f} %" for name, part in parts.items())
    spread = results.metric_of(dataset).points(whole**0.5)
    return f"Where the variance of one run of {model} (± {spread}) comes from: {shares}."


def section(results: Results) -> str:
    """One sortable table per data set."""
    found = boards(results)
    guessing = {name: baseline(results, name) for name in found}
    published = results.table("published")
    clips = results.table("scores").groupby(["dataset", "model", "seed"])["clips"].sum()
    tables = [
        {
            "dataset": dataset,
            "protocol": part["protocol"].iloc[0],
            "clips": int(clips[dataset].max()),
            "rows": records(part),
            "metric": results.metric_of(dataset),
            "scale": Scale.of(part, results.metric_of(dataset), guessing[dataset]),
            "columns": shown_columns({dataset: part}, results.ranked_by(dataset)),
            "baseline": guessing[dataset],
            "published": records(published[published["dataset"] == dataset]),
            "parts": variance_sentence(results, str(part.sort_values("rank")["model"].iloc[0]), str(dataset)),
        }
        for dataset, part in found.items()
    ]
    return render(
        "leaderboard.html",
        tables=tables,
        columns=list(dict.fromkeys(column for table in tables for column in table["columns"])),
        seeds=len(results.seeds),
        colours=model_colours(results.models),
        epochs=EPOCHS,
    )
