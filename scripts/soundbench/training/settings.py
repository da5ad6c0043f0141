"""A recipe's ``training`` beyond what its schema can say: which settings contradict each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Settings = dict[str, Any]


def falling_epochs(settings: Settings) -> list[int]:
    """The epochs after which the schedule ``step`` lets the rate fall: as listed, or every so many."""
    asked = settings["step_epochs"]
    return asked if isinstance(asked, list) else list(range(asked, settings["epochs"], asked))


def training_problems(where: str, settings: Settings) -> Iterator[str]:
    """What cannot work in the ``training`` of a recipe, each problem with its key."""
    schedule, warmup, patience = settings["schedule"], settings["warmup_epochs"], settings["patience"]
    if warmup >= settings["epochs"]:
        yield f"{where}.warmup_epochs: the rate would still be rising after all {settings['epochs']} epochs"
    if warmup and schedule == "onecycle":
        yield f"{where}.warmup_epochs: onecycle has a warm-up of its own; leave this 0 or choose another schedule"
    if schedule == "step" and settings["step_epochs"] is None:
        yield f"{where}.step_epochs: is missing; the schedule step needs the epochs after which the rate falls"
    if schedule != "step" and settings["step_epochs"] is not None:
        yield f"{where}.step_epochs: has no effect with the schedule {schedule}; choose step, or leave this null"
    if schedule == "plateau" and patience is not None and patience <= settings["plateau_epochs"]:
        yield (
            f"{where}.patience: training would stop after {patience} epochs without a lower loss, before the rate "
            f"has fallen after {settings['plateau_epochs']} (plateau_epochs)"
        )
    if settings["average"] == "swa" and settings["keep"] != "last":
        yield f"{where}.keep: swa averages the last epochs, so that no epoch can be chosen; write keep: last"
    if settings["average"] == "swa" and patience is not None:
        yield f"{where}.patience: swa averages the last epochs, which training has to reach; write patience: null"
