"""Mixup: mix each clip and its target with another clip of the batch and its target.

H. Zhang et al., "mixup", ICLR 2018.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from soundbench.augment.batch_values import Batch

POSITION = 7
MIXES_TARGETS = True
VALUE = {
    "description": (
        "Each clip and its label are mixed with another clip of the batch and its label; the share is drawn from "
        "Beta(this, this)."
    ),
    "type": "number",
    "exclusiveMinimum": 0,
}


def apply(batch: Batch, alpha: float) -> Batch:
    """Draw a share and a partner for each clip; the share of the clip itself is the larger one."""
    features = batch.features
    targets = batch.targets
    concentration = torch.full((len(features),), alpha, device=features.device)
    own = torch.distributions.Beta(concentration, concentration, validate_args=False).sample()
    own = torch.maximum(own, 1 - own)
    others = torch.randperm(len(features), device=features.device)
    mixed = torch.lerp(features[others], features, own[:, None, None, None])
    return replace(batch, features=mixed, targets=torch.lerp(targets[others], targets, own[:, None]))
