"""Files of noise, for tests of readers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

RATE = 8000  # Hz


def write_recordings(folder: Path, *names: str, seconds: float = 4) -> dict[str, np.ndarray]:
    """Write noise, a different one per file, and return the samples ``(samples,)`` by name."""
    sounds = {}
    for number, name in enumerate(names):
        noise = np.random.default_rng(number).uniform(-0.5, 0.5, round(seconds * RATE)).astype(np.float32)
        soundfile.write(folder / name, noise, RATE)
        sounds[name] = soundfile.read(folder / name, dtype="float32")[0]
    return sounds
