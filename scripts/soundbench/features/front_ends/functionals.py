"""Statistics over time of frame features of librosa: one vector per clip.

The frame features are cepstra, mel bands, spectral shape, energy, chroma and pitch with their changes, as in the
feature sets of emotion recognition (B. Schuller et al., "The INTERSPEECH 2009 Emotion Challenge", Interspeech 2009).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from soundbench.features.compiled_librosa import use_compiled_librosa
from soundbench.features.front_ends import VECTOR_SETTINGS
from soundbench.features.settings import Settings

if TYPE_CHECKING:
    import torch

VECTOR = True
SETTINGS = {
    "sample_rate": {
        "description": "Clips are resampled to this rate (Hz).",
        "type": "integer",
        "minimum": 1000,
        "default": 16000,
    },
    "n_fft": {"description": "Samples per frame.", "type": "integer", "minimum": 64, "default": 512},
    "hop_length": {
        "description": "Samples from one frame to the next.",
        "type": "integer",
        "minimum": 1,
        "default": 160,
    },
    "n_mfcc": {"description": "Number of cepstral coefficients.", "type": "integer", "minimum": 1, "default": 20},
    "f0": {
        "description": "How the pitch is found: `yin`, the slower and better `pyin`, or null for no pitch.",
        "enum": ["yin", "pyin", None],
        "default": "yin",
    },
    "fmin": {"description": "Lowest pitch (Hz).", "type": "number", "exclusiveMinimum": 0, "default": 65},
    "fmax": {"description": "Highest pitch (Hz).", "type": "number", "exclusiveMinimum": 0, "default": 500},
    **VECTOR_SETTINGS,
}
N_MELS = 64  # bands that the cepstra are made of
BANDS = 26  # of the mel spectrum, as in the feature sets of openSMILE
CONTRASTS = 7
CHROMA = 12
SHAPES = 6  # centroid, bandwidth, rolloff, flatness, zero crossings, RMS
FLOOR = 1e-10  # of power and of flatness, before a logarithm
DELTA = 5  # frames that a change over time is computed from
LONG = 4  # times n_fft: the length of the frames of chroma, and of a clip at least; shorter ones are padded with zeros
LOUD = 20.0  # dB below the loudest frames (their 95th percentile): what is louder counts as sound
PERCENTILES = (5, 25, 50, 75, 95)
LEVELS = (0.25, 0.5, 0.75)  # between the outer percentiles: the share of time above them is a statistic
STATISTICS = 13 + len(PERCENTILES)
PITCH_STATISTICS = 4 + len(PERCENTILES)


def bins(settings: Settings) -> int:
    """The number of statistics of all frame features."""
    pitched = settings["f0"] is not None
    static = settings["n_mfcc"] + SHAPES + CONTRASTS + BANDS + pitched
    of_all = STATISTICS * (2 * static + settings["n_mfcc"] + CHROMA)
    return of_all + 2 * static + pitched * PITCH_STATISTICS


def problems(settings: Settings, sample_rate: int | None) -> Iterator[str]:
    """Frequencies and numbers that do not fit each other."""
    if settings["n_mfcc"] > N_MELS:
        yield f"n_mfcc: {settings['n_mfcc']} is larger than the number of mel filters, {N_MELS}"
    if settings["fmin"] >= settings["fmax"]:
        yield f"fmin: {settings['fmin']} Hz is not below fmax, {settings['fmax']} Hz"


def compute(samples: np.ndarray, sample_rate: int, settings: Settings) -> torch.Tensor:
    """The vector ``(bins, 1)`` of a clip, float32: statistics over all frames, then over loud frames, then of pitch.

    Args:
        samples: ``(samples,)`` at ``sample_rate`` Hz.
    """
    import torch

    use_compiled_librosa()
    shortest = max(DELTA * settings["hop_length"], LONG * settings["n_fft"])
    samples = np.pad(samples, (0, max(0, shortest - len(samples))))
    static = _static(samples, sample_rate, settings)
    loudness = static[settings["n_mfcc"] + SHAPES - 1]
    loud = loudness > np.percentile(loudness, 95) - LOUD
    of_pitch = np.empty(0)
    if settings["f0"] is not None:
        semitones, voiced = _pitch(samples, sample_rate, settings, len(loud))
        static = np.concatenate([static, semitones[None]])
        of_pitch = _pitch_statistics(semitones, voiced & loud)
    changes = _changes(static)
    second = _changes(changes[: settings["n_mfcc"]])
    frames = np.concatenate([static, changes, second, _chroma(samples, sample_rate, settings)])
    of_loud = static[:, loud]
    parts = [_statistics(frames), of_loud.mean(axis=1), of_loud.std(axis=1), of_pitch]
    return torch.from_numpy(np.concatenate(parts).astype(np.float32))[:, None]


def _static(samples: np.ndarray, sample_rate: int, settings: Settings) -> np.ndarray:
    """Frame features ``(features, frames)`` except pitch and chroma; cepstra first, then what :data:`SHAPES` counts."""
    from librosa import feature, power_to_db, stft

    n_fft = settings["n_fft"]
    hop = settings["hop_length"]
    magnitudes = np.abs(stft(samples, n_fft=n_fft, hop_length=hop))
    mels, bands = (feature.melspectrogram(S=magnitudes**2, sr=sample_rate, n_mels=n) for n in (N_MELS, BANDS))
    spectrum = {"S": magnitudes, "sr": sample_rate}
    rows = [
        feature.mfcc(S=power_to_db(mels, amin=FLOOR, top_db=None), n_mfcc=settings["n_mfcc"]),
        feature.spectral_centroid(**spectrum),
        feature.spectral_bandwidth(**spectrum),
        feature.spectral_rolloff(**spectrum),
        np.log(feature.spectral_flatness(S=magnitudes, amin=FLOOR)),
        feature.zero_crossing_rate(samples, frame_length=n_fft, hop_length=hop),
        power_to_db(feature.rms(S=magnitudes, frame_length=n_fft) ** 2, amin=FLOOR, top_db=None),
        feature.spectral_contrast(**spectrum, n_bands=CONTRASTS - 1, fmin=sample_rate / 160),
        power_to_db(bands, amin=FLOOR, top_db=None),
    ]
    return np.concatenate(rows)


def _pitch(samples: np.ndarray, sample_rate: int, settings: Settings, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """The pitch of each frame in semitones above ``fmin``, and which frames are voiced; others get the median."""
    import librosa

    length = 4 * math.ceil(sample_rate / settings["fmin"] / 2)  # two periods of the lowest pitch
    options = {"sr": sample_rate, "frame_length": length, "hop_length": settings["hop_length"]}
    fmin = settings["fmin"]
    fmax = settings["fmax"]
    if settings["f0"] == "pyin":
        found, voiced, _ = librosa.pyin(samples, fmin=fmin, fmax=fmax, fill_na=None, **options)
    else:
        found = librosa.yin(samples, fmin=fmin, fmax=fmax, **options)
        voiced = (found > 1.02 * fmin) & (found < 0.98 * fmax)  # yin gives an end of the range to noise
    semitones = 12 * np.log2(found / fmin)
    typical = np.median(semitones[voiced]) if voiced.any() else 0.0
    return np.where(voiced, semitones, typical)[:frames], voiced[:frames]


def _pitch_statistics(semitones: np.ndarray, voiced: np.ndarray) -> np.ndarray:
    """Statistics of the pitch in voiced frames, the voiced share, and the mean step from one frame to the next."""
    found = semitones[voiced] if voiced.sum() > 1 else np.full(2, np.median(semitones))
    steps = np.abs(np.diff(found)).mean()
    return np.array([found.mean(), found.std(), *np.percentile(found, PERCENTILES), voiced.mean(), steps])


def _chroma(samples: np.ndarray, sample_rate: int, settings: Settings) -> np.ndarray:
    """The share of each pitch class ``(12, frames)``, from longer frames that can distinguish them."""
    from librosa import feature

    options = {"n_fft": LONG * settings["n_fft"], "hop_length": settings["hop_length"], "tuning": 0.0}
    return feature.chroma_stft(y=samples, sr=sample_rate, n_chroma=CHROMA, **options)


def _changes(frames: np.ndarray) -> np.ndarray:
    from librosa.feature import delta

    return delta(frames, width=DELTA, mode="nearest")


def _statistics(frames: np.ndarray) -> np.ndarray:
    """Statistics over time of ``(features, frames)``: ``(features × statistics,)``."""
    mean = frames.mean(axis=1)
    centred = frames - mean[:, None]
    deviation = centred.std(axis=1)
    scale = np.maximum(deviation, 1e-8)
    time = np.linspace(-1, 1, frames.shape[1])
    curve = time**2 - (time**2).mean()
    slope = centred @ time / (time @ time)
    percentiles = np.percentile(frames, PERCENTILES, axis=1)
    low = percentiles[0]
    spread = percentiles[-1] - low
    columns = [
        mean,
        deviation,
        (centred**3).mean(axis=1) / scale**3,  # skewness
        (centred**4).mean(axis=1) / scale**4,  # kurtosis
        slope,
        *percentiles,
        centred @ curve / (curve @ curve),
        (centred - np.outer(slope, time)).std(axis=1),
        percentiles[3] - percentiles[1],
        spread,
        *((frames > (low + level * spread)[:, None]).mean(axis=1) for level in LEVELS),
        (np.diff(frames, axis=1) > 0).mean(axis=1),
    ]
    return np.stack(columns, axis=1).ravel()
