"""Clips of one level, and not too short, for front-ends whose values do not depend on the level."""

from __future__ import annotations

import numpy as np

SHORTEST = 0.5  # s; a shorter clip is repeated up to this length
TINY = 1e-9  # of full scale; what is quieter counts as silence


def unit_level(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """A clip ``(samples,)`` with a root mean square of 1, or of 0 if it is silent; float64."""
    shortest = round(SHORTEST * sample_rate)
    if len(samples) < shortest:
        samples = np.resize(samples, shortest) if len(samples) else np.zeros(shortest, samples.dtype)
    level = np.sqrt(np.mean(np.square(samples, dtype=np.float64)))
    return samples / np.maximum(level, TINY)
