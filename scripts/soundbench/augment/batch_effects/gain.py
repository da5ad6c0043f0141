"""Gain: make each clip louder or quieter by a random amount."""

from __future__ import annotations

from dataclasses import replace

from soundbench.augment.batch_values import Batch, uniform

POSITION = 100
WAVEFORMS = True
NEEDS = ("decibel",)
VALUE = {
    "description": (
        "Each clip gets louder or quieter by at most this much (dB). For samples, and front-ends in dB or natural "
        "logarithms."
    ),
    "type": "number",
    "exclusiveMinimum": 0,
}


def apply(batch: Batch, gain: float) -> Batch:
    """Add the same number to all values of a clip, or multiply its samples."""
    change = uniform(batch.features, -gain, gain)
    if batch.sample_rate:
        return replace(batch, features=batch.features * 10 ** (change / 20))
    return replace(batch, features=batch.features + change * batch.decibel)
