"""Play ``rate`` times as fast. The pitch stays the same."""

from __future__ import annotations

import numpy as np

from soundbench.augment.effects import AMOUNT
from soundbench.augment.phase_vocoder import stretch

SETTINGS = {
    "rate": {
        "description": "Speed: below 1 is slower and longer, above 1 is faster and shorter. The pitch stays the same.",
        **AMOUNT,
        "minimum": 0.1,
        "maximum": 10,
        "items": {"type": "number", "minimum": 0.1, "maximum": 10},
    }
}


def apply(samples: np.ndarray, sample_rate: int, rng: np.random.Generator, *, rate: float) -> np.ndarray:
    """Stretch with a phase vocoder."""
    return stretch(samples, rate)
