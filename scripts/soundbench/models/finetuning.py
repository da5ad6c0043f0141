"""Which part of a network is trained: all of it, its head, or its last blocks; and how fast its body learns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import nn

from soundbench.core.errors import InputError


def network_parts(network: nn.Module) -> list[list[nn.Module]]:
    """The blocks of a network from its input on, and its head as the last of them; each a list of modules.

    They are its children, with plain containers taken apart, or what its own ``parts()`` lists. A normalisation
    belongs to the block before it.
    """
    own = getattr(network, "parts", None)
    listed = own() if own else _children(network)
    parts: list[list[nn.Module]] = []
    for module in listed:
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
    """Let the parameters learn that are ``trainable``: ``all``, those of the ``head``, or also those of so many blocks
    before it.

    Raises:
        InputError: there are not so many blocks.
    """
    if trainable == "all":
        return
    parts, count = network_parts(network), 0 if trainable == "head" else int(trainable)
    if count >= len(parts):
        raise InputError(f"training.trainable: {count} blocks, but the model has {len(parts) - 1} and its head")
    network.requires_grad_(False)
    for part in parts[-1 - count :]:
        for module in part:
            module.requires_grad_(True)


def set_training(network: nn.Module) -> None:
    """Put a network into training mode, all but its frozen parts: they compute as in evaluation, so that neither the
    statistics of batch normalisation move nor dropout disturbs what cannot answer to it."""
    network.train()
    for module in network.modules():
        parameters = list(module.parameters())
        if parameters and not any(parameter.requires_grad for parameter in parameters):
            module.eval()


def parameter_groups(network: nn.Module, settings: dict[str, Any]) -> list[dict[str, Any]]:
    """What an optimiser learns: the head at the ``learning_rate``, the rest at ``body_rate`` of it."""
    head = {id(parameter) for module in network_parts(network)[-1] for parameter in module.parameters()}
    learned = [parameter for parameter in network.parameters() if parameter.requires_grad]
    rate = settings["learning_rate"]
    groups = [
        {"params": [parameter for parameter in learned if id(parameter) in head], "lr": rate},
        {
            "params": [parameter for parameter in learned if id(parameter) not in head],
            "lr": rate * settings["body_rate"],
        },
    ]
    return [group for group in groups if group["params"]]
