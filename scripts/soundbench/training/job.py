"""The training job of one run: it checks the inputs, trains the network and writes the outputs."""

from __future__ import annotations

import logging
import shutil
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from safetensors.torch import save_file

from soundbench.augment.batch import OnlineAugmentation
from soundbench.core.devices import choose_device, device_name, prepare_process, uses_bfloat16
from soundbench.core.errors import InputError
from soundbench.core.integrity import check_dates, read_split
from soundbench.core.provenance import versions
from soundbench.core.storage import atomic_path, read_clip_table, write_csv, write_json
from soundbench.data.schemes import fold_column
from soundbench.data.trained_on import clip_lines, known_clips, sample_digests, write_trained_on
from soundbench.features.normalisation import Normalisation, choose_normalisation
from soundbench.features.settings import crop_frames, values_per_decibel
from soundbench.models.initial_weights import Weights, find_weights
from soundbench.models.lineage import refusal
from soundbench.models.registry import build_model
from soundbench.tasks.registry import TASKS
from soundbench.tasks.task import Task
from soundbench.training.batches import load_examples, load_training
from soundbench.training.checkpoints import Checkpoint, Stopped, compute_fingerprint, run_lock, stop_signals
from soundbench.training.events import event_writer, record
from soundbench.training.finished import keep_finished, restore_finished
from soundbench.training.progress import Progress
from soundbench.training.run import Outputs, Run
from soundbench.training.trainer import Trainer
from soundbench.training.values import predict_values

logger = logging.getLogger(__name__)


def train_model(
    run: Run,
    *,
    features: str,
    index: str,
    variants: dict[str, tuple[str, str]],
    split: str,
    measures: str,
    threads: int,
    folder: str,
    checkpoint_seconds: float,
    weights: Sequence[str] = (),
    embedding: Sequence[str] = (),
    overlaps: Sequence[str] = (),
    device: str = "auto",
) -> None:
    """Train ``run``, or resume an interrupted attempt, and write :class:`Outputs`.

    The process exits with 128 + SIGTERM if a signal stops it; the next attempt then resumes.

    Args:
        measures: the table of measurements of the source's clips, which has the digests of their samples.
        variants: the feature array and the index of each variant that the view augments with.
        weights: the files that :func:`~soundbench.models.initial_weights.find_weights` takes; none to start from
            scratch.
        embedding: the same for the network that computed the features; none if the features are not an embedding.
        overlaps: tables of the view's clips that are copies of clips in the sources that these weights were trained on.
        device: ``auto`` uses a GPU if there is one; ``cpu`` never does.

    Raises:
        InputError: an input is dated in the future or was changed, a training clip is a copy of a clip without the role
            ``train``, the initial weights do not fit or were trained on test or validation clips, CUDA cannot use the
            GPU, or a loss or a weight is not finite.
    """
    arrays = [file for pair in variants.values() for file in pair]
    check_dates([features, index, *arrays, split, measures, *weights, *embedding, *overlaps])
    prepare_process(run.seed, threads, device)
    outputs = Outputs(Path(folder))
    processor = choose_device()
    bfloat16 = uses_bfloat16(run.recipe["training"]["precision"], processor)
    logger.info("%s trains on %s", run.tag, device_name(processor, bfloat16))
    clips = read_split(split)
    rows = read_clip_table(index)
    roles = clips[fold_column(run.fold)]
    task = TASKS[run.task](TASKS[run.task].find_labels(clips))
    task.fit(clips[roles == "train"])
    seconds = run.recipe["training"]["crop"]
    crop = crop_frames(seconds, run.front_end) if seconds else None
    training = load_training(features, rows, clips, roles, task, run.augment, variants, run.seed, crop)
    parts = {"train": training, "val": load_examples(features, rows, clips[roles == "val"], task, crop)}
    statistics = training.normalisation()
    normalise = choose_normalisation(run.front_end, statistics)
    initial = find_weights(weights)
    pretrained = [found for found in (initial, find_weights(embedding)) if found]
    digests = sample_digests(measures)
    held_out = {clip: digests[clip] for clip in clips["clip"][roles.isin(["val", "test"])]}
    check_initial_weights(run, pretrained, held_out, overlaps)
    # Mean and deviation represent the features, whose files may be too large to digest.
    data = (split, index, *(table for _, table in variants.values()), *([str(initial.file)] if initial else []))
    fingerprint = compute_fingerprint(
        asdict(run), asdict(statistics), processor.type, bfloat16, torch.__version__, files=data
    )
    with run_lock(outputs.folder / ".lock", run.tag):
        if outputs.complete(fingerprint) or restore_finished(outputs.files, fingerprint):
            logger.info("%s was already finished by an earlier process", run.tag)
            return
        network = build_model(run.recipe, len(task.labels), training.shape, initial)
        augmentation = online_augmentation(run, task, normalise)
        settings = run.recipe["training"]
        trainer = Trainer(network, settings, parts, normalise, augmentation, processor, seed=run.seed, tag=run.tag)
        checkpoint = Checkpoint(outputs.folder / "checkpoint.pt", fingerprint, checkpoint_seconds)
        _fit(trainer, checkpoint, outputs, run.tag)
        if len(parts["val"]):
            network.load_state_dict(trainer.progress.weights)
            predict = partial(predict_values, network.eval(), parts["val"], normalise, task)
            task.fit_decision(predict, clips[roles == "val"])
        used = {digests[clip] for clip in clips["clip"][roles.isin(["train", "val"])]}
        description = {
            **asdict(run),
            **_describe(trainer, normalise),
            # A run that starts from this one must not be tested on these sources and clips.
            "sources": sorted({run.source}.union(*(weights.sources for weights in pretrained))),
            "trained_on": write_trained_on(outputs.folder, used.union(*(weights.trained_on for weights in pretrained))),
            "fingerprint": fingerprint,
        }
        _write(trainer.progress, description, outputs)
        keep_finished(outputs.files, fingerprint)
        checkpoint.remove()


def check_initial_weights(
    run: Run, pretrained: list[Weights], held_out: dict[str, str], overlaps: Sequence[str]
) -> None:
    """Refuse weights that were trained on test or validation clips of the fold.

    Args:
        pretrained: the initial weights of the run, and those of the network that computed its features.
        held_out: the digests of the test and validation clips, by clip.
        overlaps: tables of the copies of the view's clips in the sources of these weights.

    Raises:
        InputError: naming the weights and the clips.
    """
    if folders := [str(weights.file.parent) for weights in pretrained if run.source in weights.sources]:
        raise InputError(f"{run.tag} {refusal(folder, run.source)}" for folder in folders)
    for weights in pretrained:
        if known := known_clips(held_out, overlaps, weights.trained_on):
            heading = (
                f"{run.tag} {weights.file.parent} was trained on {len(known)} of the clips that this fold is tested "
                "or validated on, or on copies of them:"
            )
            raise InputError(clip_lines(known), heading)


def online_augmentation(run: Run, task: Task, normalise: Normalisation) -> OnlineAugmentation:
    """The on-the-fly augmentation of the recipe, with the seed of the run."""
    decibel = (values_per_decibel(run.front_end) or 0.0) / normalise.std
    return OnlineAugmentation(run.recipe["training"]["augment"], task, decibel, run.seed)


def _describe(trainer: Trainer, normalise: Normalisation) -> dict[str, Any]:
    """The part of a model's description that is not in its recipe."""
    return {
        "labels": trainer.task.labels,
        "fitted": trainer.task.fitted,
        "examples": {role: len(examples) for role, examples in trainer.parts.items()},
        "shape": list(trainer.parts["train"].shape),
        "normalisation": asdict(normalise),
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
