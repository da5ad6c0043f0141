"""Layers of networks on the samples of clips."""

from __future__ import annotations

import torch
from torch import nn

from soundbench.core.errors import InputError
from soundbench.core.padding import silence_padding


class Samples(nn.Module):
    """Gives the samples of clips the form ``(batch, 1, 1, samples)``, with silence in place of their padding."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Map ``(batch, 1, bins, frames)``, of one bin, to the samples."""
        return silence_padding(features.flatten(1))[:, None, None]


class SwappedAxes(nn.Module):
    """Makes an image of the outputs of a filter bank: its channels become the rows of one channel."""

    def forward(self, filtered: torch.Tensor) -> torch.Tensor:
        """Map ``(batch, filters, 1, frames)`` to ``(batch, 1, filters, frames)``."""
        return filtered.transpose(1, 2)


def convolution(
    channels_in: int,
    channels_out: int,
    size: tuple[int, int],
    *,
    stride: int = 1,
    padding: int = 0,
    pool: tuple[int, int] | None = None,
) -> list[nn.Module]:
    """A convolution without bias, batch normalisation, ReLU and maximum pooling.

    The weights begin as in K. He et al., "Delving deep into rectifiers", ICCV 2015. Pooling comes before ReLU: the
    values and gradients are the same in either order, and ReLU has less to do.

    Args:
        size: rows and columns of the kernel.
        stride: along the columns.
        pool: rows and columns that become one; None: there is no pooling.
    """
    layer = nn.Conv2d(channels_in, channels_out, size, (1, stride), padding, bias=False)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    pooling = [nn.MaxPool2d(pool)] if pool else []
    return [layer, nn.BatchNorm2d(channels_out), *pooling, nn.ReLU()]


def linear(values_in: int, values_out: int) -> nn.Linear:
    """A linear layer whose weights begin as in Y. LeCun et al., "Efficient backprop", 1998, and whose biases are 0."""
    layer = nn.Linear(values_in, values_out)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="linear")
    nn.init.zeros_(layer.bias)
    return layer


def filtered_frames(samples: int, kernels: tuple[int, int], pool: int, needed: int, family: str) -> int:
    """The frames that a filter bank of two convolutions, each with a stride of 2, and a pooling makes of clips.

    Args:
        samples: the samples of a clip.
        needed: the smallest number of frames that the rest of the network works with.

    Raises:
        InputError: the clips are too short.
    """
    found = samples
    for kernel in kernels:
        found = (found - kernel) // 2 + 1
    if found // pool < needed:
        shortest = needed * pool
        for kernel in reversed(kernels):
            shortest = (shortest - 1) * 2 + kernel
        raise InputError(f"{family}: clips of {samples} samples are too short; the network needs {shortest}")
    return found // pool
