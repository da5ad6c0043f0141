"""The training job of one run: it checks the inputs, trains the network and writes the outputs."""

from __future__ import annotations

import logging
import shutil
import signal
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from safetensors.torch import save_file

from soundbench.augment.batch import OnlineAugmentation
from soundbench.core.devices import choose_device, device_name, prepare_process, uses_bfloat16
from soundbench.core.integrity import check_dates
from soundbench.core.provenance import versions
from soundbench.core.storage import atomic_path, write_csv, write_json
from soundbench.data.trained_on import write_trained_on
from soundbench.features.normalisation import Normalisation, choose_normalisation
from soundbench.features.settings import values_per_decibel
from soundbench.models.registry import build_model
from soundbench.tasks.task import Task
from soundbench.training.checkpoints import Checkpoint, Stopped, compute_fingerprint, run_lock, stop_signals
from soundbench.training.events import event_writer, record
from soundbench.training.finished import keep_finished, restore_finished
from soundbench.training.inputs import FoldData, Inputs, read_fold
from soundbench.training.progress import Progress
from soundbench.training.run import Outputs, Run
from soundbench.training.trainer import Trainer
from soundbench.training.values import predict_values

logger = logging.getLogger(__name__)


def train_model(
    run: Run, inputs: Inputs, folder: str, *, threads: int, checkpoint_seconds: float, device: str = "auto"
) -> None:
    """Train ``run``, or resume an interrupted attempt, and write :class:`Outputs` into ``folder``.

    The process exits with 128 + SIGTERM if a signal stops it; the next attempt then resumes.

    Args:
        checkpoint_seconds: the time between two checkpoints (s).
        device: ``auto`` uses a GPU if there is one; ``cpu`` never does.

    Raises:
        InputError: an input is dated in the future or was changed, a training clip is a copy of a clip without the role
            ``train``, the initial weights do not fit or were trained on test or validation clips, CUDA cannot use the
            GPU, or a loss or a weight is not finite.
    """
    check_dates(inputs.files)
    prepare_process(run.seed, threads, device)
    outputs = Outputs(Path(folder))
    processor = choose_device()
    bfloat16 = uses_bfloat16(run.recipe["training"]["precision"], processor)
    logger.info("%s trains on %s", run.tag, device_name(processor, bfloat16))
    fold = read_fold(run, inputs)
    fingerprint = compute_fingerprint(
        asdict(run),
        asdict(fold.statistics),
        processor.type,
        bfloat16,
        torch.__version__,
        files=inputs.digested(fold.initial),
    )
    with run_lock(outputs.folder / ".lock", run.tag):
        if outputs.complete(fingerprint) or restore_finished(outputs.files, fingerprint):
            logger.info("%s was already finished by an earlier process", run.tag)
            return
        trainer = build_trainer(run, fold, processor)
        checkpoint = Checkpoint(outputs.folder / "checkpoint.pt", fingerprint, checkpoint_seconds)
        _fit(trainer, checkpoint, outputs, run.tag)
        _fit_decision(trainer, fold)
        origin = {
            # A run that starts from this one must not be tested on these sources and clips.
            "sources": sorted({run.source}.union(*(weights.sources for weights in fold.pretrained))),
            "trained_on": write_trained_on(outputs.folder, fold.known_digests()),
        }
        description = {**asdict(run), **_describe(trainer), **origin, "fingerprint": fingerprint}
        _write(trainer.progress, description, outputs)
        keep_finished(outputs.files, fingerprint)
        checkpoint.remove()


def build_trainer(run: Run, fold: FoldData, device: torch.device) -> Trainer:
    """The trainer of a run at its first step: a network with random or initial weights."""
    network = build_model(run.recipe, len(fold.task.labels), fold.parts["train"].shape, fold.initial)
    normalise = choose_normalisation(run.front_end, fold.statistics)
    augmentation = online_augmentation(run, fold.task, normalise)
    settings = run.recipe["training"]
    return Trainer(network, settings, fold.parts, normalise, augmentation, device, seed=run.seed, tag=run.tag)


def _fit_decision(trainer: Trainer, fold: FoldData) -> None:
    """Fit the decision of the task on the validation clips, if there are any, with the weights that are kept."""
    if len(fold.parts["val"]):
        trainer.network.load_state_dict(trainer.progress.weights)
        predict = partial(predict_values, trainer.network.eval(), fold.parts["val"], trainer.normalise, fold.task)
        fold.task.fit_decision(predict, fold.with_role("val"))


def online_augmentation(run: Run, task: Task, normalise: Normalisation) -> OnlineAugmentation:
    """The on-the-fly augmentation of the recipe, with the seed of the run."""
    decibel = (values_per_decibel(run.front_end) or 0.0) / normalise.std
    return OnlineAugmentation(run.recipe["training"]["augment"], task, decibel, run.seed)


def _describe(trainer: Trainer) -> dict[str, Any]:
    """The part of a model's description that is not in its recipe."""
    return {
        "labels": trainer.task.labels,
        "fitted": trainer.task.fitted,
        "examples": {role: len(examples) for role, examples in trainer.parts.items()},
        "shape": list(trainer.parts["train"].shape),
        "normalisation": asdict(trainer.normalise),
        "parameters": sum(parameter.numel() for parameter in trainer.network.parameters()),
        "measured": _measured(trainer),
    }


def _measured(trainer: Trainer) -> dict[str, Any]:
    """Time, device and packages of the training; only this part of a description differs between repeated trainings."""
    seconds = trainer.stopwatch.read()
    return {
        "train_seconds": round(seconds["wall"], 3),
        "cpu_seconds": round(seconds["cpu"], 3),
        "device": device_name(trainer.device, trainer.bfloat16),
        "packages": versions(),
    }


def _fit(trainer: Trainer, checkpoint: Checkpoint, outputs: Outputs, tag: str) -> None:
    if state := checkpoint.load():
        trainer.resume(state)
        epochs = len(trainer.progress.history)
        logger.info("%s resumed after epoch %d and %d steps of the next epoch", tag, epochs, trainer.epoch.steps)
    shutil.rmtree(outputs.events, ignore_errors=True)  # an interrupted attempt may have recorded more than its state
    with event_writer(outputs.events) as events, stop_signals() as stopping:
        for row in trainer.progress.history:
            record(events, row)
        try:
            trainer.fit(checkpoint, stopping, partial(record, events))
        except Stopped:
            logger.warning("%s was stopped by a signal; the next attempt resumes from its checkpoint", tag)
            sys.exit(128 + signal.SIGTERM)


def _write(progress: Progress, description: dict[str, Any], outputs: Outputs) -> None:
    with atomic_path(outputs.model) as temporary:
        save_file({name: value.cpu().contiguous() for name, value in progress.weights.items()}, temporary)
    write_csv(outputs.history, pd.DataFrame(progress.history))
    finished = {key: getattr(progress, key) for key in ("best_epoch", "kept_epoch")}
    write_json(outputs.description, description | finished | {"epochs": len(progress.history)})
