"""Paired comparisons of every two models on every data set, from their predictions."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from soundbench.core.integrity import read_split
from soundbench.core.storage import write_csv
from soundbench.data.subsets import clip_groups
from soundbench.evaluation.estimates import estimate_difference, fold_scores, seed_scores
from soundbench.evaluation.leaderboard import Plan, direction, group_evidence, read_predictions
from soundbench.evaluation.significance import holm, mcnemar, probability_of_superiority, verdict
from soundbench.tasks.registry import ranking_metric, task_class
from soundbench.tasks.task import Task

COLUMNS = [
    *("dataset", "protocol", "model_a", "model_b", "seeds", "folds", "groups", "mean_a", "mean_b", "difference"),
    *("interval_low", "interval_high", "p", "p_holm", "p_better", "p_equivalent", "p_worse", "superiority"),
    *("only_a_right", "only_b_right", "p_mcnemar", "p_mcnemar_holm", "seeds_for_one_point", "smallest_difference"),
    *("metric", "margin", "verdict"),
]

Predictions = dict[str, list[pd.DataFrame]]


def aggregate_comparisons(
    predictions: list[str], splits: list[str], plan: Plan, metric: str, margin: float, comparisons: str
) -> None:
    """Write the paired comparison of every two models on every data set.

    Args:
        margin: scores that differ by less are equivalent in practice.
    """
    tables = read_predictions(predictions, plan["datasets"])
    parts = []
    for path in splits:
        dataset = Path(path).parent.name
        view = plan["datasets"][dataset]
        groups = clip_groups(read_split(path))
        own = {model: tables.get((dataset, model), []) for model in plan["models"]}
        task = task_class(view)
        chosen = ranking_metric(task, metric)
        found = compare_models(own, groups, task, chosen, direction(plan, dataset, metric), margin)
        parts.append(found.assign(dataset=dataset, protocol=view["protocol"], metric=chosen, margin=margin))
    table = pd.concat(parts) if any(map(len, parts)) else pd.DataFrame()
    write_csv(comparisons, table.reindex(columns=COLUMNS))


def compare_models(
    predictions: Predictions, groups: pd.DataFrame | pd.Series, task: type[Task], metric: str, sign: int, margin: float
) -> pd.DataFrame:
    """One row per pair of models, on the seeds that both have.

    Args:
        predictions: the tables of each model, one per seed, with the column ``seed``.
        groups: each clip's group, indexed by clip.
        sign: 1 where a higher score is better, -1 where a lower one is. A positive difference favours the first.
        margin: scores that differ by less are equivalent in practice.
    """
    pairs = [
        compare_pair(predictions[a], predictions[b], groups, task, metric, sign, margin) | {"model_a": a, "model_b": b}
        for a, b in combinations(predictions, 2)
    ]
    table = pd.DataFrame(pairs)
    if table.empty:
        return table
    table["p_holm"] = holm(table["p"])
    table["p_mcnemar_holm"] = holm(table["p_mcnemar"])
    table["verdict"] = [
        verdict(row.model_a, row.model_b, row.estimate, row.p_holm, row.folds == 1, task.metrics[metric])
        for row in table.itertuples()
    ]
    return table.drop(columns="estimate")


def compare_pair(
    first: list[pd.DataFrame],
    second: list[pd.DataFrame],
    groups: pd.DataFrame | pd.Series,
    task: type[Task],
    metric: str,
    sign: int,
    margin: float,
) -> dict[str, Any]:
    """The numbers of one pair, with the ``estimate`` of its difference: None if no seed is finished for both.

    The arguments are those of :func:`compare_models`.
    """
    seeds = {_seed(table) for table in first} & {_seed(table) for table in second}
    if not seeds:
        return {"seeds": 0, "folds": 0, "groups": 0, "p": np.nan, "p_mcnemar": np.nan, "estimate": None}
    shared = [[table for table in tables if _seed(table) in seeds] for tables in (first, second)]
    (evidence_a, members), (evidence_b, _) = (group_evidence(task, tables, groups) for tables in shared)
    ordered = (evidence_a, evidence_b) if sign > 0 else (evidence_b, evidence_a)
    difference = estimate_difference(*ordered, members, metric)
    low, high = difference.interval()
    above = difference.probability_above(margin)
    below = 1 - difference.probability_above(-margin)
    runs = [sign * fold_scores(evidence, members, metric) for evidence in (evidence_a, evidence_b)]
    return {
        "seeds": len(seeds),
        "folds": shared[0][0]["fold"].nunique(),
        "groups": difference.freedom + 1,
        "mean_a": float(seed_scores(evidence_a, members, metric).mean()),
        "mean_b": float(seed_scores(evidence_b, members, metric).mean()),
        "difference": difference.mean,
        "interval_low": low,
        "interval_high": high,
        "p": difference.p_value(),
        "p_better": above,
        "p_equivalent": 1 - above - below,
        "p_worse": below,
        "superiority": probability_of_superiority(*runs),
        "seeds_for_one_point": difference.seeds_needed(0.01),
        "smallest_difference": difference.smallest_difference(),
        "estimate": difference,
        **_second_opinion(task, *shared),
    }


def _seed(table: pd.DataFrame) -> int:
    return int(table["seed"].iloc[0])


def _second_opinion(task: type[Task], first: list[pd.DataFrame], second: list[pd.DataFrame]) -> dict[str, float]:
    """McNemar's test, where predictions are correct or wrong."""
    correct_a = _correct(task, first)
    correct_b = _correct(task, second)
    if correct_a is None or correct_b is None:
        return {"p_mcnemar": np.nan}
    clips = correct_a.columns.intersection(correct_b.columns)
    only_a, only_b, p = mcnemar(correct_a[clips].to_numpy(dtype=bool), correct_b[clips].to_numpy(dtype=bool))
    return {"only_a_right": only_a, "only_b_right": only_b, "p_mcnemar": p}


def _correct(task: type[Task], tables: list[pd.DataFrame]) -> pd.DataFrame | None:
    """Whether each prediction is correct, one row per seed and one column per clip that all seeds test; None where no
    prediction is correct or wrong."""
    rows = {}
    for table in tables:
        correct = task.correct(table)
        if correct is None:
            return None
        rows[_seed(table)] = correct.set_axis(table["clip"])
    return pd.DataFrame(rows).T.dropna(axis=1)
