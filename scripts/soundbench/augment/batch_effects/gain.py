"""Gain: make each clip louder or quieter by a random amount."""

from __future__ import annotations

from dataclasses import replace

from soundbench.augment.batch_values import Batch, uniform

POSITION = 100
NEEDS = ("decibel",)
VALUE = {
    "description": (
        "Each clip gets louder or quieter by at most this much (dB). For front-ends in dB or natural logarithms."
    ),
    "type": "number",
    "exclusiveMinimum": 0,
}


def apply(batch: Batch, gain: float) -> Batch:
    """Add the same number to all values of a clip."""
    return replace(batch, features=batch.features + uniform(batch.features, -gain, gain) * batch.decibel)
