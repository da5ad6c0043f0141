"""Optimisers, by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

import torch
from torch import nn, optim

from soundbench.models.finetuning import parameter_groups
from soundbench.training.settings import TrainingSettings

OPTIMIZERS: dict[str, Callable[..., optim.Optimizer]] = {
    "adam": optim.Adam,
    "adamw": optim.AdamW,
    "sgd": partial(optim.SGD, momentum=0.9, nesterov=True),
}


@cache
def leave_out_compiler() -> None:
    """Keep optimisers from importing torch's compiler, which takes a second of CPU time in each training.

    torch.optim wraps these methods for networks that torch.compile compiles, and each wrapper imports
    ``torch._dynamo`` (2.11). The methods without wrappers do the same.
    """
    for name in ("add_param_group", "load_state_dict", "state_dict", "zero_grad"):
        method = getattr(getattr(optim.Optimizer, name), "__wrapped__", None)
        if method:
            setattr(method, "__dynamo_disable", method)
    for kind in (optim.Adam, optim.SGD):  # AdamW inherits the step of Adam
        step = getattr(kind.step, "__wrapped__", None)
        if step:
            kind.step = torch.no_grad()(step)  # type: ignore[method-assign]


def build_optimizer(network: nn.Module, settings: TrainingSettings) -> optim.Optimizer:
    """The optimiser that ``settings["optimizer"]`` names, for the parameters of the network that are not frozen.

    The parameters of the head come first, so that the first rate is the rate of the head. On a GPU, one kernel updates
    all parameters.
    """
    leave_out_compiler()
    fused = next(network.parameters()).is_cuda or None
    groups = parameter_groups(network, settings)
    return OPTIMIZERS[settings["optimizer"]](
        groups, settings["learning_rate"], weight_decay=settings["weight_decay"], fused=fused
    )
