"""Freq-MixStyle: give each clip a mixture of its own statistics per bin and those of another clip.

K. Zhou et al., "Domain generalization with MixStyle", ICLR 2021, on bins instead of channels: F. Schmid et al.,
"CP-JKU submission to DCASE22", 2022. The means and deviations of bins are the trace of a recording device. Labels do
not change.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from soundbench.augment.batch_values import FRAMES, Batch

POSITION = 110
HIDES_END = True
VALUE = {
    "description": (
        "The mean and the deviation of each bin over time are mixed with those of another clip of the batch "
        "(Freq-MixStyle). Labels do not change."
    ),
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "probability": {
            "description": "Share of the batches that are changed.",
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": 1,
            "default": 0.4,
        },
        "alpha": {
            "description": "The share of the clip's own statistics is drawn from Beta(this, this).",
            "type": "number",
            "exclusiveMinimum": 0,
            "default": 0.3,
        },
    },
}


def apply(batch: Batch, settings: dict[str, float]) -> Batch:
    """Draw whether the batch is changed, then a share and a partner for each clip."""
    features = batch.features
    if torch.rand(()) >= settings["probability"]:
        return batch
    concentration = torch.full((len(features), 1, 1, 1), settings["alpha"], device=features.device)
    own = torch.distributions.Beta(concentration, concentration, validate_args=False).sample()
    others = torch.randperm(len(features), device=features.device)
    deviation, mean = torch.std_mean(features, dim=FRAMES, keepdim=True, correction=0)
    deviation = deviation.clamp(min=1e-6)
    mixed_deviation = torch.lerp(deviation[others], deviation, own)
    mixed_mean = torch.lerp(mean[others], mean, own)
    return replace(batch, features=(features - mean) / deviation * mixed_deviation + mixed_mean)
