"""Mixup: mix each clip and its target with another clip of the batch and its target.

H. Zhang et al., "mixup", ICLR 2018.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from soundbench.augment.batch_values import MIXED_LABELS, Batch, mix_targets

POSITION = 120
WAVEFORMS = True
MIXES_TARGETS = True
VALUE = {
    "description": (
        "Each clip and its label are mixed with another clip of the batch and its label; the share is drawn from "
        "Beta(this, this). Instead of the number, `{alpha: NUMBER, labels: union}` gives a mixture all labels of both "
        "clips as a whole, for the task `multi-label`; `labels: share`, the default, gives each label the share of its "
        "clip."
    ),
    "type": ["number", "object"],
    "exclusiveMinimum": 0,
    "additionalProperties": False,
    "required": ["alpha"],
    "properties": {
        "alpha": {
            "description": "The share of one clip in a mixture is drawn from Beta(this, this).",
            "type": "number",
            "exclusiveMinimum": 0,
        },
        "labels": MIXED_LABELS,
    },
}


def apply(batch: Batch, value: float | dict[str, Any]) -> Batch:
    """Draw a share and a partner for each clip; the share of the clip itself is the larger one."""
    alpha = value["alpha"] if isinstance(value, dict) else value
    features = batch.features
    concentration = torch.full((len(features),), alpha, device=features.device)
    own = torch.distributions.Beta(concentration, concentration, validate_args=False).sample()
    own = torch.maximum(own, 1 - own)
    others = torch.randperm(len(features), device=features.device)
    mixed = torch.lerp(features[others], features, own[:, None, None, None])
    return replace(batch, features=mixed, targets=mix_targets(batch, others, own, value))
