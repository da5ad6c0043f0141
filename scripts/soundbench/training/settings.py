"""Checks of a recipe's ``training`` that its schema cannot express: settings that contradict each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypedDict

LAST_EPOCHS = ("swa", "predictions")  # values of `average` that combine the networks of the last epochs


class TrainingSettings(TypedDict):
    """A recipe's ``training``, as its schema describes it, every default filled in."""

    epochs: int
    crop: float | None
    crop_overlap: float
    crop_level: float | None
    crop_padding: float
    batch_size: int
    accumulate: int
    optimizer: str
    learning_rate: float
    weight_decay: float
    gradient_clip: float | None
    schedule: str
    warmup_epochs: float
    step_epochs: int | list[int] | None
    step_factor: float
    plateau_epochs: int
    trainable: str | int
    body_rate: float
    layer_decay: float
    patience: int | None
    keep: str
    average: str
    batch_norm: str
    ema_decay: float
    swa_from: float
    checkpoints: int | None
    augment: dict[str, Any]
    loss: str
    focal_gamma: float
    class_weights: str
    effective_beta: float
    label_smoothing: float
    precision: str


def falling_epochs(settings: TrainingSettings) -> list[int]:
    """The epochs after which the schedule ``step`` lowers the rate; ``step_epochs`` is their list, or the interval
    between them."""
    step_epochs = settings["step_epochs"]
    if isinstance(step_epochs, list):
        return step_epochs
    return list(range(step_epochs, settings["epochs"], step_epochs)) if step_epochs else []


def training_problems(where: str, settings: TrainingSettings) -> Iterator[str]:
    """The problems of a recipe's ``training``; each begins with its key."""
    schedule = settings["schedule"]
    warmup = settings["warmup_epochs"]
    patience = settings["patience"]
    if warmup >= settings["epochs"]:
        yield f"{where}.warmup_epochs: should be less than {settings['epochs']}, the number of epochs"
    if warmup and schedule == "onecycle":
        yield f"{where}.warmup_epochs: onecycle has its own warm-up; leave this 0 or choose another schedule"
    if schedule == "step" and settings["step_epochs"] is None:
        yield f"{where}.step_epochs: is missing; give the epochs after which the schedule step lowers the rate"
    if schedule != "step" and settings["step_epochs"] is not None:
        yield f"{where}.step_epochs: has no effect with the schedule {schedule}; choose step, or leave this null"
    if schedule == "plateau" and patience is not None and patience <= settings["plateau_epochs"]:
        yield (
            f"{where}.patience: training would stop after {patience} epochs without a lower loss, before the rate "
            f"falls after {settings['plateau_epochs']} epochs (plateau_epochs)"
        )
    if {"mixup", "between_class"} <= set(settings["augment"]):
        yield f"{where}.augment.mixup: between_class mixes clips too; choose one of the two"
    yield from _average_problems(where, settings)


def _average_problems(where: str, settings: TrainingSettings) -> Iterator[str]:
    average = settings["average"]
    last = settings["checkpoints"]
    if average not in LAST_EPOCHS:
        if last is not None:
            yield f"{where}.checkpoints: has no effect without average: {' or '.join(LAST_EPOCHS)}"
        return
    if last is None and average == "predictions":
        yield f"{where}.checkpoints: is missing; give the number of last epochs whose predictions are averaged"
    if last is not None and last > settings["epochs"]:
        yield f"{where}.checkpoints: {last} is more than the {settings['epochs']} epochs"
    if settings["keep"] != "last":
        yield f"{where}.keep: {average} averages the last epochs, so no single epoch can be chosen; write keep: last"
    if settings["patience"] is not None:
        yield f"{where}.patience: {average} averages the last epochs, so training must reach them; write patience: null"
