"""Time roll: rotate each clip by a random number of frames."""

from __future__ import annotations

from dataclasses import replace

import torch

from soundbench.augment.batch_values import FRAMES, Batch, take, uniform

POSITION = 50
WAVEFORMS = True
HIDES_END = True
VALUE = {
    "description": "Time roll: each clip is rotated by a random number of frames, at most this share of them.",
    "type": "number",
    "exclusiveMinimum": 0,
    "maximum": 1,
}


def apply(batch: Batch, share: float) -> Batch:
    """Rotate by whole frames, at most ``share`` of them."""
    features = batch.features
    frames = features.shape[FRAMES]
    shift = (uniform(features, -share, share) * frames).round()
    positions = torch.arange(frames, device=features.device) + shift
    return replace(batch, features=take(features, positions % frames, FRAMES))
