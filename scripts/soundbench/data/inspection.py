"""What a clip's file holds, from one look at each: what the clip table says, and what the audit needs to know."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile

from soundbench.core.capacity import memory_bytes
from soundbench.core.storage import file_sha256
from soundbench.data.audio import missing_end, sample_problem
from soundbench.data.fingerprints import Landmarks, landmarks

COPIES = 3  # of a clip's samples that are in memory at a time, at most, each of 4 bytes
FULL_SCALE = 0.999  # 16-bit samples end just below 1


@dataclass(frozen=True)
class Inspection:
    """What one file holds. If it cannot be used, ``problem`` names the check that it failed, and ``detail`` why."""

    problem: str = ""
    detail: str = ""
    seconds: float = np.nan
    sample_rate: int = 0  # Hz
    channels: int = 0
    sha256: str = ""
    samples: str = ""  # SHA-256 of the decoded samples, mixed to mono
    loudest: float = np.nan  # RMS of the loudest 0.1 s, dB of full scale
    clipped: float = np.nan  # share of samples in flat tops at full scale
    landmarks: Landmarks = field(default_factory=lambda: np.empty((0, 2), np.uint16))


def inspect_clip(path: str) -> Inspection:
    """Decode a file once and measure it."""
    if not Path(path).is_file():
        return Inspection("missing", "does not exist")
    try:
        with soundfile.SoundFile(path) as file:
            if not file.frames:
                return Inspection("empty", "holds no samples")
            if (size := COPIES * 4 * file.frames * file.channels) > (memory := memory_bytes()):
                needs = f"{size / 1e9:,.0f} GB, and the machine has {memory / 1e9:,.0f} GB"
                return Inspection("too large", f"its header promises {file.frames} samples, which need {needs}")
            try:
                samples = file.read(dtype="float32", always_2d=True)
            except soundfile.LibsndfileError:
                return Inspection("truncated", "breaks off: its header is whole, its samples cannot be decoded")
            lacking = missing_end(path, file, len(samples))
            rate, channels = file.samplerate, file.channels
    except (soundfile.LibsndfileError, OSError) as error:
        return Inspection("unreadable", f"cannot be read as audio ({str(error).rstrip('.')})")
    if lacking:
        return Inspection("truncated", lacking)
    if problem := sample_problem(samples):
        return Inspection("not finite", problem)
    mono = samples[:, 0] if channels == 1 else samples.mean(axis=1, dtype=np.float32)
    return Inspection(
        seconds=len(samples) / rate,
        sample_rate=rate,
        channels=channels,
        sha256=file_sha256(path),
        samples=hashlib.sha256(f"{rate} ".encode() + mono.tobytes()).hexdigest(),
        loudest=loudest_level(mono, rate),
        clipped=clipped_share(samples),
        landmarks=landmarks(mono, rate),
    )


def inspect_clips(paths: list[str], threads: int) -> list[Inspection]:
    """Inspect files, ``threads`` at a time: decoding, resampling and Fourier transforms run beside each other."""
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(inspect_clip, paths))


def loudest_level(samples: np.ndarray, sample_rate: int) -> float:
    """The RMS of the loudest 0.1 s of ``(samples,)`` in dB of full scale, without a constant offset; at least -120."""
    power = np.square(samples - samples.mean(dtype=np.float64))
    window = max(1, sample_rate // 10)
    means = np.add.reduceat(power, np.arange(0, len(power), window)) / min(window, len(power))
    return float(10 * np.log10(max(means.max(), 1e-12)))


def clipped_share(samples: np.ndarray) -> float:
    """The share of ``(samples, channels)`` from which three in a row lie at full scale, in the worst channel."""
    full = np.abs(samples) >= FULL_SCALE
    return float((full[:-2] & full[1:-1] & full[2:]).mean(axis=0).max()) if len(samples) > 2 else 0.0
