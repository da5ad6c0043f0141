"""Remove everything above ``cutoff`` Hz."""

from __future__ import annotations

import numpy as np

from soundbench.augment.effects import AMOUNT

SETTINGS = {
    "cutoff": {
        "description": "Highest frequency that is kept (Hz). A clip without higher frequencies does not change.",
        **AMOUNT,
        "minimum": 20,
        "items": {"type": "number", "minimum": 20},
    }
}


def apply(samples: np.ndarray, sample_rate: int, rng: np.random.Generator, *, cutoff: float) -> np.ndarray:
    """Set the spectrum of the whole clip above ``cutoff`` to zero; what is below keeps its level and its phase."""
    if cutoff >= sample_rate / 2:
        return samples
    spectrum = np.fft.rfft(samples.astype(np.float64))
    spectrum[np.fft.rfftfreq(len(samples), 1 / sample_rate) > cutoff] = 0
    return np.fft.irfft(spectrum, len(samples)).astype(np.float32)
