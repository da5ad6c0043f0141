"""Fine-tuning: which part of a network is trained, and the learning rates of its head and its body."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

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
    for module in frozen_modules(network):
        module.eval()


def frozen_modules(network: nn.Module) -> set[nn.Module]:
    """The modules of which no parameter is trained; those without parameters belong to the module that follows them."""
    frozen: set[nn.Module] = set()
    trained = True  # the first parameter of what follows
    for module in reversed(list(network.modules())):
        parameters = list(module.parameters())
        if parameters:
            trained = parameters[0].requires_grad
        if not trained and not any(parameter.requires_grad for parameter in parameters):
            frozen.update(module.modules())
    return frozen


def trained_batch_norms(network: nn.Module) -> list[_BatchNorm]:
    """The batch norms whose statistics change in training."""
    frozen = frozen_modules(network)
    return [module for module in network.modules() if isinstance(module, _BatchNorm) and module not in frozen]


def restart_means(network: nn.Module) -> None:
    """Let trained batch norms whose statistics are means over all batches begin again, without the batches that the
    initial weights were trained on."""
    for norm in trained_batch_norms(network):
        if norm.momentum is None:
            norm.reset_running_stats()


def parameter_groups(network: nn.Module, settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The parameters for the optimiser: the head with ``learning_rate``, the rest with ``body_rate`` times that.

    With ``layer_decay``, the rate is multiplied by it once per block between the head and the parameter, that block
    included (K. Clark et al., "ELECTRA", ICLR 2020; H. Bao et al., "BEiT", ICLR 2022). Parameters that belong to no
    block, such as position embeddings, count to the first one.
    """
    rate = settings["learning_rate"]
    body = rate * settings["body_rate"]
    decay = settings["layer_decay"]
    groups = [
        {"params": parameters, "lr": body * decay**distance if distance else rate}
        for distance, parameters in enumerate(_by_distance(network, decay == 1))
    ]
    return [group for group in groups if group["params"]]


def _by_distance(network: nn.Module, whole_body: bool) -> list[list[nn.Parameter]]:
    """The trained parameters of the head, of the last block before it, and so on; or of the head and of the body."""
    parts = network_parts(network)[::-1]
    last = min(1, len(parts) - 1) if whole_body else len(parts) - 1
    distances = {
        id(parameter): min(distance, last)
        for distance, part in enumerate(parts)
        for module in part
        for parameter in module.parameters()
    }
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    found: list[list[nn.Parameter]] = [[] for _ in range(max(last, 1) + 1)]
    for parameter in trained:
        found[distances.get(id(parameter), max(last, 1))].append(parameter)
    return found
