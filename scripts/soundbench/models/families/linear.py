"""One linear layer on the values of a clip, each standardised: logistic regression, by the ordinary training.

On an embedding it is a linear probe (G. Alain and Y. Bengio, "Understanding intermediate layers using linear
classifier probes", 2016); on a spectrogram it shows what the mere place of energy tells.
"""

from __future__ import annotations

from torch import nn

SETTINGS = {
    "dropout": {
        "description": "Share of the standardised values that are dropped before the layer.",
        "type": "number",
        "minimum": 0,
        "exclusiveMaximum": 1,
        "default": 0,
    }
}

LEAST_VARIANCE = 1e-3  # of the variance of all values: what hardly varies in training is not blown up in prediction


def build(classes: int, shape: tuple[int, int], *, dropout: float) -> nn.Module:
    """Build it for features of ``shape``.

    Each value is standardised by a batch norm that learns nothing: it is trained on standardised batches, and predicts
    with the mean over all batches of the training, which are of training clips alone.
    """
    size = shape[0] * shape[1]
    standardise = nn.BatchNorm1d(size, eps=LEAST_VARIANCE, momentum=None, affine=False)
    return nn.Sequential(nn.Flatten(), standardise, nn.Dropout(dropout), nn.Linear(size, classes))
