"""The scores of models on another data set as a table, from what :mod:`soundbench.evaluation.transfer` predicted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from soundbench.core.integrity import read_split
from soundbench.core.storage import read_clip_table, write_csv
from soundbench.data.subsets import clip_groups
from soundbench.evaluation.intervals import interval_scores, score_columns
from soundbench.evaluation.leaderboard import read_predictions
from soundbench.tasks.registry import task_class
from soundbench.tasks.task import Task


def aggregate_transfer(
    entries: dict[str, dict[str, Any]],
    predictions: list[str],
    scores: list[str],
    home: list[str],
    splits: list[str],
    datasets: dict[str, dict[str, Any]],
    table: str,
) -> None:
    """Write two rows per transfer: the out-of-fold scores on the training data set, and the scores on the other.

    The folds of a seed are pooled: each clip counts once for every model that predicted it, and intervals count
    groups with all of their predictions.

    Args:
        entries: the configuration's ``transfer``.
        predictions, scores: what :func:`soundbench.evaluation.transfer.evaluate_transfer` wrote, ``…/{transfer}/FILE``.
        home: ``…/{dataset}/{model}/seed{seed}/predictions.csv`` of the runs.
        splits: ``…/{dataset}/seed{seed}.csv`` of what they were trained on, for the groups.
        datasets: the ``task`` of each data set.
    """
    other, left = ({Path(path).parent.name: path for path in paths} for paths in (predictions, scores))
    groups = {Path(path).parent.name: clip_groups(read_split(path)) for path in splits}
    decisions = read_predictions(home, datasets)
    rows = []
    for name, entry in entries.items():
        dataset = entry["from"]["dataset"]
        model = entry["from"]["model"]
        task = task_class(datasets[dataset])
        names = {"transfer": name, "model": model, "trained_on": dataset}
        here = _scores(task, decisions[dataset, model], groups[dataset])
        rows.append(names | {"tested_on": dataset, "left_out": 0} | here)
        found = read_clip_table(other[name])
        others = found.drop_duplicates("clip").pipe(clip_groups)
        tables = [part.assign(fold=0) for _, part in found.groupby("seed")]
        unfit = int(pd.read_csv(left[name])["left_out"].max())
        rows.append(names | {"tested_on": entry["to"], "left_out": unfit} | _scores(task, tables, others))
    write_csv(table, pd.DataFrame(rows))


def _scores(task: type[Task], tables: list[pd.DataFrame], groups: pd.DataFrame | pd.Series) -> dict[str, Any]:
    counted = {"clips": pd.concat(tables)["clip"].nunique(), "seeds": len(tables)}
    return counted | score_columns(interval_scores(task, tables, groups))
