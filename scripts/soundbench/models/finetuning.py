"""Fine-tuning: which part of a network is trained, and the learning rates of its head and its body."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch import nn

from soundbench.core.errors import InputError


def network_parts(network: nn.Module) -> list[list[nn.Module]]:
    """The blocks of a network in order, the head last; each block is a list of modules.

    The blocks are the modules that ``network.parts()`` returns or, without such a method, the children of the network
    and of its plain containers. A normalisation belongs to the block before it.
    """
    own_parts = getattr(network, "parts", None)
    modules = own_parts() if own_parts else _children(network)
    parts: list[list[nn.Module]] = []
    for module in modules:
        dimensions = [parameter.ndim for parameter in module.parameters()]
        if parts and dimensions and max(dimensions) < 2:
            parts[-1].append(module)
        elif dimensions:
            parts.append([module])
    return parts or [[network]]


def _children(module: nn.Module) -> Iterator[nn.Module]:
    for child in module.children():
        if type(child) in (nn.Sequential, nn.ModuleList):
            yield from _children(child)
        else:
            yield child


def freeze(network: nn.Module, trainable: str | int) -> None:
    """Freeze the parameters of a network that are not trained.

    Args:
        trainable: ``all`` for all parameters, ``head`` for the head alone, or the number of blocks before the head that
            are trained with it.

    Raises:
        InputError: the network has fewer blocks.
    """
    if trainable == "all":
        return
    parts = network_parts(network)
    count = 0 if trainable == "head" else int(trainable)
    if count >= len(parts):
        raise InputError(
            f"training.trainable: {count} is too large; the model has {len(parts) - 1} blocks before its head"
        )
    network.requires_grad_(False)
    for part in parts[-1 - count :]:
        for module in part:
            module.requires_grad_(True)


def set_training(network: nn.Module) -> None:
    """Put a network into training mode, except its frozen parts.

    Frozen parts stay in evaluation mode: their batch norms keep their statistics, and they use no dropout.
    """
    network.train()
    for module in network.modules():
        parameters = list(module.parameters())
        if parameters and not any(parameter.requires_grad for parameter in parameters):
            module.eval()


def parameter_groups(network: nn.Module, settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The parameters for the optimiser: the head with ``learning_rate``, the rest with ``body_rate`` times that."""
    head = {id(parameter) for module in network_parts(network)[-1] for parameter in module.parameters()}
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    rate = settings["learning_rate"]
    groups = [
        {"params": [parameter for parameter in trained if id(parameter) in head], "lr": rate},
        {
            "params": [parameter for parameter in trained if id(parameter) not in head],
            "lr": rate * settings["body_rate"],
        },
    ]
    return [group for group in groups if group["params"]]
