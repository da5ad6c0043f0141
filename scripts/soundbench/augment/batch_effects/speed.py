"""Speed: play each clip faster or slower, which moves time and frequency together.

T. Ko et al., "Audio augmentation for speech recognition", Interspeech 2015. Speeds are drawn as by Y. Tokozume,
Y. Ushiku and T. Harada, "Learning from between-class examples", ICLR 2018, who draw 1.25 to the power of U(-1, 1).
"""

from __future__ import annotations

import math
from dataclasses import replace

import torch

from soundbench.augment.batch_values import BINS, FRAMES, Batch, interpolate, quietest, uniform

POSITION = 10
WAVEFORMS = True
NEEDS = ("frequencies",)
VALUE = {
    "description": (
        "Each clip is played at a random speed of this range, with its pitch, as a tape would be; the logarithm of the "
        "speed is uniform. Missing frames, and bins above the highest frequency, are filled with the clip's quietest "
        "value. For samples, and front-ends whose bins have frequencies."
    ),
    "type": "array",
    "minItems": 2,
    "maxItems": 2,
    "items": {"type": "number", "minimum": 0.5, "maximum": 2},
}


def apply(batch: Batch, speeds: list[float]) -> Batch:
    """At speed s, the value at frequency f and time t is that at f / s and s t; both are interpolated.

    The sample at time t is that at s t.
    """
    features = batch.features
    speed = uniform(features, *map(math.log, speeds)).exp()
    frames = torch.arange(features.shape[FRAMES], device=features.device) * speed
    if batch.sample_rate:
        inside = frames <= features.shape[FRAMES] - 1
        return replace(batch, features=interpolate(features, frames, FRAMES).where(inside, quietest(batch)))
    bins = _positions(batch.frequencies, batch.frequencies[:, None] / speed)
    played = interpolate(interpolate(features, bins, BINS), frames, FRAMES)
    inside = (bins <= features.shape[BINS] - 1) & (frames <= features.shape[FRAMES] - 1)
    return replace(batch, features=torch.where(inside, played, quietest(batch)))


def _positions(frequencies: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """The fractional bins of ``wanted`` frequencies (Hz); below the lowest frequency 0, above the highest one more than
    there are."""
    upper = torch.searchsorted(frequencies, wanted.contiguous()).clamp(1, len(frequencies) - 1)
    low = frequencies[upper - 1]
    positions = upper - 1 + (wanted - low) / (frequencies[upper] - low)
    return torch.where(wanted > frequencies[-1], len(frequencies), positions.clamp(min=0))
