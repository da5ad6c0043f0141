"""The training job of one run: it checks the inputs, trains the network and writes the outputs."""

from __future__ import annotations

import logging
from dataclasses import asdict
from typing import Any

import pandas as pd
import torch
from safetensors.torch import save_file

from soundbench.core.capacity import peak_megabytes
from soundbench.core.devices import choose_device, device_name, prepare_process, uses_bfloat16
from soundbench.core.integrity import check_dates
from soundbench.core.provenance import versions
from soundbench.core.storage import atomic_path, write_csv, write_json
from soundbench.data.trained_on import write_trained_on
from soundbench.models.families import is_fitted
from soundbench.models.registry import complete_recipe
from soundbench.models.tuning import compares_epochs
from soundbench.training.checkpoints import Checkpoint, compute_fingerprint, run_lock
from soundbench.training.epoch_weights import EpochWeights
from soundbench.training.finished import keep_finished, restore_finished
from soundbench.training.fitting import fit_classifier
from soundbench.training.inputs import FoldData, Inputs, read_fold
from soundbench.training.network import train_network
from soundbench.training.run import Execution, Outputs, Run, Trained

logger = logging.getLogger(__name__)


def train_model(
    run: Run,
    inputs: Inputs,
    outputs: Outputs,
    execution: Execution,
    until: int | None = None,
) -> None:
    """Train ``run``, or resume an interrupted attempt, and write ``outputs``.

    The process exits with 128 + SIGTERM if a signal stops it; the next attempt then resumes.

    Args:
        until: the epoch after which the training pauses; the next call goes on. A paused training has a history and a
            description, and no weights. None: it trains to its end.

    Raises:
        InputError: an input is dated in the future or was changed, a training clip is a copy of a clip without the role
            ``train``, the initial weights do not fit or were trained on test or validation clips, CUDA cannot use the
            GPU, or a loss or a weight is not finite, unless the run is a trial.
    """
    check_dates(inputs.files)
    prepare_process(run.seed, execution.threads, execution.device)
    processor = choose_device(reserve=True)
    bfloat16 = uses_bfloat16(run.recipe.get("training", {}).get("precision", "float32"), processor)
    logger.info("%s trains on %s", run.tag, device_name(processor, bfloat16))
    fold = read_fold(run, inputs)
    fingerprint = compute_fingerprint(
        asdict(run) | {"recipe": complete_recipe(run.recipe, fold.initial)},  # also what is beside initial weights
        asdict(fold.statistics),
        processor.type,
        bfloat16,
        torch.__version__,
        files=inputs.digested(fold.initial),
    )
    with run_lock(outputs.folder / ".lock", run.tag):
        if not outputs.complete(fingerprint):
            restore_finished(outputs.files, fingerprint)
        if outputs.complete(fingerprint):
            logger.info("%s was already finished by an earlier process", run.tag)
            return
        checkpoint = Checkpoint(outputs.folder / "checkpoint.pt", fingerprint, execution.checkpoint_seconds)
        if is_fitted(run.recipe["family"]):
            trained = fit_classifier(run, fold)
        else:
            trained = train_network(run, fold, processor, checkpoint, outputs, until)
        _finish(run, trained, fold, outputs, fingerprint)
        if not trained.paused:
            checkpoint.remove()
            EpochWeights(outputs.epoch_folder, outputs.epoch_interval).remove()


def _finish(run: Run, trained: Trained, fold: FoldData, outputs: Outputs, fingerprint: str) -> None:
    """Write all outputs of a run, and keep them for a next attempt; if it is paused, all but the weights."""
    origin = {
        # A run that starts from this one must not be tested on these sources and clips.
        "sources": sorted({run.source}.union(*(weights.sources for weights in fold.pretrained))),
        "trained_on": write_trained_on(outputs.folder, fold.known_digests()),
    }
    description = {**asdict(run), **_describe(run, trained, fold), **origin, "fingerprint": fingerprint}
    if trained.paused:
        outputs.model.unlink(missing_ok=True)  # of other settings
        _write_description(trained, description, outputs)
        return
    if interval := outputs.epoch_interval:
        epochs = len(trained.history) if compares_epochs(run.model, run.recipe) else 0
        EpochWeights(outputs.epoch_folder, interval).write(outputs.epochs, epochs)
    _write(trained, description, outputs)
    keep_finished(outputs.files, fingerprint)


def _describe(run: Run, trained: Trained, fold: FoldData) -> dict[str, Any]:
    """What a model's description has beside its run, and the recipe that needs no initial weights."""
    return {
        "recipe": complete_recipe(run.recipe, fold.initial),
        "labels": fold.task.labels,
        "fitted": fold.task.fitted,
        "examples": {role: len(examples) for role, examples in fold.parts.items()},
        "shape": list(fold.parts["train"].shape),
        "normalisation": asdict(trained.normalisation),
        "parameters": trained.parameters,
        # Only this part differs between repeated trainings.
        "measured": {
            "train_seconds": round(trained.seconds["wall"], 3),
            "cpu_seconds": round(trained.seconds["cpu"], 3),
            "megabytes": peak_megabytes(),
            "device": trained.device,
            "packages": versions(),
        },
    }


def _write(trained: Trained, description: dict[str, Any], outputs: Outputs) -> None:
    outputs.description.unlink(missing_ok=True)  # with the one of a pause, the run would look finished
    with atomic_path(outputs.model) as temporary:
        save_file(trained.state, temporary)
    _write_description(trained, description, outputs)


def _write_description(trained: Trained, description: dict[str, Any], outputs: Outputs) -> None:
    write_csv(outputs.history, pd.DataFrame(trained.history))
    finished: dict[str, Any] = {key: getattr(trained, key) for key in ("best_epoch", "kept_epoch")}
    if trained.diverged:
        finished["diverged"] = trained.diverged
    write_json(outputs.description, description | finished | {"epochs": len(trained.history)})
