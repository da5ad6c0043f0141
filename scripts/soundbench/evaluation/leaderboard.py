"""From the runs' records to the tables that compare them.

A *plan* says what was to be run:
``{"datasets": {name: {"source", "task", "protocol", "folds"}}, "models", "transductive", "seeds"}``; the models that
are ``transductive`` are marked so.
A run that the plan names and that has no file is an empty row in the tables: a mean never leaves it out unnoticed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from soundbench.core.storage import read_clip_tables
from soundbench.evaluation.estimates import estimate_score
from soundbench.evaluation.fold_costs import COSTS
from soundbench.evaluation.resampling import group_evidence, same_folds
from soundbench.evaluation.spread import spreads
from soundbench.tasks.registry import ranking_metric, task_class

Plan = dict[str, Any]

LEADERBOARD_KEYS = ["dataset", "model", "protocol"]
LEADERBOARD_COLUMNS = [*LEADERBOARD_KEYS, "mean", "spread", "interval_low", "interval_high", "rank", "transductive"]


def run_of(path: str | Path) -> tuple[str, str, int]:
    """Data set, model and seed of a file in a run's folder, ``…/{dataset}/{model}/seed{seed}/FILE``."""
    dataset, model, seed = Path(path).parts[-4:-1]
    return dataset, model, int(seed.removeprefix("seed"))


def planned(plan: Plan) -> list[tuple[str, str, str]]:
    """Every data set × model × protocol of a plan, in its order."""
    return [(name, model, view["protocol"]) for name, view in plan["datasets"].items() for model in plan["models"]]


def plan_metrics(plan: Plan) -> list[str]:
    """The metrics of the tasks of all data sets, each once."""
    tasks = [task_class(view) for view in plan["datasets"].values()]
    return list(dict.fromkeys(name for task in tasks for name in task.metrics))


def score_columns(plan: Plan) -> list[str]:
    """The columns of ``scores.csv``."""
    return [*LEADERBOARD_KEYS, "seed", "fold", *plan_metrics(plan), "clips", "epochs", "train_seconds", "device"]


def collect_scores(records: Iterable[dict[str, Any]], plan: Plan) -> pd.DataFrame:
    """One row per data set × model × protocol × seed × fold; empty scores where a run is missing."""
    runs = {(run["dataset"], run["model"], run["seed"]): run["folds"] for run in records}
    rows = []
    for dataset, model, protocol in planned(plan):
        empty = [{"fold": number} for number in range(1, plan["datasets"][dataset]["folds"] + 1)]
        for seed in plan["seeds"]:
            names = dict(zip((*LEADERBOARD_KEYS, "seed"), (dataset, model, protocol, seed), strict=True))
            rows += [names | fold for fold in runs.get((dataset, model, seed), empty)]
    table = pd.DataFrame(rows).drop(columns="fitted", errors="ignore")  # no score: for ensembles
    counts = ["clips", "epochs"]
    columns = score_columns(plan)
    table = table.reindex(columns=[*columns, *(name for name in table if name not in columns)])
    return table.astype(dict.fromkeys(counts, "Int64"))


def spread_table(
    scores: pd.DataFrame, pooled: pd.DataFrame, predictions: dict[tuple[str, str], list[pd.DataFrame]], plan: Plan
) -> pd.DataFrame:
    """One row per data set × model × protocol × metric: :func:`spreads` over its folds, and the number of missing runs.

    ``pooled`` is the mean over seeds of the score on the test clips of all folds together. It is what the leaderboard
    and the figures show; the mean over folds differs where folds differ in size, and for a score that is no mean over
    clips.

    Args:
        pooled: from :func:`pooled_scores`.
        predictions: the tables of a data set and model, one per seed, which say whether seeds have the same folds.
    """
    names = [name for name in scores if name not in {*score_columns(plan), *COSTS} - set(plan_metrics(plan))]
    whole = pooled.to_dict("index")
    rows = []
    for key, part in scores.groupby(LEADERBOARD_KEYS, sort=False):
        task = task_class(plan["datasets"][key[0]])
        seeds, different = pd.factorize(part["seed"], sort=True)
        folds, numbers = pd.factorize(part["fold"], sort=True)
        same = key[:2] not in predictions or same_folds(predictions[key[:2]])
        missing = len(different) - len(np.unique(seeds[part["clips"].notna()]))
        grids = np.full((len(names), len(different), len(numbers)), np.nan)
        grids[:, seeds, folds] = part[names].to_numpy(dtype=float).T
        for name, grid in zip(names, grids, strict=True):
            if name in task.metrics or not np.isnan(grid).all():
                rows.append((*key, name, *spreads(grid, same).values(), missing, whole.get(key, {}).get(name, np.nan)))
    columns = ["metric", "mean", "seed_deviation", "fold_deviation", "seeds", "folds", "runs_missing", "pooled"]
    return pd.DataFrame(rows, columns=[*LEADERBOARD_KEYS, *columns])


def pooled_scores(records: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """One row per data set × model × protocol, one column per metric: the score over all folds, mean over seeds."""
    rows = [{name: run[name] for name in LEADERBOARD_KEYS} | run["scores"] for run in records]
    return pd.DataFrame(rows, columns=None if rows else LEADERBOARD_KEYS).groupby(LEADERBOARD_KEYS).mean()


def rank_models(
    predictions: dict[tuple[str, str], list[pd.DataFrame]], groups: dict[str, pd.DataFrame], plan: Plan, metric: str
) -> pd.DataFrame:
    """The leaderboard: the mean over seeds of the out-of-fold score, its spread and interval, the rank, and whether the
    model is transductive.

    The score of a seed pools the test clips of all folds, each predicted by the model that was not trained on it;
    ``spread`` is the standard deviation over seeds (empty for one seed); the interval is that of
    :mod:`soundbench.evaluation.estimates`.

    Args:
        predictions: the tables of a data set and model, one per seed.
        groups: the groups of a data set, indexed by clip.
    """
    rows = []
    for key in planned(plan):
        tables = predictions.get(key[:2])
        if not tables:
            rows.append((*key, *[np.nan] * 4))
            continue
        task = task_class(plan["datasets"][key[0]])
        evidence = group_evidence(task, tables, groups[key[0]])
        chosen = ranking_metric(task, metric)
        scores = evidence.scores(chosen)
        spread = scores.std(ddof=1) if len(scores) > 1 else np.nan
        interval = estimate_score(evidence, chosen, task.metrics[chosen]).interval()
        rows.append((*key, scores.mean(), spread, *interval))
    board = pd.DataFrame(rows, columns=LEADERBOARD_COLUMNS[:-2])
    goodness = board["mean"] * [direction(plan, name, metric) for name in board["dataset"]]
    ranks = goodness.groupby([board["dataset"], board["protocol"]]).rank(ascending=False, method="min")
    board["rank"] = ranks.astype("Int64")
    board["transductive"] = board["model"].isin(plan["transductive"])
    order = board.groupby("dataset", sort=False).ngroup()
    return board.assign(order=order).sort_values(["order", "rank"], kind="stable")[LEADERBOARD_COLUMNS]


def direction(plan: Plan, dataset: str, metric: str) -> int:
    """The sign of a better score on a data set: 1 where a higher score is better, -1 where a lower one is."""
    task = task_class(plan["datasets"][dataset])
    return 1 if task.metrics[ranking_metric(task, metric)].higher_is_better else -1


def read_predictions(
    paths: Iterable[str], datasets: Mapping[str, Mapping[str, Any]]
) -> dict[tuple[str, str], list[pd.DataFrame]]:
    """What the metrics need of the predictions of every run, by data set and model, in the order of the paths.

    Args:
        datasets: the ``task`` of each data set.
    """
    found: dict[tuple[str, str], list[pd.DataFrame]] = {}
    for dataset, files in groupby(paths, lambda path: run_of(path)[0]):
        own = list(files)
        columns = task_class(datasets[dataset]).scored_columns
        tables = read_clip_tables(own, usecols=None if columns is None else ["clip", "fold", *columns])
        for path, table in zip(own, tables, strict=True):
            _, model, seed = run_of(path)
            found.setdefault((dataset, model), []).append(table.assign(seed=seed))
    return found
