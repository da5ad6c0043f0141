"""From the runs' records to the tables that compare them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from soundbench.metrics import METRICS
from soundbench.statistics import bootstrap_interval
from soundbench.storage import read_clip_table, read_json, write_csv

CONTEST = ["dataset", "model", "protocol"]
SCORE_COLUMNS = [*CONTEST, "seed", "fold", *METRICS, "clips", "epochs", "train_seconds", "device"]
LEADERBOARD_COLUMNS = [*CONTEST, "mean", "spread", "interval_low", "interval_high", "rank"]


def collect_scores(metrics: list[str]) -> pd.DataFrame:
    """One row a data set × model × protocol × seed × fold, from the runs' ``metrics.json``."""
    rows = []
    for path in metrics:
        run = read_json(path)
        rows += [{key: run[key] for key in (*CONTEST, "seed")} | fold for fold in run["folds"]]
    return pd.DataFrame(rows)[SCORE_COLUMNS]


def group_confusions(predictions: list[pd.DataFrame], groups: pd.Series) -> tuple[np.ndarray, pd.DataFrame]:
    """Confusion counts a group: ``(seeds, groups, classes, classes)``, and a row ``group, fold`` each.

    Args:
        predictions: out-of-fold predictions, a table a seed.
        groups: each clip's group, indexed by clip.
    """
    tested = pd.concat(predictions)[["clip", "fold", "label"]].drop_duplicates()
    if tested["clip"].duplicated().any():
        # Each seed has drawn folds of its own: groups are then resampled over all clips.
        tested = tested.drop_duplicates("clip").assign(fold=0)
    # A recording in two folds counts as two groups: what is resampled lies within a fold.
    pairs = pd.MultiIndex.from_arrays([tested["fold"], groups.loc[tested["clip"]]])
    places, members = pairs.factorize(sort=True)
    place, labels = pd.Series(places, index=tested["clip"]), pd.Index(sorted(set(tested["label"])))
    shape = (len(members), len(labels), len(labels))
    counts = []
    for table in predictions:  # what a seed has not tested counts nothing in it
        cells = (place.loc[table["clip"]], *map(labels.get_indexer, (table["label"], table["predicted"])))
        counts.append(np.bincount(np.ravel_multi_index(cells, shape), minlength=np.prod(shape)).reshape(shape))
    return np.array(counts), members.to_frame(index=False, name=["fold", "group"])


def rank_models(runs: pd.DataFrame, groups: dict[str, pd.Series], metric: str) -> pd.DataFrame:
    """The leaderboard: the mean over seeds of the out-of-fold score, its spread and interval, and the rank.

    The score of a seed pools the test clips of all folds, each predicted by the model that has not seen it;
    ``spread`` is the standard deviation over seeds (empty for one seed); the interval is a bootstrap over groups.

    Args:
        runs: a row a run: ``dataset, model, protocol, seed`` and ``predictions``, the path of its table.
        groups: a data set's groups, indexed by clip.
    """
    rows = []
    for contest, same in runs.groupby(CONTEST, sort=False):
        tables = [read_clip_table(path, usecols=["clip", "fold", "label", "predicted"]) for path in same["predictions"]]
        counts, members = group_confusions(tables, groups[contest[0]])
        scores = METRICS[metric](counts.sum(axis=1))
        spread = scores.std(ddof=1) if len(scores) > 1 else np.nan
        low, high = bootstrap_interval(counts, members, METRICS[metric])
        rows.append((*contest, scores.mean(), spread, low, high))
    board = pd.DataFrame(rows, columns=LEADERBOARD_COLUMNS[:-1])
    board["rank"] = board.groupby(["dataset", "protocol"])["mean"].rank(ascending=False, method="min").astype(int)
    order = board.groupby("dataset", sort=False).ngroup()
    return board.assign(order=order).sort_values(["order", "protocol", "rank"], kind="stable")[LEADERBOARD_COLUMNS]


def aggregate_scores(
    metrics: list[str],
    predictions: list[str],
    splits: dict[str, str],
    metric: str,
    scores: str | Path,
    leaderboard: str | Path,
) -> None:
    """Write ``scores.csv`` and ``leaderboard.csv`` of all runs.

    Args:
        metrics, predictions: a file a run, in the same order.
        splits: a split table of each data set, whatever its seed, for the groups.
    """
    runs = pd.DataFrame([{key: read_json(path)[key] for key in (*CONTEST, "seed")} for path in metrics])
    groups = {dataset: read_clip_table(path).set_index("clip")["group"] for dataset, path in splits.items()}
    write_csv(scores, collect_scores(metrics))
    write_csv(leaderboard, rank_models(runs.assign(predictions=predictions), groups, metric))
