"""Contamination: test clips that were in the training data of pretrained weights, according to lists of the user.

Those who publish weights know their training data. If test clips are among these data, only the score on the others can
be trusted (O. Sainz and others, "NLP evaluation in trouble: on the need to measure LLM data contamination for
each benchmark", Findings of EMNLP 2023, on the same problem with texts).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from soundbench.core.integrity import read_split
from soundbench.core.storage import read_clip_table, write_csv
from soundbench.core.text import spoken_list
from soundbench.data.contamination import KINDS, listed, read_list
from soundbench.data.subsets import clip_groups
from soundbench.evaluation.estimates import estimate_score
from soundbench.evaluation.leaderboard import Plan, read_predictions
from soundbench.evaluation.resampling import group_evidence
from soundbench.tasks.registry import ranking_metric, task_class
from soundbench.tasks.task import Task

logger = logging.getLogger(__name__)

COLUMNS = [
    *("dataset", "model", "metric", "clips", "listed", "matched_by", "score", "interval_low", "interval_high"),
    *("score_without", "without_low", "without_high", "lists"),
]
ENTRIES = {"samples": "digest of samples", "clip": "name of the clip", "path": "path", "group": "group"}


@dataclass(frozen=True)
class Inputs:
    """The files of the table of contamination.

    Attributes:
        predictions: of all runs of models with lists.
        splits: a split table of each data set, of any seed.
        measures: the measurements of the clips of each source.
    """

    predictions: list[str]
    splits: list[str]
    measures: list[str]


def aggregate_contamination(inputs: Inputs, plan: Plan, lists: dict[str, list[str]], metric: str, table: str) -> None:
    """Write one row per data set and model with lists: how many test clips they name, and the scores with and without.

    Args:
        lists: the lists of each model.
        metric: the metric that ranks the models.
    """
    measures = {Path(path).stem: read_clip_table(path).drop_duplicates("clip") for path in inputs.measures}
    splits = {Path(path).parent.name: read_split(path) for path in inputs.splits}
    predictions = read_predictions(inputs.predictions, plan["datasets"])
    entries = {model: set().union(*map(read_list, files)) for model, files in lists.items()}
    rows = []
    for (dataset, model), tables in predictions.items():
        view = plan["datasets"][dataset]
        clips = measures[view["source"]]
        seen = listed(clips, entries[model]).set_axis(clips["clip"])
        task = task_class(view)
        scored = compare(task, tables, clip_groups(splits[dataset]), ranking_metric(task, metric), seen)
        files = ", ".join(Path(file).name for file in lists[model])
        rows.append({"dataset": dataset, "model": model, "lists": files, **scored})
        if not scored["listed"]:
            logger.warning(
                "%s names no test clip of %s; are its entries clips, paths, groups or digests?", files, dataset
            )
    write_csv(table, pd.DataFrame(rows, columns=COLUMNS))


def compare(
    task: type[Task], predictions: list[pd.DataFrame], groups: pd.DataFrame, metric: str, seen: pd.Series
) -> dict[str, Any]:
    """The number of test clips, of those that were seen, and the scores with and without these.

    Args:
        predictions: out-of-fold predictions, one table per seed.
        seen: by what each clip is listed, indexed by clip; empty if it is not.
    """
    kinds = seen.loc[pd.concat(predictions)["clip"].unique()]
    counts = kinds[kinds != ""].value_counts()
    unseen = [table[table["clip"].map(seen) == ""] for table in predictions]
    return {
        "metric": metric,
        "clips": len(kinds),
        "listed": int(counts.sum()),
        "matched_by": ", ".join(f"{ENTRIES[kind]} {counts[kind]}" for kind in KINDS if kind in counts),
        **dict(
            zip(("score", "interval_low", "interval_high"), _scored(task, predictions, groups, metric), strict=True)
        ),
        **dict(
            zip(("score_without", "without_low", "without_high"), _scored(task, unseen, groups, metric), strict=True)
        ),
    }


def _scored(
    task: type[Task], predictions: list[pd.DataFrame], groups: pd.DataFrame, metric: str
) -> tuple[float, float, float]:
    """The mean score over seeds and its interval, which is NaN with fewer than two groups; all NaN without clips."""
    if any(table.empty for table in predictions):
        return np.nan, np.nan, np.nan
    evidence = group_evidence(task, predictions, groups)
    low, high = estimate_score(evidence, metric, task.metrics[metric]).interval()
    return float(evidence.scores(metric).mean()), low, high


def sentence(table: pd.DataFrame) -> str:
    """What the rows of one data set say, for the report; empty where no test clip is listed."""
    found = table[table["listed"] > 0]
    if found.empty:
        return ""
    parts = [f"{row['model']} ({row['listed']} of {row['clips']})" for row in found.to_dict("records")]
    return f"Test clips that the lists of the study name as training data of a model: {spoken_list(parts)}."
