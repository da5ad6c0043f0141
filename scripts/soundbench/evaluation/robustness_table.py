"""The scores of changed clips as a table, from the predictions that :mod:`soundbench.evaluation.robustness` wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from soundbench.core.integrity import read_split
from soundbench.core.storage import read_clip_table, write_csv
from soundbench.data.subsets import clip_groups
from soundbench.evaluation.intervals import interval_scores, score_columns
from soundbench.evaluation.leaderboard import LEADERBOARD_KEYS, read_predictions, run_of
from soundbench.tasks.registry import task_class

UNCHANGED = "unchanged"


def aggregate_robustness(
    altered: list[str], predictions: list[str], splits: list[str], datasets: dict[str, dict[str, Any]], table: str
) -> None:
    """Write one row per data set × model × kind × level: every metric with its interval, over all seeds and folds.

    Args:
        altered: predictions of changed clips, one file per run.
        predictions: predictions of the same runs on unchanged clips; their kind is ``unchanged``.
        splits: ``…/{dataset}/seed{seed}.csv`` of each data set, for the groups.
        datasets: the ``protocol`` and the ``task`` of each data set.
    """
    groups = {Path(path).parent.name: clip_groups(read_split(path)) for path in splits}
    rows = []
    for (dataset, model), tables in read_predictions(predictions, datasets).items():
        runs = [read_clip_table(path) for path in altered if _is_of(path, dataset, model)]
        parts = {(UNCHANGED, np.nan): tables}
        for run in runs:
            for level, part in run.groupby(["kind", "level"], sort=False):
                parts.setdefault(level, []).append(part)
        for (kind, level), of_seeds in parts.items():
            values = (dataset, model, datasets[dataset]["protocol"], kind, level)
            names = dict(zip([*LEADERBOARD_KEYS, "kind", "level"], values, strict=True))
            scores = score_columns(interval_scores(task_class(datasets[dataset]), of_seeds, groups[dataset]))
            rows.append(names | {"seeds": len(of_seeds), "clips": of_seeds[0]["clip"].nunique()} | scores)
    write_csv(table, pd.DataFrame(rows))


def _is_of(path: str, dataset: str, model: str) -> bool:
    """Whether ``…/{dataset}/{model}/seed{seed}.csv`` is of this data set and model."""
    return run_of(Path(path).with_suffix("") / "predictions.csv")[:2] == (dataset, model)
