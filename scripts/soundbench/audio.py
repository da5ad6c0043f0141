"""Audio files: reading, resampling and writing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from soundbench.errors import InputError


def read_mono(path: str | Path) -> tuple[np.ndarray, int]:
    """Decode a file and mix its channels down.

    Returns:
        Samples as float32 of shape ``(samples,)`` in [-1, 1], and the sample rate in Hz.

    Raises:
        InputError: the file is missing, is no audio that libsndfile reads, or holds no samples.
    """
    try:
        with soundfile.SoundFile(str(path)) as file:
            # Exactly what libsndfile's own conversion gives, in a fifth of its time.
            if file.subtype == "PCM_16":
                samples = file.read(dtype="int16").astype(np.float32) * np.float32(2**-15)
            else:
                samples = file.read(dtype="float32")
            sample_rate = file.samplerate
    except (soundfile.LibsndfileError, OSError) as error:
        raise InputError(f"{path}: cannot be read as audio ({str(error).rstrip('.')})") from error
    if samples.shape[0] == 0:
        raise InputError(f"{path}: holds no samples")
    return (samples if samples.ndim == 1 else samples.mean(axis=1, dtype=np.float32)), sample_rate


def resample(samples: np.ndarray, sample_rate: int, target_rate: int) -> np.ndarray:
    """Resample ``(samples,)`` from ``sample_rate`` to ``target_rate`` Hz with soxr's high-quality recipe."""
    if sample_rate == target_rate:
        return samples
    import soxr

    return soxr.resample(samples, sample_rate, target_rate)


def write_audio(path: str | Path, samples: np.ndarray, sample_rate: int) -> None:
    """Write ``(samples,)`` in [-1, 1] as 16-bit audio; the suffix of ``path`` names the format."""
    soundfile.write(str(path), samples, sample_rate, subtype="PCM_16")
