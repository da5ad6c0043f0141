"""One linear layer on the standardised values of a clip: logistic regression, trained like every other family.

On an embedding it is a linear probe (G. Alain and Y. Bengio, "Understanding intermediate layers using linear
classifier probes", 2016). On a spectrogram it shows how far the position of energy in time and frequency separates the
classes.
"""

from __future__ import annotations

import torch
from torch import nn

SMALLEST_BATCH = 2
SETTINGS = {
    "dropout": {
        "description": "Share of the standardised values that are dropped before the layer.",
        "type": "number",
        "minimum": 0,
        "exclusiveMaximum": 1,
        "default": 0,
    }
}
SEARCH = {"training.learning_rate": {"log": [0.0001, 0.03]}, "training.weight_decay": {"log": [0.0001, 1]}}

LEAST_VARIANCE = 1e-3  # added to each variance, so that values that hardly vary in training are not scaled up


class Standardise(nn.BatchNorm1d):
    """A batch norm without parameters. Training uses the statistics of each batch; prediction uses their mean over all
    batches of training clips, and so does a last batch of one clip, which has no variance."""

    def __init__(self, size: int) -> None:
        super().__init__(size, eps=LEAST_VARIANCE, momentum=None, affine=False)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Standardise ``(batch, size)``."""
        if self.training and len(values) == 1 and self.num_batches_tracked:
            return nn.functional.batch_norm(values, self.running_mean, self.running_var, eps=self.eps)
        return super().forward(values)


def build(classes: int, shape: tuple[int, int], *, dropout: float) -> nn.Module:
    """Build it for features of ``shape``."""
    size = shape[0] * shape[1]
    return nn.Sequential(nn.Flatten(), Standardise(size), nn.Dropout(dropout), nn.Linear(size, classes))
