"""A training run: its names and recipes, what it reads, and what it leaves behind."""

from __future__ import annotations

import logging
import shutil
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
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
from soundbench.core.storage import atomic_path, read_clip_table, read_json, write_csv, write_json
from soundbench.data.splits import fold_column
from soundbench.data.trained_on import TRAINED_ON, known_clips, listed, sample_digests, write_trained_on
from soundbench.features.normalisation import Normalisation, choose_normalisation
from soundbench.features.settings import values_per_decibel
from soundbench.models.initial_weights import Weights, find_weights, refusal
from soundbench.models.registry import build_model
from soundbench.training.batches import load_examples, load_training
from soundbench.training.checkpoints import Checkpoint, Stopped, fingerprint, only_writer, stop_signals
from soundbench.training.events import event_writer, record
from soundbench.training.finished import keep_finished, restore_finished
from soundbench.training.progress import Progress
from soundbench.training.trainer import Trainer

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Run:
    """What is trained: the names that tell it from all others, and the recipes it follows."""

    dataset: str
    model: str
    seed: int
    fold: int
    protocol: str
    recipe: dict[str, Any]
    front_end: dict[str, Any]
    augment: list[dict[str, Any]] = field(default_factory=list)
    code: str = ""
    source: str = ""

    @property
    def tag(self) -> str:
        """``[dataset/model/seed/fold]``, the beginning of each of its log lines."""
        return f"[{self.dataset}/{self.model}/seed{self.seed}/fold{self.fold}]"


@dataclass(frozen=True)
class Outputs:
    """Where a run's files go; ``folder`` holds them, and the checkpoint while the run is not finished."""

    folder: Path

    @property
    def model(self) -> Path:
        """Weights, as safetensors."""
        return self.folder / "model.safetensors"

    @property
    def description(self) -> Path:
        """Everything needed to rebuild the model and to feed it."""
        return self.folder / "model.json"

    @property
    def trained_on(self) -> Path:
        """The digests of the clips that the model was trained and validated on."""
        return self.folder / TRAINED_ON

    @property
    def history(self) -> Path:
        """A row an epoch."""
        return self.folder / "history.csv"

    @property
    def events(self) -> Path:
        """TensorBoard's folder, which Snakemake does not know, as it does not know the checkpoint."""
        return self.folder / "tensorboard"

    @property
    def files(self) -> list[Path]:
        """What Snakemake knows of."""
        return [self.model, self.description, self.trained_on, self.history]

    def complete(self, mark: str) -> bool:
        """Whether a run with this fingerprint has finished here."""
        return self.description.exists() and self.model.exists() and read_json(self.description)["fingerprint"] == mark


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
    """Train ``run``, or go on where an earlier attempt was interrupted, and write :class:`Outputs`.

    Exits with 128 + SIGTERM when a signal asked to stop; the next attempt then resumes.

    Args:
        measures: what was measured of the source's clips, for the digests of their samples.
        variants: the feature array and the index of each variant that the view augments with.
        weights: what :func:`~soundbench.models.initial_weights.find_weights` takes; none to start from scratch.
        embedding: the same of the weights that the features are an embedding of; none where they are no embedding.
        overlaps: which of the view's clips are copies of clips of the sources that these weights were trained on.
        device: ``auto`` takes a GPU where there is one, ``cpu`` never does.

    Raises:
        InputError: an input is dated in the future or was changed, a copy of a clip that is not trained on stands among
            the training clips, the weights to start from do not fit or were trained on clips that are tested or
            validated on, CUDA cannot use the GPU that was given, or a loss or a weight is no longer finite.
    """
    arrays = [file for pair in variants.values() for file in pair]
    check_dates([features, index, *arrays, split, measures, *weights, *embedding, *overlaps])
    prepare_process(run.seed, threads, device)
    outputs, processor = Outputs(Path(folder)), choose_device()
    bfloat16 = uses_bfloat16(run.recipe["training"]["precision"], processor)
    logger.info("%s trains on %s", run.tag, device_name(processor, bfloat16))
    clips, rows = read_split(split), read_clip_table(index)
    labels, roles = sorted(set(clips["label"])), clips[fold_column(run.fold)]
    training = load_training(features, rows, clips, roles, labels, run.augment, variants, run.seed)
    parts = {"train": training, "val": load_examples(features, rows, clips[roles == "val"], labels)}
    measured = training.normalisation()
    normalise = choose_normalisation(run.front_end, measured)
    initial = find_weights(weights)
    before = [found for found in (initial, find_weights(embedding)) if found]
    digests = sample_digests(measures)
    check_weights(run, before, {clip: digests[clip] for clip in clips["clip"][roles.isin(["val", "test"])]}, overlaps)
    # Mean and deviation stand for the features themselves, which may be too large to digest.
    data = (split, index, *(table for _, table in variants.values()), *([str(initial.file)] if initial else []))
    mark = fingerprint(asdict(run), asdict(measured), processor.type, bfloat16, torch.__version__, files=data)
    with only_writer(outputs.folder / ".lock", run.tag):
        if outputs.complete(mark) or restore_finished(outputs.files, mark):
            logger.info("%s was finished by the process before this one", run.tag)
            return
        network = build_model(run.recipe, len(labels), training.shape, initial)
        augmentation = online_augmentation(run, len(labels), normalise)
        settings = run.recipe["training"]
        trainer = Trainer(network, settings, parts, normalise, augmentation, processor, seed=run.seed, tag=run.tag)
        checkpoint = Checkpoint(outputs.folder / "checkpoint.pt", mark, checkpoint_seconds)
        _fit(trainer, checkpoint, outputs, run.tag)
        trained = {digests[clip] for clip in clips["clip"][roles.isin(["train", "val"])]}
        description = {
            **asdict(run),
            **_describe(trainer, labels, normalise),
            # What a run that starts from this one must not be tested on.
            "sources": sorted({run.source}.union(*(found.sources for found in before))),
            "trained_on": write_trained_on(outputs.folder, trained.union(*(found.trained_on for found in before))),
            "fingerprint": mark,
        }
        _write(trainer.progress, description, outputs)
        keep_finished(outputs.files, mark)
        checkpoint.remove()


def check_weights(run: Run, before: list[Weights], tested: dict[str, str], overlaps: Sequence[str]) -> None:
    """Refuse to start from weights that were trained on what a fold tests or validates on.

    Args:
        before: the weights that the run, or its features, start from.
        tested: the digests of the clips that are tested or validated on, by clip.
        overlaps: tables of the copies of the view's clips in the sources of these weights.
    """
    if seen := [str(found.file.parent) for found in before if run.source in found.sources]:
        raise InputError(f"{run.tag} {refusal(folder, run.source)}" for folder in seen)
    for found in before:
        if known := known_clips(tested, overlaps, found.trained_on):
            where = (
                f"{run.tag} {found.file.parent} was trained on {len(known)} of the clips that this fold is tested on"
            )
            raise InputError(listed(known), f"{where}, or on copies of them:")


def online_augmentation(run: Run, classes: int, normalise: Normalisation) -> OnlineAugmentation:
    """The recipe's on-the-fly augmentation, with the seed of the run."""
    decibel = (values_per_decibel(run.front_end) or 0.0) / normalise.std
    return OnlineAugmentation(run.recipe["training"]["augment"], classes, decibel, run.seed)


def _describe(trainer: Trainer, labels: list[str], normalise: Normalisation) -> dict[str, Any]:
    """What the recipe does not say of a trained model."""
    return {
        "labels": labels,
        "examples": {role: len(examples) for role, examples in trainer.parts.items()},
        "shape": list(trainer.parts["train"].shape),
        "normalisation": asdict(normalise),
        "parameters": sum(parameter.numel() for parameter in trainer.network.parameters()),
        "measured": _measured(trainer),
    }


def _measured(trainer: Trainer) -> dict[str, Any]:
    """What the training took, and on what; the one part of a description that is not repeatable."""
    spent = trainer.stopwatch.read()
    return {
        "train_seconds": round(spent["wall"], 3),
        "cpu_seconds": round(spent["cpu"], 3),
        "device": device_name(trainer.device, trainer.bfloat16),
        "packages": versions(),
    }


def _fit(trainer: Trainer, checkpoint: Checkpoint, outputs: Outputs, tag: str) -> None:
    if state := checkpoint.load():
        trainer.resume(state)
        done, steps = len(trainer.progress.history), trainer.epoch.steps
        logger.info("%s resumed after epoch %d and %d steps of the next", tag, done, steps)
    shutil.rmtree(outputs.events, ignore_errors=True)  # an interrupted attempt may have recorded more than it saved
    with event_writer(outputs.events) as events, stop_signals() as stopping:
        for row in trainer.progress.history:
            record(events, row)
        try:
            trainer.fit(checkpoint, stopping, partial(record, events))
        except Stopped:
            logger.warning("%s was asked to stop; the checkpoint is written, the next attempt goes on from it", tag)
            sys.exit(128 + signal.SIGTERM)


def _write(progress: Progress, description: dict[str, Any], outputs: Outputs) -> None:
    with atomic_path(outputs.model) as temporary:
        save_file({name: value.cpu().contiguous() for name, value in progress.weights.items()}, temporary)
    write_csv(outputs.history, pd.DataFrame(progress.history))
    finished = {key: getattr(progress, key) for key in ("best_epoch", "kept_epoch")}
    write_json(outputs.description, description | finished | {"epochs": len(progress.history)})
