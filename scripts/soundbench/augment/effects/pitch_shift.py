"""Shift the pitch by ``semitones``. The length stays the same."""

from __future__ import annotations

import numpy as np

from soundbench.augment.effects import AMOUNT
from soundbench.augment.phase_vocoder import stretch
from soundbench.data.audio import resample

SETTINGS = {
    "semitones": {
        "description": "Shift (semitones): up, or down where negative. The length stays the same.",
        **AMOUNT,
        "minimum": -24,
        "maximum": 24,
        "items": {"type": "number", "minimum": -24, "maximum": 24},
    }
}


def apply(samples: np.ndarray, sample_rate: int, rng: np.random.Generator, *, semitones: float) -> np.ndarray:
    """Stretch with a phase vocoder, then resample to the first length."""
    rate = 2 ** (-semitones / 12)
    shifted = resample(stretch(samples, rate), sample_rate / rate, sample_rate)[: len(samples)]
    return np.pad(shifted, (0, len(samples) - len(shifted)))
