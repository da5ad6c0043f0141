"""Change the level by ``gain`` dB."""

from __future__ import annotations

import numpy as np

from soundbench.augment.effects import AMOUNT

SETTINGS = {
    "gain": {
        "description": "Change of level (dB): louder, or quieter where negative.",
        **AMOUNT,
        "minimum": -60,
        "maximum": 60,
        "items": {"type": "number", "minimum": -60, "maximum": 60},
    }
}


def apply(samples: np.ndarray, sample_rate: int, rng: np.random.Generator, *, gain: float) -> np.ndarray:
    """Multiply the samples; a gain of 0 dB changes nothing."""
    return samples * np.float32(10 ** (gain / 20))
