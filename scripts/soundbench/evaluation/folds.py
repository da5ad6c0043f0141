"""From trained folds to out-of-fold predictions and scores."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from soundbench.core.devices import choose_device, place, prepare_process
from soundbench.core.errors import InputError
from soundbench.core.finite import REMEDY
from soundbench.core.integrity import read_split
from soundbench.core.microbatches import Microbatches, chunks
from soundbench.core.storage import read_clip_table, write_csv, write_json
from soundbench.data.schemes import fold_column
from soundbench.evaluation.scores import score_run, scores
from soundbench.features.normalisation import Normalisation
from soundbench.models.saved import load_model
from soundbench.training.batches import Examples, load_examples
from soundbench.training.finished import forget_finished

BATCH = 64


@torch.inference_mode()
def predict_probabilities(network: nn.Module, examples: Examples, normalise: Normalisation) -> np.ndarray:
    """Class probabilities ``(clips, classes)`` of every example, in float32 whatever the training precision.

    Raises:
        InputError: some of them are not finite.
    """
    device = choose_device()
    network = place(network, device)

    def compute(size: int) -> torch.Tensor:
        found = []
        for chosen in chunks(torch.arange(len(examples)), size):
            features, _ = examples.batch(chosen, normalise, device)
            found.append(network(features.to(memory_format=torch.channels_last)).softmax(dim=1).cpu())
        return torch.cat(found)

    found = Microbatches(min(BATCH, len(examples)), "predicting:").fit(compute).numpy()
    if lost := int((~np.isfinite(found)).any(axis=1).sum()):
        clips = f"{lost} of {len(found)} clips"
        raise InputError(f"the model gives {clips} probabilities that are not finite; train it again: {REMEDY}")
    return found


def evaluate_model(
    folders: list[str], *, features: str, index: str, split: str, threads: int, predictions: str, metrics: str
) -> None:
    """Predict every test clip with the model that was not trained on it; write the predictions and their scores.

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
        labels = description["labels"]
        tested = clips[clips[fold_column(fold)] == "test"]
        examples = load_examples(features, rows, tested, labels)
        started = time.perf_counter()
        probabilities = predict_probabilities(network, examples, Normalisation(**description["normalisation"]))
        seconds += time.perf_counter() - started
        table = tested[["clip", "label"]].assign(
            fold=fold, predicted=[labels[best] for best in probabilities.argmax(axis=1)]
        )
        tables.append(pd.concat([table.reset_index(drop=True), pd.DataFrame(probabilities, columns=labels)], axis=1))
        folds.append(_fold_scores(tables[-1], description))
    out_of_fold = pd.concat(tables)
    names = ["clip", "fold", "label", "predicted"]
    write_csv(predictions, out_of_fold[names + labels].round(dict.fromkeys(labels, 6)))
    run = {key: description[key] for key in ("dataset", "model", "protocol", "seed", "labels", "parameters", "code")}
    run["packages"] = description["measured"]["packages"]
    run["model_bytes"] = (Path(folders[0]) / "model.safetensors").stat().st_size
    run["predict_seconds"] = round(seconds, 3)
    write_json(metrics, run | {"folds": folds} | score_run(out_of_fold, labels, clips.set_index("clip")["group"]))
    for folder in folders:
        forget_finished(folder)


def _fold_scores(table: pd.DataFrame, description: dict[str, Any]) -> dict[str, Any]:
    """One fold's scores, and what its training cost."""
    measured = description["measured"]
    return {
        "fold": description["fold"],
        **scores(table, description["labels"]),
        "clips": len(table),
        "epochs": description["epochs"],
        "train_seconds": measured["train_seconds"],
        "cpu_seconds": measured["cpu_seconds"],
        "device": measured["device"],
    }
