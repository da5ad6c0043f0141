"""A nonlinear probe: two linear layers with a rectifier between them, on the standardised values of a clip.

On an embedding, it shows whether nonlinear boundaries separate the classes better than planes (the family `linear`).
"""

from __future__ import annotations

from torch import nn

from soundbench.models.families import linear

SMALLEST_BATCH = 2
SETTINGS = {
    "hidden": {"description": "Values between the two layers.", "type": "integer", "minimum": 1, "default": 256},
    "dropout": {
        "description": "Share of the values that are dropped before each layer.",
        "type": "number",
        "minimum": 0,
        "exclusiveMaximum": 1,
        "default": 0.2,
    },
}
SEARCH = {"training.learning_rate": {"log": [0.0001, 0.03]}, "dropout": {"uniform": [0.0, 0.5]}}


def build(classes: int, shape: tuple[int, int], *, hidden: int, dropout: float) -> nn.Sequential:
    """Build it for features of ``shape``; the first layer is that of the family `linear`."""
    first = linear.build(hidden, shape, dropout=dropout)
    return nn.Sequential(first, nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, classes))
