"""The baseline: blocks of convolution and pooling on a spectrogram, as in VGG.

K. Simonyan and A. Zisserman, "Very deep convolutional networks for large-scale image recognition", ICLR 2015; batch
normalisation and global pooling as in Q. Kong et al., "PANNs", TASLP 2020 (CNN6 to CNN14; the latter has two
convolutions per block).
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn

INPUTS = ("spectrogram",)
SETTINGS = {
    "width": {
        "description": "Channels of the first block; each further block doubles them.",
        "type": "integer",
        "minimum": 1,
        "default": 16,
    },
    "blocks": {
        "description": "Number of blocks of convolution and pooling.",
        "type": "integer",
        "minimum": 1,
        "maximum": 6,
        "default": 4,
    },
    "convolutions": {
        "description": "Convolutions per block.",
        "type": "integer",
        "minimum": 1,
        "maximum": 4,
        "default": 1,
    },
    "dropout": {
        "description": "Share of features dropped before the last layer.",
        "type": "number",
        "minimum": 0,
        "exclusiveMaximum": 1,
        "default": 0.2,
    },
}
SEARCH = {"training.learning_rate": {"log": [0.0003, 0.03]}, "dropout": {"uniform": [0.0, 0.5]}}


def _block(channels_in: int, channels_out: int, convolutions: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (channels_in, *(channels_out,) * (convolutions - 1)):
        layers += [nn.Conv2d(channels, channels_out, 3, padding=1, bias=False), nn.BatchNorm2d(channels_out)]
        layers += [nn.ReLU(inplace=True)]
    # ReLU and pooling give the same values and gradients in either order, and ReLU has less to do after pooling.
    layers.insert(-1, nn.MaxPool2d(2, ceil_mode=True))
    return nn.Sequential(*layers)


class BaselineCNN(nn.Module):
    """Blocks of convolutions (each with batch normalisation and ReLU) and 2 × 2 pooling; each block doubles the width.

    The mean over frequency, then the sum of its mean and its maximum over time (as in PANNs), dropout and a linear
    layer follow.
    """

    def __init__(self, classes: int, width: int, blocks: int, convolutions: int, dropout: float) -> None:
        super().__init__()
        widths = [1, *(width * 2**n for n in range(blocks))]
        self.blocks = nn.Sequential(*(_block(a, b, convolutions) for a, b in pairwise(widths)))
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(widths[-1], classes)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Map ``(batch, 1, bins, frames)`` to logits ``(batch, classes)``."""
        over_time = self.blocks(features).mean(dim=2)
        return self.classifier(self.dropout(over_time.mean(dim=2) + over_time.amax(dim=2)))


def build(
    classes: int, shape: tuple[int, int], *, width: int, blocks: int, convolutions: int, dropout: float
) -> nn.Module:
    """Build the baseline; it takes features of any ``shape``."""
    return BaselineCNN(classes, width, blocks, convolutions, dropout)
