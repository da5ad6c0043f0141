"""Shift by ``seconds``. Samples that leave at one end return at the other."""

from __future__ import annotations

import numpy as np

from soundbench.augment.effects import AMOUNT

SETTINGS = {
    "seconds": {
        "description": (
            "Shift (s): later, or earlier where negative. Samples that leave at one end return at the other."
        ),
        **AMOUNT,
        "items": {"type": "number"},
    }
}


def apply(samples: np.ndarray, sample_rate: int, rng: np.random.Generator, *, seconds: float) -> np.ndarray:
    """Rotate the samples by whole samples."""
    return np.roll(samples, round(seconds * sample_rate))
