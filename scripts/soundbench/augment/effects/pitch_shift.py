"""Shift the pitch by ``semitones``. The length stays the same."""

from __future__ import annotations

import numpy as np

from soundbench.augment.effects import AMOUNT

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
    """Stretch with a phase vocoder, then resample (librosa)."""
    import librosa

    return librosa.effects.pitch_shift(samples, sr=sample_rate, n_steps=semitones)
