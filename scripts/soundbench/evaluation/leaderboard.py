"""From the runs' records to the tables that compare them.

A *plan* says what was to be run: ``{"datasets": {name: {"source", "protocol", "folds"}}, "models", "seeds"}``.
A run that the plan names and that has no file is an empty row in the tables: a mean never leaves it out unnoticed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from soundbench.core.integrity import read_split
from soundbench.core.storage import read_clip_table, read_json, write_csv, write_text
from soundbench.data.schemes import fold_column
from soundbench.evaluation.bootstrap import bootstrap_interval, spreads
from soundbench.evaluation.leaderboard_text import leaderboard_latex, leaderboard_markdown, published
from soundbench.evaluation.metrics import METRICS, confusion_cells

Plan = dict[str, Any]

LEADERBOARD_KEYS = ["dataset", "model", "protocol"]
SCORE_COLUMNS = [*LEADERBOARD_KEYS, "seed", "fold", *METRICS, "clips", "epochs", "train_seconds", "device"]
LEADERBOARD_COLUMNS = [*LEADERBOARD_KEYS, "mean", "spread", "interval_low", "interval_high", "rank"]


def run_of(path: str | Path) -> tuple[str, str, int]:
    """Data set, model and seed of a file in a run's folder, ``…/{dataset}/{model}/seed{seed}/FILE``."""
    dataset, model, seed = Path(path).parts[-4:-1]
    return dataset, model, int(seed.removeprefix("seed"))


def planned(plan: Plan) -> list[tuple[str, str, str]]:
    """Every data set × model × protocol of a plan, in its order."""
    return [(name, model, view["protocol"]) for name, view in plan["datasets"].items() for model in plan["models"]]


def collect_scores(records: Iterable[dict[str, Any]], plan: Plan) -> pd.DataFrame:
    """One row per data set × model × protocol × seed × fold; empty scores where a run is missing."""
    runs = {(run["dataset"], run["model"], run["seed"]): run["folds"] for run in records}
    rows = []
    for dataset, model, protocol in planned(plan):
        empty = [{"fold": number} for number in range(1, plan["datasets"][dataset]["folds"] + 1)]
        for seed in plan["seeds"]:
            names = dict(zip((*LEADERBOARD_KEYS, "seed"), (dataset, model, protocol, seed), strict=True))
            rows += [names | fold for fold in runs.get((dataset, model, seed), empty)]
    table = pd.DataFrame(rows)
    counts = ["clips", "epochs"]
    table = table.reindex(columns=[*SCORE_COLUMNS, *(name for name in table if name not in SCORE_COLUMNS)])
    return table.astype(dict.fromkeys(counts, "Int64"))


def spread_table(scores: pd.DataFrame, pooled: pd.DataFrame) -> pd.DataFrame:
    """One row per data set × model × protocol × metric: :func:`spreads` over its folds, and the number of missing runs.

    ``pooled`` is the mean over seeds of the score on the test clips of all folds together. It is what the leaderboard
    and the figures show; the mean over folds differs where folds differ in size, and for a score that is no mean over
    clips.

    Args:
        pooled: from :func:`pooled_scores`.
    """
    names = [name for name in scores if name not in SCORE_COLUMNS or name in METRICS]
    rows = []
    for key, part in scores.groupby(LEADERBOARD_KEYS, sort=False):
        missing = int(part.groupby("seed")["accuracy"].apply(lambda column: column.isna().all()).sum())
        for name in names:
            grid = part.pivot(index="seed", columns="fold", values=name)
            if grid.notna().any(axis=None) or name in METRICS:
                whole = pooled[name].get(key, np.nan) if name in pooled else np.nan
                rows.append((*key, name, *spreads(grid).values(), missing, whole))
    columns = ["metric", "mean", "seed_deviation", "fold_deviation", "seeds", "folds", "runs_missing", "pooled"]
    return pd.DataFrame(rows, columns=[*LEADERBOARD_KEYS, *columns])


def pooled_scores(records: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """One row per data set × model × protocol, one column per metric: the score over all folds, mean over seeds."""
    rows = [{name: run[name] for name in LEADERBOARD_KEYS} | run["scores"] for run in records]
    return pd.DataFrame(rows, columns=None if rows else LEADERBOARD_KEYS).groupby(LEADERBOARD_KEYS).mean()


def group_confusions(predictions: list[pd.DataFrame], groups: pd.Series) -> tuple[np.ndarray, pd.DataFrame]:
    """Confusion counts of each group, ``(seeds, groups, classes, classes)``, and a table ``group, fold`` of the groups.

    Args:
        predictions: out-of-fold predictions, one table per seed.
        groups: each clip's group, indexed by clip.
    """
    tested = pd.concat(predictions)[["clip", "fold", "label"]].drop_duplicates()
    if tested["clip"].duplicated().any():
        # Each seed has its own folds: groups are resampled over all clips.
        tested = tested.drop_duplicates("clip").assign(fold=0)
    # A recording in two folds counts as two groups, since resampling is done within folds.
    pairs = pd.MultiIndex.from_arrays([tested["fold"], groups.loc[tested["clip"]]])
    positions, members = pairs.factorize(sort=True)
    position = pd.Series(positions, index=tested["clip"])
    labels = sorted(set(tested["label"]).union(*(table["predicted"] for table in predictions)))
    shape = (len(members), len(labels), len(labels))
    counts = []
    for table in predictions:  # a clip that a seed does not test adds nothing to its counts
        cells = confusion_cells(table["label"], table["predicted"], labels)
        cells = cells + position.loc[table["clip"]].to_numpy() * len(labels) ** 2
        counts.append(np.bincount(cells, minlength=np.prod(shape)).reshape(shape))
    return np.array(counts), members.to_frame(index=False, name=["fold", "group"])


def rank_models(
    predictions: dict[tuple[str, str], list[pd.DataFrame]], groups: dict[str, pd.Series], plan: Plan, metric: str
) -> pd.DataFrame:
    """The leaderboard: the mean over seeds of the out-of-fold score, its spread and interval, and the rank.

    The score of a seed pools the test clips of all folds, each predicted by the model that was not trained on it;
    ``spread`` is the standard deviation over seeds (empty for one seed); the interval is a bootstrap over groups.

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
        counts, members = group_confusions(tables, groups[key[0]])
        scores = METRICS[metric](counts.sum(axis=1))
        spread = scores.std(ddof=1) if len(scores) > 1 else np.nan
        rows.append((*key, scores.mean(), spread, *bootstrap_interval(counts, members, METRICS[metric])))
    board = pd.DataFrame(rows, columns=LEADERBOARD_COLUMNS[:-1])
    board["rank"] = board.groupby(["dataset", "protocol"])["mean"].rank(ascending=False, method="min").astype("Int64")
    order = board.groupby("dataset", sort=False).ngroup()
    return board.assign(order=order).sort_values(["order", "rank"], kind="stable")[LEADERBOARD_COLUMNS]


def read_predictions(paths: Iterable[str]) -> dict[tuple[str, str], list[pd.DataFrame]]:
    """The decisions of every run (no probabilities), by data set and model, in the order of the paths."""
    found: dict[tuple[str, str], list[pd.DataFrame]] = {}
    for path in paths:
        dataset, model, seed = run_of(path)
        table = read_clip_table(path, usecols=["clip", "fold", "label", "predicted"])
        found.setdefault((dataset, model), []).append(table.assign(seed=seed))
    return found


def aggregate_scores(
    metrics: list[str],
    predictions: list[str],
    splits: list[str],
    plan: Plan,
    metric: str,
    references: list[dict[str, Any]],
    *,
    scores: str | Path,
    leaderboard: str | Path,
    spread: str | Path,
    markdown: str | Path,
    latex: str | Path,
    beside: str | Path,
) -> None:
    """Write the scores of all runs, the leaderboard (also as Markdown and LaTeX), the spreads of every metric, and the
    published scores shown ``beside`` them.

    Args:
        metrics, predictions: one file per run.
        splits: ``…/{dataset}/seed{seed}.csv`` of each data set, of any seed, for the groups.
        references: published scores; see :func:`soundbench.evaluation.leaderboard_text.published`.
    """
    records = [read_json(path) for path in metrics]
    table = collect_scores(records, plan)
    clips = {Path(path).parent.name: read_split(path) for path in splits}
    groups = {name: split.set_index("clip")["group"] for name, split in clips.items()}
    board = rank_models(read_predictions(predictions), groups, plan, metric)
    views = {name: view | split_size(clips[name]) for name, view in plan["datasets"].items() if name in clips}
    others = published(references, views, metric)
    write_csv(scores, table[SCORE_COLUMNS])
    write_csv(leaderboard, board)
    write_csv(spread, spread_table(table, pooled_scores(records)))
    write_csv(beside, others)
    write_text(markdown, leaderboard_markdown(board, others, metric))
    write_text(latex, leaderboard_latex(board, others, metric))


def aggregate_comparisons(
    scores: str, predictions: list[str], splits: list[str], plan: Plan, metric: str, comparisons: str
) -> None:
    """Write the paired comparison of every two models on every data set."""
    decisions = read_predictions(predictions)
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
    from soundbench.evaluation.significance import ModelComparison  # imports scipy, which the scores do not need

    for dataset, path in splits.items():
        here = scores[scores["dataset"] == dataset]
        grids = {
            model: here[here["model"] == model].pivot(index="seed", columns="fold", values=metric)
            for model in plan["models"]
        }
        correct = {model: _correct(decisions[dataset, model]) for model in grids if (dataset, model) in decisions}
        if len(grids) > 1:
            found = ModelComparison(grids, correct, fold_share(read_split(path))).compare()
            found.insert(0, "dataset", dataset)
            found.insert(1, "protocol", plan["datasets"][dataset]["protocol"])
            yield found.assign(metric=metric)


def _correct(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Whether each prediction is correct: one row per seed, one column per clip."""
    columns = {
        table["seed"].iloc[0]: table.set_index("clip")["label"].eq(table.set_index("clip")["predicted"])
        for table in tables
    }
    return pd.DataFrame(columns).T.sort_index(axis=1)


def split_size(split: pd.DataFrame) -> dict[str, int]:
    """The number of ``clips`` that are in every fold and tested in one, and of their ``labels``."""
    roles = split[[name for name in split if name.startswith(fold_column(""))]]
    known = roles.isin(["train", "val", "test"]).all(axis=1) & roles.eq("test").any(axis=1)
    return {"clips": int(known.sum()), "labels": int(split.loc[known, "label"].nunique())}


def fold_share(split: pd.DataFrame) -> float:
    """Tested clips per training clip of a fold, the mean over folds."""
    roles = split[[name for name in split if name.startswith(fold_column(""))]]
    return float((roles.eq("test").sum() / roles.eq("train").sum()).mean())
