"""EnvNet-v2: a filter bank that is learned from samples, convolutions over its output, and three linear layers.

Y. Tokozume, Y. Ushiku and T. Harada, "Learning from between-class examples for deep sound recognition", ICLR 2018.
Sizes and initial weights are those of models/envnetv2.py of mil-tokyo/bc_learning_sound on GitHub. Published inputs
have 66,650 samples at 44.1 kHz.
"""

from __future__ import annotations

from torch import nn

from soundbench.models.waveform_layers import Samples, SwappedAxes, convolution, filtered_frames, linear

INPUTS = ("waveform",)
SETTINGS = {
    "pool": {
        "description": (
            "Outputs of the filter bank per frame. One output is 4 samples, so 64 outputs are 6 ms at 44.1 kHz."
        ),
        "type": "integer",
        "minimum": 1,
        "default": 64,
    },
    "hidden": {
        "description": "Values between the linear layers.",
        "type": "integer",
        "minimum": 1,
        "default": 4096,
    },
    "dropout": {
        "description": "Share of values dropped after each of the first two linear layers.",
        "type": "number",
        "minimum": 0,
        "exclusiveMaximum": 1,
        "default": 0.5,
    },
}
SEARCH = {"training.learning_rate": {"log": [0.001, 0.1]}, "dropout": {"uniform": [0.0, 0.7]}}
KERNELS = (64, 16)  # of the filter bank
FILTERS = 64  # of the filter bank
SHORTEST = 92  # frames; the last pooling leaves one column of them


def build(classes: int, shape: tuple[int, int], *, pool: int, hidden: int, dropout: float) -> nn.Module:
    """Build it for clips of ``shape``, one bin and any number of samples.

    Raises:
        InputError: the clips are too short.
    """
    frames = filtered_frames(shape[0] * shape[1], KERNELS, pool, SHORTEST, "envnet")
    layers = [
        *convolution(1, 32, (1, KERNELS[0]), stride=2),
        *convolution(32, FILTERS, (1, KERNELS[1]), stride=2, pool=(1, pool)),
        SwappedAxes(),
        *convolution(1, 32, (8, 8)),
        *convolution(32, 32, (8, 8), pool=(5, 3)),
    ]
    rows = (FILTERS - 14) // 5
    columns = (frames - 14) // 3
    for channels, kernel in ((64, 4), (128, 2), (256, 2)):
        layers += convolution(channels // 2, channels, (1, kernel))
        layers += convolution(channels, channels, (1, kernel), pool=(1, 2))
        columns = (columns - 2 * (kernel - 1)) // 2
    layers.append(nn.Flatten())
    values = 256 * rows * columns
    for _ in range(2):
        layers += [linear(values, hidden), nn.ReLU(), nn.Dropout(dropout)]
        values = hidden
    return nn.Sequential(Samples(), *layers, linear(values, classes))
