"""Paired comparisons of every two models on every data set, from their predictions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from soundbench.core.integrity import read_split
from soundbench.core.storage import write_csv
from soundbench.data.subsets import clip_groups
from soundbench.evaluation.estimates import Estimate, estimate_difference
from soundbench.evaluation.leaderboard import Plan, read_predictions
from soundbench.evaluation.resampling import Resampled, group_evidence
from soundbench.evaluation.significance import holm, mcnemar, probability_of_superiority, verdict
from soundbench.tasks.metric import Metric
from soundbench.tasks.registry import ranking_metric, task_class
from soundbench.tasks.task import Task

COLUMNS = [
    *("dataset", "protocol", "model_a", "model_b", "seeds", "folds", "groups", "mean_a", "mean_b", "difference"),
    *("interval_low", "interval_high", "p", "p_holm", "p_better", "p_equivalent", "p_worse", "superiority"),
    *("only_a_right", "only_b_right", "p_mcnemar", "p_mcnemar_holm", "seeds_for_one_point", "smallest_difference"),
    *("metric", "margin", "verdict"),
]

UNKNOWN = {"only_a_right": np.nan, "only_b_right": np.nan}
# The numbers of a pair that has no seed in common.
NOTHING = {"seeds": 0, "folds": 0, "groups": 0, "p": np.nan, "estimate": None, **UNKNOWN}

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
        found = compare_models(own, groups, task, chosen, margin)
        parts.append(found.assign(dataset=dataset, protocol=view["protocol"], metric=chosen, margin=margin))
    table = pd.concat(parts) if any(map(len, parts)) else pd.DataFrame()
    write_csv(comparisons, table.reindex(columns=COLUMNS))


def compare_models(
    predictions: Predictions, groups: pd.DataFrame | pd.Series, task: type[Task], metric: str, margin: float
) -> pd.DataFrame:
    """One row per pair of models, on the seeds that both have. A positive difference favours the first.

    Args:
        predictions: the tables of each model, one per seed, with the column ``seed``.
        groups: each clip's group, indexed by clip.
        margin: scores that differ by less are equivalent in practice.
    """
    tables = {model: {_seed(table): table for table in found} for model, found in predictions.items()}

    @cache
    def scored(model: str, seeds: frozenset[int]) -> Scored:
        return Scored.of([table for seed, table in tables[model].items() if seed in seeds], groups, task, metric)

    pairs = []
    for a, b in combinations(predictions, 2):
        seeds = frozenset(tables[a]) & frozenset(tables[b])
        row = compare_pair(scored(a, seeds), scored(b, seeds), task.metrics[metric], margin) if seeds else NOTHING
        pairs.append(row | {"model_a": a, "model_b": b})
    table = pd.DataFrame(pairs)
    if table.empty:
        return table
    tests = max(1, int(table["p"].count()))
    table["seeds_for_one_point"], table["smallest_difference"] = zip(*visible(table["estimate"], tests), strict=True)
    table["p_mcnemar"] = mcnemar(table["only_a_right"], table["only_b_right"])
    table["p_holm"] = holm(table["p"])
    table["p_mcnemar_holm"] = holm(table["p_mcnemar"])
    table["verdict"] = [
        verdict(row.model_a, row.model_b, row.estimate, row.p_holm, tests, row.folds == 1, task.metrics[metric])
        for row in table.itertuples()
    ]
    return table.drop(columns="estimate")


@dataclass(frozen=True)
class Scored:
    """What the comparisons of a model need of its predictions; it is computed once for all of them.

    Attributes:
        folds: their number.
        resampled: the scores of each seed, with all clips and without some of them.
        of_folds: the score of each seed on each fold; see :meth:`GroupEvidence.fold_scores`.
        correct: of each clip that all seeds test the number of seeds whose predictions are correct, indexed by clip;
            None where predictions are not correct or wrong.
    """

    folds: int
    resampled: Resampled
    of_folds: np.ndarray
    correct: pd.Series | None

    @classmethod
    def of(
        cls,
        tables: list[pd.DataFrame],
        groups: pd.DataFrame | pd.Series,
        task: type[Task],
        metric: str,
        folds: Sequence[str] = ("fold",),
    ) -> Scored:
        """The scores of predictions; the arguments are those of :func:`group_evidence`."""
        evidence = group_evidence(task, tables, groups, folds)
        return cls(
            folds=tables[0][folds[0]].nunique(),
            resampled=evidence.resampled(metric),
            of_folds=evidence.fold_scores(metric),
            correct=_correct(task, tables),
        )


def compare_pair(first: Scored, second: Scored, metric: Metric, margin: float) -> dict[str, Any]:
    """The numbers of one pair, with the ``estimate`` of its difference.

    Args:
        first, second: of the same seeds.
        margin: as of :func:`compare_models`.
    """
    sign = 1 if metric.higher_is_better else -1
    a, b = (first, second) if metric.higher_is_better else (second, first)
    difference = estimate_difference(a.resampled, b.resampled, metric)
    low, high = difference.interval()
    above = difference.probability_above(margin)
    below = 1 - difference.probability_above(-margin)
    return {
        "seeds": difference.seeds,
        "folds": first.folds,
        "groups": difference.freedom + 1,
        "mean_a": float(first.resampled.scores.mean()),
        "mean_b": float(second.resampled.scores.mean()),
        "difference": difference.mean,
        "interval_low": low,
        "interval_high": high,
        "p": difference.p_value(),
        "p_better": above,
        "p_equivalent": 1 - above - below,
        "p_worse": below,
        "superiority": probability_of_superiority(sign * first.of_folds, sign * second.of_folds),
        "estimate": difference,
        **_second_opinion(first, second),
    }


def visible(estimates: Iterable[Estimate | None], tests: int) -> Iterator[tuple[float, float]]:
    """How many seeds find a true difference of one point, and the smallest difference that these seeds find.

    Args:
        tests: the number of differences that p is corrected for.
    """
    for each in estimates:
        yield (each.seeds_needed(0.01, tests), each.smallest_difference(tests)) if each else (np.nan, np.nan)


def _seed(table: pd.DataFrame) -> int:
    return int(table["seed"].iloc[0])


def _second_opinion(first: Scored, second: Scored) -> dict[str, float]:
    """On how many clips only one of the two is correct, for McNemar's test.

    With several seeds each clip counts once, for the model that is correct with more seeds, since the seeds of a clip
    are not independent observations.
    """
    a, b = first.correct, second.correct
    if a is None or b is None:
        return UNKNOWN
    if not a.index.equals(b.index):
        a, b = a.align(b, join="inner")
    balance = a.to_numpy() - b.to_numpy()
    return {"only_a_right": int((balance > 0).sum()), "only_b_right": int((balance < 0).sum())}


def _correct(task: type[Task], tables: list[pd.DataFrame]) -> pd.Series | None:
    """See :attr:`Scored.correct`."""
    correct = [each for each in map(task.correct, tables) if each is not None]
    if len(correct) < len(tables):
        return None
    clips, names = pd.factorize(np.concatenate([table["clip"].to_numpy() for table in tables]))
    right = np.bincount(clips, np.concatenate(correct), len(names)).astype(int)
    return pd.Series(right, names)[np.bincount(clips) == len(tables)]
