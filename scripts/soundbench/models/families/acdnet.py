"""ACDNet: a filter bank that is learned from samples, and a deep convolutional network on its output.

M. Mohaimenuzzaman et al., "Environmental sound classification on the edge: A pipeline for deep acoustic networks on
extremely resource-constrained devices", Pattern Recognition 2023. Sizes and initial weights are those of `ACDNetV2` in
torch/resources/models.py of mohaimenz/acdnet on GitHub. Published inputs have 30,225 samples at 20 kHz.
"""

from __future__ import annotations

from torch import nn

from soundbench.models.waveform_layers import Samples, SwappedAxes, convolution, filtered_frames, linear

INPUTS = ("waveform",)
SETTINGS = {
    "width": {
        "description": "Channels of the first convolution; all others have 4 to 64 times as many.",
        "type": "integer",
        "minimum": 1,
        "default": 8,
    },
    "pool": {
        "description": (
            "Outputs of the filter bank per frame. One output is 4 samples, so 50 outputs are 10 ms at 20 kHz."
        ),
        "type": "integer",
        "minimum": 1,
        "default": 50,
    },
    "dropout": {
        "description": "Share of features dropped before the last convolution.",
        "type": "number",
        "minimum": 0,
        "exclusiveMaximum": 1,
        "default": 0.2,
    },
}
SEARCH = {"training.learning_rate": {"log": [0.003, 0.3]}, "dropout": {"uniform": [0.0, 0.5]}}
KERNELS = (9, 5)  # of the filter bank
FILTERS = 8  # of the filter bank, in units of the width
STAGES = ((4,), (8, 8), (16, 16), (32, 32), (64, 64))  # channels of the convolutions before each pooling, in that unit


class ACDNet(nn.Sequential):
    """The layers in order."""

    def parts(self) -> list[nn.Module]:
        """Its blocks in order. The head begins with the last convolution, which has one channel per class."""
        layers = list(self)
        start = max(number for number, layer in enumerate(layers) if isinstance(layer, nn.Conv2d))
        return [*layers[:start], nn.Sequential(*layers[start:])]


def build(classes: int, shape: tuple[int, int], *, width: int, pool: int, dropout: float) -> nn.Module:
    """Build it for clips of ``shape``, one bin and any number of samples.

    Raises:
        InputError: the clips are too short.
    """
    frames = filtered_frames(shape[0] * shape[1], KERNELS, pool, 1, "acdnet")
    filters = FILTERS * width
    bank = [
        *convolution(1, width, (1, KERNELS[0]), stride=2),
        *convolution(width, filters, (1, KERNELS[1]), stride=2, pool=(1, pool)),
    ]
    deep: list[nn.Module] = []
    channels = 1
    size = (filters, frames)
    for stage in STAGES:
        halved = (min(2, size[0]), min(2, size[1]))  # a row or a column that is left alone is kept
        for number, factor in enumerate(stage, 1):
            pool_last = halved if number == len(stage) else None
            deep += convolution(channels, factor * width, (3, 3), padding=1, pool=pool_last)
            channels = factor * width
        size = (size[0] // halved[0], size[1] // halved[1])
    pooled = [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    head = [nn.Dropout(dropout), *convolution(channels, classes, (1, 1)), *pooled, linear(classes, classes)]
    return ACDNet(Samples(), *bank, SwappedAxes(), *deep, *head)
