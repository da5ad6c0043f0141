"""The section of trials: all settings of each model, their validation scores, and evaluations on test clips."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from soundbench.core.text import sorted_list, spoken_list
from soundbench.report.rendering import records, render
from soundbench.report.results import Results


def section(results: Results) -> str:
    """One row per setting of each model, and a sentence per data set on the evaluations of its test clips."""
    ledger = results.table("ledger")
    if ledger.empty:
        return ""
    counts = ledger.groupby("dataset", sort=False)["test_evaluations"].first()
    titles = {task.progress: task.curves[1][0].removesuffix(" (%)") for task in results.tasks.values()}
    metrics = [titles.get(name, name) for name in ledger["metric"].unique()]
    return render(
        "ledger.html",
        rows=[row | {"settings": settings_text(row["settings"])} for row in records(settings_table(ledger))],
        counts={dataset: int(count) for dataset, count in counts.items()},
        metric=spoken_list(metrics),
        sentences={name: found for name in results.datasets if (found := tuning_sentence(results, name))},
    )


def settings_table(ledger: pd.DataFrame) -> pd.DataFrame:
    """One row per setting: the mean, lowest and highest validation score, and how many runs diverged or were chosen."""
    keys = ["dataset", "model", "trial", "settings"]
    return ledger.groupby(keys, sort=False, as_index=False).agg(
        score=("score", "mean"),
        lowest=("score", "min"),
        highest=("score", "max"),
        fewest_epochs=("epochs", "min"),
        most_epochs=("epochs", "max"),
        diverged=("diverged", "sum"),
        chosen=("chosen", "sum"),
        runs=("chosen", "size"),
        seeds=("seed", sorted_list),
        folds=("fold", sorted_list),
    )


def settings_text(settings: str) -> str:
    """``learning_rate 0.001, dropout 0.2`` for the settings of a trial; empty if there are none."""
    values: dict[str, Any] = json.loads(settings)
    return ", ".join(f"{key.removeprefix('training.')} {json.dumps(value)}" for key, value in values.items())


def tuning_sentence(results: Results, dataset: str) -> str:
    """What validation clips of a data set have decided; empty if its models are trained as they are written."""
    ledger = results.table("ledger")
    trials: dict[Any, int] = ledger[ledger["dataset"] == dataset].groupby("model", sort=False)["trial"].max().to_dict()
    tuned = [f"{model} ({count} trials)" for model, count in trials.items() if count > 1]
    if not tuned:
        return ""
    return (
        f"Validation clips of this data set chose the settings of {spoken_list(tuned)}, anew for each seed and fold; "
        "test clips had no part in the choice."
    )
