"""The training of a network by gradients, epoch by epoch, with a checkpoint."""

from __future__ import annotations

import logging
import shutil
import signal
import sys
from functools import partial
from pathlib import Path

import torch

from soundbench.augment.batch import OnlineAugmentation
from soundbench.core.devices import device_name
from soundbench.core.finite import NotFiniteError
from soundbench.features.normalisation import Normalisation, choose_normalisation
from soundbench.features.settings import bin_frequencies, has_frequencies, input_kind, values_per_decibel
from soundbench.models.registry import build_model
from soundbench.models.tuning import compares_epochs, is_trial
from soundbench.tasks.task import Task
from soundbench.training.checkpoints import Checkpoint, Stopped, stop_signals
from soundbench.training.epoch_weights import EpochWeights
from soundbench.training.events import event_writer, record
from soundbench.training.inputs import FoldData
from soundbench.training.progress import Row
from soundbench.training.run import Outputs, Run, Trained
from soundbench.training.trainer import Trainer
from soundbench.training.training_data import TrainingData
from soundbench.training.values import predict_values

logger = logging.getLogger(__name__)


def train_network(
    run: Run,
    fold: FoldData,
    device: torch.device,
    checkpoint: Checkpoint,
    outputs: Outputs,
    until: int | None = None,
) -> Trained:
    """Train the network of a run, or go on from its checkpoint.

    A trial whose loss or weights are no longer finite ends without weights; any other run is an error.
    The process exits with 128 + SIGTERM if a signal stops it.

    Args:
        until: the epoch after which the training pauses, with a checkpoint; None: it trains to its end.
    """
    trainer = build_trainer(run, fold, device)
    diverged = ""
    try:
        compared = outputs.epoch_interval and compares_epochs(run.model, run.recipe)
        kept = EpochWeights(outputs.epoch_folder, outputs.epoch_interval)
        if not compared:
            kept.remove()  # an interrupted attempt with other settings may have left them
        _fit(trainer, checkpoint, outputs.events, kept if compared else None, until)
        if trainer.finished:
            _fit_decision(trainer, fold)
    except NotFiniteError as error:
        if not is_trial(run.model):
            raise
        logger.warning("%s. This trial counts as the worst of its model", error)
        diverged = str(error)
    progress = trainer.progress
    return Trained(
        {} if diverged else {name: value.cpu().contiguous() for name, value in progress.weights.items()},
        progress.history,
        best_epoch=progress.best_epoch,
        kept_epoch=progress.kept_epoch,
        normalisation=trainer.normalise,
        parameters=sum(parameter.numel() for parameter in trainer.average.network.parameters()),
        seconds=trainer.stopwatch.read(),
        device=device_name(trainer.device, trainer.bfloat16),
        diverged=diverged,
        paused=not (trainer.finished or diverged),
    )


def build_trainer(run: Run, fold: FoldData, device: torch.device) -> Trainer:
    """The trainer of a run at its first step: a network with random or initial weights."""
    network = build_model(run.recipe, len(fold.task.labels), fold.parts["train"].shape, fold.initial)
    normalise = choose_normalisation(run.front_end, fold.statistics)
    data = TrainingData(fold.parts, normalise, online_augmentation(run, fold.task, normalise))
    return Trainer(network, run.recipe["training"], data, device, seed=run.seed, tag=run.tag)


def _fit_decision(trainer: Trainer, fold: FoldData) -> None:
    """Fit the decision of the task on the validation clips, if there are any, with the weights that are kept."""
    if len(fold.parts["val"]):
        network = trainer.average.network.eval()
        network.load_state_dict(trainer.progress.weights)
        predict = partial(predict_values, network, fold.parts["val"], trainer.normalise, fold.task)
        fold.task.fit_decision(predict, fold.with_role("val"))


def online_augmentation(run: Run, task: Task, normalise: Normalisation) -> OnlineAugmentation:
    """The on-the-fly augmentation of the recipe, with the seed of the run."""
    decibel = (values_per_decibel(run.front_end) or 0.0) / normalise.std
    known = has_frequencies(run.front_end)
    frequencies = bin_frequencies(run.front_end, run.front_end["sample_rate"]) if known else []
    sample_rate = run.front_end["sample_rate"] if input_kind(run.front_end) == "waveform" else 0
    return OnlineAugmentation(run.recipe["training"]["augment"], task, decibel, run.seed, frequencies, sample_rate)


def _fit(
    trainer: Trainer, checkpoint: Checkpoint, events_folder: Path, weights: EpochWeights | None, until: int | None
) -> None:
    """Train, or go on from the checkpoint.

    Args:
        weights: where the weights after epochs are kept; None if they are not.
    """
    tag = trainer.tag
    state = checkpoint.load()
    if state and weights and not weights.holds(len(state["progress"]["history"])):
        logger.warning("%s starts again: the weights after the first epochs were not kept", tag)
        state = None
    if state:
        trainer.resume(state)
        epochs = len(trainer.progress.history)
        logger.info("%s resumed after epoch %d and %d steps of the next epoch", tag, epochs, trainer.epoch.steps)
    shutil.rmtree(events_folder, ignore_errors=True)  # an interrupted attempt may have recorded more than its state
    with event_writer(events_folder) as events, stop_signals() as stopping:
        for row in trainer.progress.history:
            record(events, row)

        def finish_epoch(row: Row) -> None:
            record(events, row)
            if weights:
                weights.save(int(row["epoch"]), trainer.epoch_weights())

        try:
            trainer.fit(checkpoint, stopping, finish_epoch, until)
        except Stopped:
            logger.warning("%s was stopped by a signal; the next attempt resumes from its checkpoint", tag)
            sys.exit(128 + signal.SIGTERM)
