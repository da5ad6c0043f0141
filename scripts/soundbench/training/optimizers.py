"""Optimisers, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn, optim

from soundbench.models.finetuning import parameter_groups
from soundbench.training.settings import TrainingSettings


def _adam(parameters: Any, settings: TrainingSettings) -> optim.Optimizer:
    return optim.Adam(parameters, settings["learning_rate"], weight_decay=settings["weight_decay"])


def _adamw(parameters: Any, settings: TrainingSettings) -> optim.Optimizer:
    return optim.AdamW(parameters, settings["learning_rate"], weight_decay=settings["weight_decay"])


def _sgd(parameters: Any, settings: TrainingSettings) -> optim.Optimizer:
    return optim.SGD(
        parameters, settings["learning_rate"], momentum=0.9, nesterov=True, weight_decay=settings["weight_decay"]
    )


OPTIMIZERS: dict[str, Callable[[Any, TrainingSettings], optim.Optimizer]] = {
    "adam": _adam,
    "adamw": _adamw,
    "sgd": _sgd,
}


def build_optimizer(network: nn.Module, settings: TrainingSettings) -> optim.Optimizer:
    """The optimiser that ``settings["optimizer"]`` names, for the parameters of the network that are not frozen.

    The parameters of the head come first, so that the first rate is the rate of the head.
    """
    return OPTIMIZERS[settings["optimizer"]](parameter_groups(network, settings), settings)
