"""The predictions and scores of an ensemble, from the out-of-fold predictions of its members."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from soundbench.core.errors import InputError
from soundbench.core.integrity import read_split
from soundbench.core.storage import read_clip_table, read_json, write_csv, write_json
from soundbench.evaluation.fold_costs import gpu_seconds
from soundbench.tasks.registry import trained_task
from soundbench.tasks.task import Task

Record = dict[str, Any]

SUMMED = ("epochs", "train_seconds", "cpu_seconds")  # of a fold


@dataclass(frozen=True)
class RunFiles:
    """The out-of-fold predictions of a run and their scores."""

    predictions: str
    metrics: str


def evaluate_ensemble(
    members: list[RunFiles], split: str, *, model: str, seed: int, mean: str, outputs: RunFiles
) -> None:
    """Average the predictions of the members, clip by clip, and score the mean like a run.

    Each member predicted a clip with its model of the clip's fold, so no model was trained on it. Costs are the sums of
    the members' costs; memory is the largest of a member's job.

    Args:
        mean: ``probabilities`` or ``logits``.

    Raises:
        InputError: the members predict other labels or clips, or in other folds; all of them are named.
    """
    runs = [read_json(member.metrics) for member in members]
    tables = [read_clip_table(member.predictions) for member in members]
    if problems := list(_differences(members, tables, runs)):
        raise InputError(problems, f"{model}: only runs with the same labels, clips and folds can be averaged:")
    task = trained_task(runs[0])
    names = tables[0]["clip"]
    values = np.stack([table.set_index("clip").loc[names, task.labels].to_numpy() for table in tables])
    truth = tables[0][["clip", "fold", *task.truth_columns(tables[0])]]
    table = decided(truth, average(task, values, mean), runs)
    write_csv(outputs.predictions, table)
    groups = read_split(split).set_index("clip")["group"]
    record = {key: runs[0][key] for key in ("dataset", "protocol", "labels", "code", "packages")}
    record |= {
        "task": task.name,
        "model": model,
        "seed": seed,
        "members": [{key: run[key] for key in ("model", "seed")} for run in runs],
    }
    record |= {key: sum(run[key] for run in runs) for key in ("parameters", "model_bytes", "predict_seconds")}
    record["predict_megabytes"] = max(run["predict_megabytes"] for run in runs)
    folds = [_fold(task, part, number, runs) for number, part in table.groupby("fold")]
    write_json(outputs.metrics, record | {"folds": folds, "scores": task.scores(table), **task.details(table, groups)})


def average(task: Task, values: np.ndarray, mean: str) -> np.ndarray:
    """The values ``(clips, outputs)`` of an ensemble from those of its members, ``(members, clips, outputs)``."""
    if mean == "probabilities":
        return values.mean(axis=0)
    return task.activate(torch.from_numpy(task.logits(values).mean(axis=0))).numpy()


def decided(truth: pd.DataFrame, values: np.ndarray, runs: list[Record]) -> pd.DataFrame:
    """The predictions of an ensemble. Each fold is decided by what its members' models of this fold were fitted with,
    such as thresholds, which validation clips gave.

    Args:
        truth: ``clip, fold``, and what is true.
        values: ``(clips, outputs)``.
        runs: what ``metrics.json`` says of each member; older ones do not say what a fold was fitted with.
    """
    parts = []
    for number, rows in truth.groupby("fold").indices.items():
        tasks = [trained_task(run | fold) for run in runs for fold in run["folds"] if fold["fold"] == number]
        joined = type(tasks[0]).joined(tasks)
        parts.append(joined.table(truth.iloc[rows], values[rows]).set_axis(rows))
    return pd.concat(parts).sort_index()


def _differences(members: list[RunFiles], tables: list[pd.DataFrame], runs: list[Record]) -> Iterator[str]:
    folds = [table.set_index("clip")["fold"].to_dict() for table in tables]
    for member, own, run in zip(members, folds, runs, strict=True):
        if run["labels"] != runs[0]["labels"]:
            yield f"{member.predictions}: has other labels than {members[0].predictions}"
        elif own != folds[0]:
            yield f"{member.predictions}: has other clips, or other folds, than {members[0].predictions}"


def _fold(task: Task, table: pd.DataFrame, number: int, runs: list[Record]) -> Record:
    """The scores of one fold, and the summed cost of the members' training."""
    parts = [fold for run in runs for fold in run["folds"] if fold["fold"] == number]
    return {
        "fold": int(number),
        **task.scores(table),
        "clips": len(table),
        **{key: sum(part[key] for part in parts) for key in SUMMED},
        "gpu_seconds": sum(map(gpu_seconds, parts)),
        "megabytes": max(part["megabytes"] for part in parts),
        "device": ", ".join(sorted({part["device"] for part in parts})),
    }
