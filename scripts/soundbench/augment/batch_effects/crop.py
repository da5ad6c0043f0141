"""Random crop: pad both ends of each clip, and crop back at a random position.

As in Y. Tokozume, Y. Ushiku and T. Harada, "Learning from between-class examples", ICLR 2018.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from soundbench.augment.batch_values import FRAMES, Batch, quietest, take, uniform

POSITION = 40
WAVEFORMS = True
VALUE = {
    "description": (
        "Random crop: each clip is padded with its quietest value by this share of its frames on both sides, then "
        "cropped back at a random position."
    ),
    "type": "number",
    "exclusiveMinimum": 0,
    "maximum": 1,
}


def apply(batch: Batch, share: float) -> Batch:
    """Shift by whole frames, at most ``share`` of them."""
    features = batch.features
    last = features.shape[FRAMES] - 1
    shift = (uniform(features, -share, share) * last).round()
    positions = torch.arange(last + 1, device=features.device) + shift
    cropped = take(features, positions.clamp(0, last), FRAMES)
    inside = (positions >= 0) & (positions <= last)
    return replace(batch, features=torch.where(inside, cropped, quietest(batch)))
