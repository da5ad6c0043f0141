"""Weights from files into networks: nothing unpickled, everything accounted for."""

from __future__ import annotations

import pickle
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from soundbench.core.errors import InputError
from soundbench.core.finite import check_weights
from soundbench.models.finetuning import network_parts

State = dict[str, torch.Tensor]

LISTED = 600  # characters of what does not fit


def read_weights(file: Path) -> State:
    """The tensors of a file of weights, by name: safetensors, or what ``torch.save`` wrote.

    Raises:
        InputError: the file is damaged, or holds anything but tensors, which could run code when it is opened, or a
            number that is not finite.
    """
    try:
        if file.suffix == ".safetensors":
            found: Any = load_file(file)
        else:
            found = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{file}: is a pickle of more than tensors, which could run any code, so it was not opened. Save the "
            "model's state_dict() instead, best as .safetensors"
        ) from error
    except (SafetensorError, RuntimeError, EOFError, OSError) as error:
        raise InputError(f"{file}: cannot be read as weights ({error})") from error
    for key in ("state_dict", "model"):  # as training scripts save it, among other things
        found = found.get(key, found) if isinstance(found, dict) else found
    if not isinstance(found, dict) or not all(isinstance(value, torch.Tensor) for value in found.values()):
        raise InputError(f"{file}: holds no state_dict, that is tensors by name")
    check_weights(found, f"{file}:", "its training failed; choose other weights")
    return found


@contextmanager
def fitting(file: Path) -> Iterator[None]:
    """Say of which file the weights do not fit, and name some of those that are missing, left over or of other shape.

    Raises:
        InputError: instead of the RuntimeError of ``load_state_dict``.
    """
    try:
        yield
    except RuntimeError as error:
        raise InputError(f"{file}: does not fit this model. {textwrap.shorten(str(error), LISTED)}") from error


def load_weights(network: nn.Module, state: State, file: Path) -> nn.Module:
    """Put ``state`` into a network of one input channel, and return it.

    A first convolution of several channels is summed over them: one channel then gives what it gave in all of
    them. A head of other classes, or none, leaves the network's own as it is.

    Raises:
        InputError: anything else does not fit.
    """
    own = network.state_dict()
    head = {id(parameter) for module in network_parts(network)[-1] for parameter in module.parameters()}
    for name, parameter in network.named_parameters():
        found = state.get(name)
        if id(parameter) in head and (found is None or found.shape != parameter.shape):
            state = state | {name: own[name]}
        elif found is not None and found.ndim == 4 and parameter.ndim == 4 and parameter.shape[1] == 1 < found.shape[1]:
            state = state | {name: found.sum(dim=1, keepdim=True)}
    with fitting(file):
        network.load_state_dict(state)
    return network
