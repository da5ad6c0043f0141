"""Time stretch: play each clip at a random rate of a range."""

from __future__ import annotations

from dataclasses import replace

import torch

from soundbench.augment.batch_values import FRAMES, Batch, interpolate, quietest, uniform

POSITION = 20
VALUE = {
    "description": (
        "Time stretch of the spectrogram: each clip at a random rate of this range; missing frames at the end are "
        "filled with the clip's quietest value."
    ),
    "type": "array",
    "minItems": 2,
    "maxItems": 2,
    "items": {"type": "number", "minimum": 0.25, "maximum": 4},
}


def apply(batch: Batch, rates: list[float]) -> Batch:
    """Interpolate between frames."""
    features = batch.features
    last = features.shape[FRAMES] - 1
    positions = torch.arange(last + 1, device=features.device) * uniform(features, *rates)
    stretched = torch.where(positions <= last, interpolate(features, positions, FRAMES), quietest(batch))
    return replace(batch, features=stretched)
