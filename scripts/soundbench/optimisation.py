"""Optimisers and learning-rate schedules, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn, optim
from torch.optim import lr_scheduler

from soundbench.freezing import parameter_groups

Settings = dict[str, Any]


def _adam(parameters: Any, settings: Settings) -> optim.Optimizer:
    return optim.Adam(parameters, settings["learning_rate"], weight_decay=settings["weight_decay"])


def _adamw(parameters: Any, settings: Settings) -> optim.Optimizer:
    return optim.AdamW(parameters, settings["learning_rate"], weight_decay=settings["weight_decay"])


def _sgd(parameters: Any, settings: Settings) -> optim.Optimizer:
    return optim.SGD(
        parameters, settings["learning_rate"], momentum=0.9, nesterov=True, weight_decay=settings["weight_decay"]
    )


def _constant(optimizer: optim.Optimizer, settings: Settings, steps: int) -> lr_scheduler.LRScheduler:
    return lr_scheduler.ConstantLR(optimizer, factor=1.0)


def _cosine(optimizer: optim.Optimizer, settings: Settings, steps: int) -> lr_scheduler.LRScheduler:
    return lr_scheduler.CosineAnnealingLR(optimizer, steps)


def _onecycle(optimizer: optim.Optimizer, settings: Settings, steps: int) -> lr_scheduler.LRScheduler:
    """L. Smith and N. Topin, "Super-convergence", 2018; the given rate is the peak."""
    peaks = [group["lr"] for group in optimizer.param_groups]
    return lr_scheduler.OneCycleLR(optimizer, peaks, total_steps=steps)


OPTIMIZERS: dict[str, Callable[[Any, Settings], optim.Optimizer]] = {"adam": _adam, "adamw": _adamw, "sgd": _sgd}

SCHEDULES: dict[str, Callable[[optim.Optimizer, Settings, int], lr_scheduler.LRScheduler]] = {
    "constant": _constant,
    "cosine": _cosine,
    "onecycle": _onecycle,
}


def build_optimizer(network: nn.Module, settings: Settings) -> optim.Optimizer:
    """The optimiser that ``settings["optimizer"]`` names, over the parameters of the network that are not frozen; the
    head's come first, so that the first rate is theirs."""
    return OPTIMIZERS[settings["optimizer"]](parameter_groups(network, settings), settings)


def build_schedule(optimizer: optim.Optimizer, settings: Settings, steps: int) -> lr_scheduler.LRScheduler:
    """The schedule that ``settings["schedule"]`` names, stepped after each of ``steps`` batches."""
    return SCHEDULES[settings["schedule"]](optimizer, settings, max(1, steps))
