"""Load weights from files into networks, without running code from the files."""

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

LISTED = 600  # characters of the list of weights that do not fit


def read_weights(file: Path) -> State:
    """The tensors of a file of weights, by name; the file is in the format of safetensors or of ``torch.save``.

    Raises:
        InputError: the file is damaged, holds objects other than tensors, which could run code when they are loaded, or
            holds a number that is not finite.
    """
    try:
        if file.suffix == ".safetensors":
            content: Any = load_file(file)
        else:
            content = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{file}: is a pickle of more than tensors. It could run any code, so it was not opened. Save the "
            "model's state_dict() instead, preferably as .safetensors"
        ) from error
    except (SafetensorError, RuntimeError, EOFError, OSError) as error:
        raise InputError(f"{file}: cannot be read as weights ({error})") from error
    for key in ("state_dict", "model"):  # the keys that training scripts save the weights under
        content = content.get(key, content) if isinstance(content, dict) else content
    if not isinstance(content, dict) or not all(isinstance(value, torch.Tensor) for value in content.values()):
        raise InputError(f"{file}: holds no state_dict (a mapping of names to tensors)")
    check_weights(content, f"{file}:", "its training failed; choose other weights")
    return content


@contextmanager
def fitting(file: Path) -> Iterator[None]:
    """Turn the RuntimeError of ``load_state_dict`` into a message that names the file.

    Raises:
        InputError: naming some of the weights that are missing, unexpected or of another shape.
    """
    try:
        yield
    except RuntimeError as error:
        raise InputError(f"{file}: does not fit this model. {textwrap.shorten(str(error), LISTED)}") from error


def load_weights(network: nn.Module, state: State, file: Path) -> nn.Module:
    """Load ``state`` into a network with one input channel, and return the network.

    The weights of a first convolution with several channels are summed over the channels; the sum has the same output
    for one channel as the convolution has if all channels are equal. If the head is missing or has other classes, the
    network keeps its own head; layers that only the other head has are left out.

    Raises:
        InputError: other weights do not fit.
    """
    parts = network_parts(network)[-1]
    head = {id(tensor) for module in parts for tensor in module.state_dict(keep_vars=True).values()}
    within = tuple(f"{name}." for name, module in network.named_modules() if name and module in parts)
    tensors = network.state_dict(keep_vars=True)
    state = {name: value for name, value in state.items() if name in tensors or not name.startswith(within)}
    for name, own in tensors.items():
        value = state.get(name)
        if id(own) in head and (value is None or value.shape != own.shape):
            state = state | {name: own.detach()}
        elif value is not None and value.ndim == 4 and own.ndim == 4 and own.shape[1] == 1 < value.shape[1]:
            state = state | {name: value.sum(dim=1, keepdim=True)}
    with fitting(file):
        network.load_state_dict(state)
    return network
