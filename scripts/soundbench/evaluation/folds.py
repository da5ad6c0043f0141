"""From trained folds to out-of-fold predictions and scores."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pandas as pd

from soundbench.core.devices import prepare_process
from soundbench.core.integrity import read_split
from soundbench.core.storage import read_clip_table, write_csv, write_json
from soundbench.data.schemes import fold_column
from soundbench.evaluation.explained_fold import explain_fold
from soundbench.features.normalisation import Normalisation
from soundbench.models.description import crop_of
from soundbench.models.saved import load_model
from soundbench.tasks.registry import trained_task
from soundbench.tasks.task import Task
from soundbench.training.batches import load_examples
from soundbench.training.finished import forget_finished
from soundbench.training.values import predict_values


def evaluate_model(
    folders: list[str],
    *,
    features: str,
    index: str,
    split: str,
    threads: int,
    predictions: str,
    metrics: str,
    explanations: str,
) -> None:
    """Predict every test clip with the model that was not trained on it; write the predictions and their scores, and
    explanations of the first fold.

    Args:
        folders: the folder of each fold's model.
    """
    prepare_process(0, threads)
    clips = read_split(split)
    rows = read_clip_table(index)
    tables = []
    folds = []
    seconds = 0.0
    for folder in folders:
        network, description = load_model(folder)
        fold = description["fold"]
        task = trained_task(description)
        tested = clips[clips[fold_column(fold)] == "test"]
        examples = load_examples(features, rows, tested, task, crop_of(description))
        started = time.perf_counter()
        values = predict_values(network, examples, Normalisation(**description["normalisation"]), task)
        seconds += time.perf_counter() - started
        tables.append(task.table(tested.assign(fold=fold)[["clip", "fold", *task.truth_columns(tested)]], values))
        folds.append(_fold_scores(tables[-1], task, description))
        if folder == folders[0]:
            frames = rows.set_index("clip")["frames"].loc[tested["clip"]].to_numpy()
            explain_fold(network, description, examples, frames, tables[-1]).write(explanations)
    out_of_fold = pd.concat(tables)
    write_csv(predictions, out_of_fold.round(dict.fromkeys(task.labels, 6)))
    run = {
        key: description[key]
        for key in ("dataset", "task", "model", "protocol", "seed", "labels", "parameters", "code")
    }
    run["packages"] = description["measured"]["packages"]
    run["model_bytes"] = (Path(folders[0]) / "model.safetensors").stat().st_size
    run["predict_seconds"] = round(seconds, 3)
    groups = clips.set_index("clip")["group"]
    scored = {"scores": task.scores(out_of_fold), **task.details(out_of_fold, groups)}
    write_json(metrics, run | {"folds": folds} | scored)
    for folder in folders:
        forget_finished(folder)


def _fold_scores(table: pd.DataFrame, task: Task, description: dict[str, Any]) -> dict[str, Any]:
    """One fold's scores, and what its training cost."""
    measured = description["measured"]
    return {
        "fold": description["fold"],
        **task.scores(table),
        "clips": len(table),
        "epochs": description["epochs"],
        "train_seconds": measured["train_seconds"],
        "cpu_seconds": measured["cpu_seconds"],
        "device": measured["device"],
    }
