"""Play ``factor`` times as fast, as from a faster tape: shorter, and higher in pitch.

It makes a voice sound like that of another speaker. T. Ko, V. Peddinti, D. Povey and S. Khudanpur, "Audio augmentation
for speech recognition", Interspeech 2015.
"""

from __future__ import annotations

import numpy as np

from soundbench.augment.effects import AMOUNT
from soundbench.data.audio import resample

SETTINGS = {
    "factor": {
        "description": (
            "Speed: above 1 is faster, shorter and higher in pitch, below 1 is slower, longer and lower. "
            "`time_stretch` keeps the pitch."
        ),
        **AMOUNT,
        "minimum": 0.1,
        "maximum": 10,
        "items": {"type": "number", "minimum": 0.1, "maximum": 10},
    }
}


def apply(samples: np.ndarray, sample_rate: int, rng: np.random.Generator, *, factor: float) -> np.ndarray:
    """Resample to ``1 / factor`` of the samples."""
    return resample(samples, factor, 1)
