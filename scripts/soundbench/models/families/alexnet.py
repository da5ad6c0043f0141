"""AlexNet as torchvision has it, with one input channel.

A. Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014, after A. Krizhevsky,
I. Sutskever and G. Hinton, "ImageNet classification with deep convolutional neural networks", NIPS 2012.
"""

from __future__ import annotations

from typing import Any

from torch import nn

from soundbench.core.errors import InputError
from soundbench.models.initial_weights import Address

INPUTS = ("spectrogram",)
PUBLISHED = "imagenet"  # the value of `pretrained` for the weights of published()
SETTINGS = {
    "dropout": {
        "description": "Share of features dropped before each of the first two linear layers.",
        "type": "number",
        "minimum": 0,
        "exclusiveMaximum": 1,
        "default": 0.5,
    }
}
SEARCH = {"training.learning_rate": {"log": [0.00003, 0.003]}, "dropout": {"uniform": [0.0, 0.7]}}

SMALLEST = 63  # bins and frames; with fewer, the input of the last pooling would be empty


def build(classes: int, shape: tuple[int, int], *, dropout: float) -> nn.Module:
    """Build AlexNet.

    Raises:
        InputError: the features are too small.
    """
    from torchvision.models import alexnet

    if min(shape) < SMALLEST:
        raise InputError(
            f"alexnet needs features of {SMALLEST} × {SMALLEST} (bins × frames) or more, but these features give "
            f"{shape[0]} × {shape[1]}; choose more mels, a shorter hop or resize"
        )
    network = alexnet(num_classes=classes, dropout=dropout)
    first = network.features[0]
    network.features[0] = nn.Conv2d(1, first.out_channels, first.kernel_size, first.stride, first.padding)
    return network


def published(**options: Any) -> Address:
    """The ImageNet weights of torchvision."""
    from torchvision.models import AlexNet_Weights

    url = AlexNet_Weights.IMAGENET1K_V1.url
    return Address(url, (url.rsplit("/", 1)[1],))
