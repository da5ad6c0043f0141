"""Add white noise, or a passage of a folder's ``recordings``, ``snr`` dB below the power of the clip."""

from __future__ import annotations

import numpy as np

from soundbench.augment.effects import AMOUNT
from soundbench.core.errors import InputError
from soundbench.data import copies
from soundbench.data.audio import read_mono, resample

RANDOM = True
DRAWS = 100  # the largest number of passages that are drawn before one is not silent
SETTINGS = {
    "snr": {
        "description": "Signal-to-noise ratio (dB), over the whole clip.",
        **AMOUNT,
        "minimum": -60,
        "maximum": 100,
        "items": {"type": "number", "minimum": -60, "maximum": 100},
    },
    "recordings": {
        "description": (
            "A folder of recordings; a passage of one of them is added to each copy. No recording may be a copy of a "
            "validation or test clip. null: white noise."
        ),
        "type": ["string", "null"],
        "minLength": 1,
        "default": None,
    },
}


def apply(
    samples: np.ndarray, sample_rate: int, rng: np.random.Generator, *, snr: float, recordings: str | None
) -> np.ndarray:
    """Draw the noise and add it; silence stays silent."""
    import torch
    from torchaudio.functional import add_noise

    if recordings is None:
        added = rng.standard_normal(len(samples), dtype=np.float32)
    else:
        added = _passage(recordings, len(samples), sample_rate, rng)
    wave = torch.from_numpy(samples)[None]
    noise = torch.from_numpy(added)[None]
    return add_noise(wave, noise, torch.tensor([float(snr)]))[0].numpy()


def _passage(folder: str, length: int, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """A random passage of ``length`` samples of a random recording; a shorter recording is repeated.

    If a passage is digital silence, another one is drawn.
    """
    files = copies.recordings(folder)
    if not files:
        raise InputError(f"{folder}: holds no audio files for noise")
    for _ in range(DRAWS):
        path = files[rng.integers(len(files))]
        samples = resample(*read_mono(path), sample_rate)
        passage = np.take(samples, np.arange(length) + rng.integers(len(samples)), mode="wrap")
        if passage.any():
            return passage
    raise InputError(
        f"{folder}: {DRAWS} passages of {length} samples were drawn as noise, and all are silent; remove silent "
        "recordings, and cut the silence from the others"
    )
