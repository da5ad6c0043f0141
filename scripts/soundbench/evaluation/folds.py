"""From trained folds to out-of-fold predictions and scores."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from soundbench.core.capacity import peak_megabytes
from soundbench.core.devices import prepare_process
from soundbench.core.integrity import read_split
from soundbench.core.storage import read_clip_table, write_csv, write_json
from soundbench.evaluation.explained_fold import explain_fold
from soundbench.evaluation.trained_model import TrainedModel
from soundbench.features.files import FeatureFiles
from soundbench.training.finished import forget_finished

RUN_KEYS = ("dataset", "task", "model", "protocol", "seed", "labels", "parameters", "code")


@dataclass(frozen=True)
class Outputs:
    """The out-of-fold predictions of a run, their scores, and explanations of the first fold."""

    predictions: str
    metrics: str
    explanations: str


def evaluate_model(folders: list[str], features: FeatureFiles, split: str, threads: int, outputs: Outputs) -> None:
    """Predict every test clip with the model that was not trained on it; write :class:`Outputs`.

    Args:
        folders: the folder of each fold's model.
    """
    prepare_process(0, threads)
    clips = read_split(split)
    rows = read_clip_table(features.index)
    tables = []
    folds = []
    seconds = 0.0
    for folder in folders:
        model = TrainedModel.load(folder)
        tested = model.with_role(clips, "test")
        examples = model.examples(features.array, rows, tested)
        started = time.perf_counter()
        values = model.predict(examples)
        seconds += time.perf_counter() - started
        tables.append(model.table(tested, values))
        folds.append(_fold_scores(model, tables[-1]))
        if folder == folders[0]:
            frames = rows.set_index("clip")["frames"].loc[tested["clip"]].to_numpy()
            explain_fold(model, examples, frames, tables[-1]).write(outputs.explanations)
    out_of_fold = pd.concat(tables)
    write_csv(outputs.predictions, out_of_fold.round(dict.fromkeys(model.task.labels, 6)))
    measured = {
        "packages": model.description["measured"]["packages"],
        "model_bytes": (Path(folders[0]) / "model.safetensors").stat().st_size,
        "predict_seconds": round(seconds, 3),
        "predict_megabytes": peak_megabytes(),
    }
    groups = clips.set_index("clip")["group"]
    scored = {"scores": model.task.scores(out_of_fold), **model.task.details(out_of_fold, groups)}
    described = dict(model.description)
    run = {key: described[key] for key in RUN_KEYS}
    write_json(outputs.metrics, run | measured | {"folds": folds} | scored)
    for folder in folders:
        forget_finished(folder)


def _fold_scores(model: TrainedModel, table: pd.DataFrame) -> dict[str, Any]:
    """One fold's scores, and what its training cost."""
    measured = model.description["measured"]
    return {
        "fold": model.fold,
        **model.task.scores(table),
        "clips": len(table),
        "epochs": model.description["epochs"],
        "train_seconds": measured["train_seconds"],
        "cpu_seconds": measured["cpu_seconds"],
        "megabytes": measured["megabytes"],
        "device": measured["device"],
    }
