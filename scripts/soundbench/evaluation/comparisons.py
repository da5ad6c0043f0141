"""Paired comparisons of every two models on every data set, from their scores and predictions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from soundbench.core.integrity import read_split
from soundbench.core.storage import write_csv
from soundbench.data.schemes import fold_column
from soundbench.evaluation.leaderboard import Plan, direction, read_predictions
from soundbench.evaluation.paired_bootstrap import compare_one_fold
from soundbench.evaluation.significance import ModelComparison
from soundbench.tasks.registry import ranking_metric, task_class
from soundbench.tasks.task import Task


def aggregate_comparisons(
    scores: str, predictions: list[str], splits: list[str], plan: Plan, metric: str, comparisons: str
) -> None:
    """Write the paired comparison of every two models on every data set."""
    decisions = read_predictions(predictions, plan["datasets"])
    table = pd.read_csv(scores)
    parts = list(_compared(table, decisions, {Path(path).parent.name: path for path in splits}, plan, metric))
    columns = ["dataset", "protocol", "metric", "model_a", "model_b"]
    write_csv(comparisons, pd.concat(parts) if parts else pd.DataFrame(columns=columns))


def _compared(
    scores: pd.DataFrame,
    decisions: dict[tuple[str, str], list[pd.DataFrame]],
    splits: dict[str, str],
    plan: Plan,
    metric: str,
) -> Iterator[pd.DataFrame]:
    for dataset, path in splits.items():
        here = scores[scores["dataset"] == dataset]
        task = task_class(plan["datasets"][dataset])
        chosen = ranking_metric(task, metric)
        sign = direction(plan, dataset, metric)  # a positive difference is one in favour of the first model
        grids = {
            model: sign * here[here["model"] == model].pivot(index="seed", columns="fold", values=chosen)
            for model in plan["models"]
        }
        tables = {model: decisions[dataset, model] for model in grids if (dataset, model) in decisions}
        correct = {model: found for model, own in tables.items() if (found := _correct(task, own)) is not None}
        if len(grids) > 1:
            split = read_split(path)
            found = ModelComparison(grids, correct, fold_share(split)).compare()
            found = compare_one_fold(found, tables, split.set_index("clip")["group"], task, chosen, sign)
            found[["mean_a", "mean_b"]] *= sign
            found.insert(0, "dataset", dataset)
            found.insert(1, "protocol", plan["datasets"][dataset]["protocol"])
            yield found.assign(metric=chosen)


def _correct(task: type[Task], tables: list[pd.DataFrame]) -> pd.DataFrame | None:
    """Whether each prediction is correct: one row per seed, one column per clip; None where the task cannot say."""
    rows = {}
    for table in tables:
        correct = task.correct(table)
        if correct is None:
            return None
        rows[table["seed"].iloc[0]] = correct.set_axis(table["clip"])
    return pd.DataFrame(rows).T.sort_index(axis=1)


def fold_share(split: pd.DataFrame) -> float:
    """Tested clips per training clip of a fold, the mean over folds."""
    roles = split[[name for name in split if name.startswith(fold_column(""))]]
    return float((roles.eq("test").sum() / roles.eq("train").sum()).mean())
