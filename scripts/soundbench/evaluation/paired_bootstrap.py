"""Comparison of two models on one test part: a paired bootstrap over its groups.

The paired tests of :mod:`soundbench.evaluation.significance` need several folds. With one fold, the groups of its test
clips are all that can be resampled. Both models are scored on the same resamples (B. Efron and R. Tibshirani, "An
Introduction to the Bootstrap", 1993, chapter 16). The result holds for other clips like these, but for these trained
models only: other training clips could change it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from soundbench.evaluation.bootstrap import CONFIDENCE, RESAMPLES, group_weights
from soundbench.evaluation.leaderboard import group_evidence
from soundbench.evaluation.significance import Difference, holm, verdict
from soundbench.tasks.task import Evidence, Task

FEWEST_GROUPS = 10  # with fewer groups the percentiles of a bootstrap are far too narrow


def paired_bootstrap(evidence: Evidence, members: pd.DataFrame, metric: str, sign: int = 1) -> Difference | None:
    """The difference of two models' mean scores over seeds.

    Args:
        evidence: what the metric needs of all seeds of one model, and then of the other.
        members: one row per group, in the order of the evidence, with the column ``fold``.
        sign: -1 where a lower score is better.

    Returns:
        None with fewer than :data:`FEWEST_GROUPS` groups.
    """
    if len(members) < FEWEST_GROUPS:
        return None
    weights = np.vstack([np.ones(len(members), dtype=int), group_weights(members, RESAMPLES)])
    scores = sign * evidence.scores(metric, weights)
    seeds = len(scores) // 2
    whole, *differences = scores[:seeds].mean(axis=0) - scores[seeds:].mean(axis=0)
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(differences, [tail, 100 - tail])
    # Two-sided; one is added so that no p is zero (A. Davison and D. Hinkley, "Bootstrap Methods", 1997, chapter 4).
    sides = [1 + np.sum(np.asarray(differences) <= 0), 1 + np.sum(np.asarray(differences) >= 0)]
    return Difference(float(whole), float(low), float(high), float(min(1.0, 2 * min(sides) / (1 + RESAMPLES))))


def compare_one_fold(
    pairs: pd.DataFrame,
    tables: dict[str, list[pd.DataFrame]],
    groups: pd.Series,
    task: type[Task],
    metric: str,
    sign: int = 1,
) -> pd.DataFrame:
    """The comparisons of one data set, with the paired bootstrap for models that share one fold only.

    Args:
        pairs: from :meth:`soundbench.evaluation.significance.ModelComparison.compare`.
        tables: each model's predictions, one table per seed, with the column ``seed``.
        groups: each clip's group, indexed by clip.
        sign: -1 where a lower score is better.
    """
    found: dict[int, Difference] = {}
    for row in pairs[pairs["folds"] == 1].itertuples():
        models = (row.model_a, row.model_b)
        own = [{table["seed"].iloc[0]: table for table in tables[model]} for model in models]
        both = [table for part in own for seed, table in sorted(part.items()) if seed in own[0] and seed in own[1]]
        if difference := paired_bootstrap(*group_evidence(task, both, groups), metric, sign):
            found[int(row.Index)] = difference
    if not found:
        return pairs
    pairs = pairs.copy()
    for column, name in {"difference": "mean", "interval_low": "low", "interval_high": "high", "p": "p"}.items():
        pairs[column] = [
            getattr(found[index], name) if index in found else pairs.loc[index, column] for index in pairs.index
        ]
    pairs["p_holm"] = holm(pairs["p"].to_numpy())
    for index, difference in found.items():
        a, b, p = pairs.loc[index, ["model_a", "model_b", "p_holm"]]
        pairs.loc[index, "verdict"] = f"{verdict(a, b, difference, p)}; one fold"
    return pairs
