"""The inspection of audio files: each is decoded once, and measured for the clip table and for the audit."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import soundfile

from soundbench.core.capacity import memory_bytes
from soundbench.core.storage import file_sha256
from soundbench.data.audio import AudioFile, missing_end, missing_problem, reading_problem, sample_problem
from soundbench.data.fingerprints import LONGEST, Landmarks, landmarks
from soundbench.data.parts import file_of
from soundbench.data.recording_traits import recording_traits

COPIES = 3  # the largest number of copies of a clip's samples in memory, with 4 bytes per sample
FULL_SCALE = 0.999  # the largest 16-bit sample is just below 1


@dataclass(frozen=True)
class Inspection:
    """The measurements of one clip. If it cannot be used, ``problem`` names the failed check, and ``detail`` why."""

    problem: str = ""
    detail: str = ""
    seconds: float = np.nan
    sample_rate: int = 0  # Hz
    channels: int = 0
    sha256: str = ""  # of the whole file
    samples: str = ""  # SHA-256 of the decoded samples, mixed to mono
    loudest: float = np.nan  # RMS of the loudest 0.1 s, dB of full scale
    clipped: float = np.nan  # share of samples in flat tops at full scale
    bandwidth: float = np.nan  # this and the following: soundbench.data.recording_traits
    mean_level: float = np.nan
    noise_floor: float = np.nan
    silence_before: float = np.nan
    silence_after: float = np.nan
    constant_offset: float = np.nan
    landmarks: Landmarks = field(default_factory=lambda: np.empty((0, 2), np.uint16))


def inspect_clip(path: str, longest: float = LONGEST) -> Inspection:
    """Decode a file, or a part of one, once and measure it; of the first ``longest`` seconds there are landmarks."""
    if not file_of(path).is_file():
        return Inspection("missing", missing_problem(path))
    try:
        with AudioFile(path) as file:
            if file.length <= 0:
                return Inspection("empty", "holds no samples")
            if (size := COPIES * 4 * file.length * file.channels) > (memory := memory_bytes()):
                needs = f"{size / 1e9:,.0f} GB, but the machine has {memory / 1e9:,.0f} GB"
                return Inspection("too large", f"its header declares {file.length} samples, which need {needs}")
            try:
                samples = file.read(dtype="float32", always_2d=True)
            except soundfile.LibsndfileError:
                return Inspection("truncated", "is truncated: its header is intact, but samples cannot be decoded")
            truncation = missing_end(path, file, len(samples))
            rate = file.samplerate
            channels = file.channels
    except (soundfile.LibsndfileError, OSError) as error:
        return Inspection("unreadable", reading_problem(path, error))
    if truncation:
        return Inspection("truncated", truncation)
    if problem := sample_problem(samples):
        return Inspection("not finite", problem)
    mono = samples[:, 0] if channels == 1 else samples.mean(axis=1, dtype=np.float32)
    return Inspection(
        seconds=len(samples) / rate,
        sample_rate=rate,
        channels=channels,
        sha256=_file_digest(file_of(path)),
        samples=hashlib.sha256(f"{rate} ".encode() + mono.tobytes()).hexdigest(),
        loudest=loudest_level(mono, rate),
        clipped=clipped_share(samples),
        **recording_traits(mono, rate),
        landmarks=landmarks(mono, rate, longest),
    )


def _file_digest(file: Path) -> str:
    """The SHA-256 of a file, computed once for all its parts."""
    status = file.stat()
    return _digest_of_state(file, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=256)
def _digest_of_state(file: Path, size: int, changed: int) -> str:
    return file_sha256(file)


def inspect_clips(paths: list[str], threads: int, longest: float = LONGEST) -> list[Inspection]:
    """Inspect files in ``threads`` threads; decoding, resampling and Fourier transforms do not block other threads."""
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(partial(inspect_clip, longest=longest), paths))


def loudest_level(samples: np.ndarray, sample_rate: int) -> float:
    """The RMS of the loudest 0.1 s of ``(samples,)`` in dB of full scale, without a constant offset; at least -120."""
    power = np.square(samples - samples.mean(dtype=np.float64))
    window = max(1, sample_rate // 10)
    means = np.add.reduceat(power, np.arange(0, len(power), window)) / min(window, len(power))
    return float(10 * np.log10(max(means.max(), 1e-12)))


def clipped_share(samples: np.ndarray) -> float:
    """The share of positions in ``(samples, channels)`` where three samples at full scale begin, in the worst
    channel."""
    full = np.abs(samples) >= FULL_SCALE
    return float((full[:-2] & full[1:-1] & full[2:]).mean(axis=0).max()) if len(samples) > 2 else 0.0
