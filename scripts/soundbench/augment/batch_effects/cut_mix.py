"""CutMix along time or frequency: replace a range of frames or of bins by that of another clip of the batch.

S. Yun et al., "CutMix", ICCV 2019, along one axis, as in the time and frequency mixes of A. Gazneli et al., "End-to-end
audio strikes back", 2022.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from soundbench.augment.batch_values import BINS, FRAMES, Batch, uniform

POSITION = 70
MIXES_TARGETS = True
HIDES_END = True
VALUE = {
    "description": (
        "A random range of frames or of bins of each clip is replaced by that of another clip of the batch. Each label "
        "counts as much as its share of the frames or bins."
    ),
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "axes": {
            "description": "Where clips are cut; one of these is drawn for each batch.",
            "type": "array",
            "minItems": 1,
            "uniqueItems": True,
            "items": {"enum": ["time", "frequency"]},
            "default": ["time", "frequency"],
        },
        "probability": {
            "description": "Share of the batches that are mixed.",
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": 1,
            "default": 1,
        },
    },
}
AXES = {"time": FRAMES, "frequency": BINS}


def apply(batch: Batch, settings: dict[str, Any]) -> Batch:
    """Draw a partner and a range for each clip; the length of the range is uniform."""
    features = batch.features
    if torch.rand(()) >= settings["probability"]:
        return batch
    axis = AXES[settings["axes"][int(torch.randint(len(settings["axes"]), ()))]]
    size = features.shape[axis]
    length = (uniform(features, 0, 1) * size).round()
    start = (uniform(features, 0, 1) * (size - length)).round()
    others = torch.randperm(len(features), device=features.device)
    positions = torch.arange(size, device=features.device)
    positions = positions[:, None] if axis == BINS else positions
    replaced = (positions >= start) & (positions < start + length)
    own = 1 - length[:, 0, 0] / size
    mixed = torch.where(replaced, features[others], features)
    return replace(batch, features=mixed, targets=torch.lerp(batch.targets[others], batch.targets, own))
