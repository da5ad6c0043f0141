"""From trained folds to out-of-fold predictions and scores."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import pandas as pd

from soundbench.core.capacity import peak_megabytes
from soundbench.core.devices import compute_on_one_thread, prepare_process
from soundbench.core.integrity import read_split
from soundbench.core.storage import read_clip_table, write_csv, write_json
from soundbench.evaluation.explained_fold import explain_fold
from soundbench.evaluation.trained_model import TrainedModel
from soundbench.features.files import FeatureFiles
from soundbench.models.description import Description
from soundbench.tasks.task import Task
from soundbench.training.finished import forget_finished

RUN_KEYS = ("dataset", "task", "model", "protocol", "seed", "labels", "parameters", "code")


@dataclass(frozen=True)
class Outputs:
    """The out-of-fold predictions of a run, their scores, and explanations of the first fold."""

    predictions: str
    metrics: str
    explanations: str


@dataclass(frozen=True)
class EvaluatedFold:
    """What a model is, without its network; the predictions of its test clips; and how long they took (s)."""

    description: Description
    task: Task
    table: pd.DataFrame
    seconds: float


def evaluate_model(folders: list[str], features: FeatureFiles, split: str, threads: int, outputs: Outputs) -> None:
    """Predict every test clip with the model that was not trained on it; write :class:`Outputs`.

    Args:
        folders: the folder of each fold's model.
        threads: how many folds are predicted at the same time, each by one thread, so that results stay the same.
    """
    prepare_process(0, 1)
    clips = read_split(split)
    rows = read_clip_table(features.index)
    loading = Lock()  # libraries change global state while they build a network

    def evaluate(folder: str) -> EvaluatedFold:
        with loading:
            model = TrainedModel.load(folder)
        tested = model.with_role(clips, "test")
        examples = model.examples(features.array, rows, tested)
        started = time.perf_counter()
        values = model.predict(examples)
        seconds = time.perf_counter() - started
        table = model.table(tested, values)
        if folder == folders[0]:
            frames = rows.set_index("clip")["frames"].loc[tested["clip"]].to_numpy()
            explain_fold(model, examples, frames, table).write(outputs.explanations)
        return EvaluatedFold(model.description, model.task, table, seconds)

    with ThreadPoolExecutor(threads, initializer=compute_on_one_thread) as pool:
        folds = list(pool.map(evaluate, folders))
    _write_run(folders, folds, clips, outputs)
    for folder in folders:
        forget_finished(folder)


def _write_run(folders: list[str], folds: list[EvaluatedFold], clips: pd.DataFrame, outputs: Outputs) -> None:
    """The predictions of all folds as one table, and their scores and costs."""
    description, task = folds[-1].description, folds[-1].task
    out_of_fold = pd.concat([fold.table for fold in folds])
    write_csv(outputs.predictions, out_of_fold)
    measured = {
        "packages": description["measured"]["packages"],
        "model_bytes": (Path(folders[0]) / "model.safetensors").stat().st_size,
        "predict_seconds": round(sum(fold.seconds for fold in folds), 3),
        "predict_megabytes": peak_megabytes(),
    }
    groups = clips.set_index("clip")["group"]
    scored = {"scores": task.scores(out_of_fold), **task.details(out_of_fold, groups)}
    described = dict(description)
    run = {key: described[key] for key in RUN_KEYS}
    write_json(outputs.metrics, run | measured | {"folds": list(map(_fold_scores, folds))} | scored)


def _fold_scores(fold: EvaluatedFold) -> dict[str, Any]:
    """One fold's scores, what its training cost, and what its task was fitted with."""
    measured = fold.description["measured"]
    return {
        "fold": fold.description["fold"],
        **fold.task.scores(fold.table),
        "clips": len(fold.table),
        "epochs": fold.description["epochs"],
        "train_seconds": measured["train_seconds"],
        "cpu_seconds": measured["cpu_seconds"],
        "megabytes": measured["megabytes"],
        "device": measured["device"],
        "fitted": fold.task.fitted,
    }
