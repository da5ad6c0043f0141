"""Random convolutions of the log-mel spectrogram: one vector per clip.

Thousands of kernels with random weights slide over time, each over a few neighbouring bands. How often, how much and
how unevenly each of them responds describes the clip, and a linear classifier finds out which kernels matter. The
method is ROCKET for many series: A. Dempster, F. Petitjean and G. Webb, "ROCKET: exceptionally fast and accurate time
series classification using random convolutional kernels", Data Mining and Knowledge Discovery 34, 2020. Here the
kernels have fixed sizes, cover all bands evenly, and the deviation of each response is a third statistic.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from soundbench.features.front_ends import VECTOR_SETTINGS, logmel
from soundbench.features.settings import Settings
from soundbench.features.unit_level import unit_level

if TYPE_CHECKING:
    import torch

VECTOR = True
SETTINGS = {
    "sample_rate": {
        "description": "Clips are resampled to this rate (Hz).",
        "type": "integer",
        "minimum": 8000,
        "default": 16000,
    },
    "n_mels": {
        "description": "Number of mel filters.",
        "type": "integer",
        "minimum": 8,
        "maximum": 128,
        "default": 64,
    },
    "kernels": {
        "description": "Number of random kernels at each position and of each size.",
        "type": "integer",
        "minimum": 1,
        "maximum": 100,
        "default": 3,
    },
    **VECTOR_SETTINGS,
}
WINDOW = 0.032  # s of sound in a frame
HOP = 0.01  # s from one frame to the next
FLOOR = 1e-3  # of the power in a filter; white noise of the same level has about 6 at 16 kHz
HEIGHTS = (1, 3, 8)  # bands that a kernel covers
LENGTH = 9  # frames that a kernel takes
DILATIONS = (1, 2, 4, 8, 16)  # frames between these
STATISTICS = 3
SEED = 1  # of the weights: all clips, runs and studies have the same kernels
TINY = 1e-3  # of a deviation, before its logarithm


class Kernels(NamedTuple):
    """Kernels of one size: ``weights`` are ``(positions, kernels, height × length)``, a position is the lowest of the
    bands that a kernel covers, and ``thresholds`` ``(positions × kernels,)`` are in deviations of the response."""

    height: int
    dilation: int
    weights: np.ndarray
    thresholds: np.ndarray


def bins(settings: Settings) -> int:
    """The number of statistics."""
    positions = sum(settings["n_mels"] - height + 1 for height in HEIGHTS)
    return STATISTICS * len(DILATIONS) * positions * settings["kernels"]


def compute(samples: np.ndarray, sample_rate: int, settings: Settings) -> torch.Tensor:
    """The vector ``(bins, 1)`` of a clip, float32; it does not depend on the level of the clip.

    Args:
        samples: ``(samples,)`` at ``sample_rate`` Hz.
    """
    import torch

    spectrogram = _spectrogram(samples, sample_rate, settings)
    kernels = _kernels(settings["n_mels"], settings["kernels"])
    found = [_statistics(_responses(spectrogram, each), each) for each in kernels]
    return torch.from_numpy(np.concatenate(found))[:, None]


def _logmel(settings: Settings) -> Settings:
    """The settings of the spectrogram."""
    rate = settings["sample_rate"]
    return {
        "n_fft": 2 ** math.ceil(math.log2(WINDOW * rate)),
        "win_length": None,
        "hop_length": round(HOP * rate),
        "n_mels": settings["n_mels"],
        "fmin": 0,
        "fmax": None,
        "power": 2,
        "scale": "log",
    }


def _spectrogram(samples: np.ndarray, sample_rate: int, settings: Settings) -> np.ndarray:
    """Standardised log-mels ``(bands, frames)``."""
    samples = unit_level(samples, sample_rate).astype(np.float32)
    mels = logmel.compute(samples, sample_rate, _logmel(settings)).numpy()
    mels = np.maximum(mels, math.log(FLOOR))
    return (mels - mels.mean()) / max(mels.std(), TINY)


@lru_cache(maxsize=4)
def _kernels(n_mels: int, count: int) -> list[Kernels]:
    """Normal weights, of which each kernel's have a mean of 0 and a norm of 1."""
    generator = np.random.default_rng(SEED)
    drawn = []
    for dilation in DILATIONS:
        for height in HEIGHTS:
            positions = n_mels - height + 1
            weights = generator.standard_normal((positions, count, height * LENGTH))
            weights -= weights.mean(axis=-1, keepdims=True)
            weights /= np.linalg.norm(weights, axis=-1, keepdims=True)
            thresholds = generator.uniform(-1, 1, positions * count)
            drawn.append(Kernels(height, dilation, weights.astype(np.float32), thresholds.astype(np.float32)))
    return drawn


def _responses(spectrogram: np.ndarray, kernels: Kernels) -> np.ndarray:
    """What each kernel gives at each frame: ``(positions × kernels, frames)``; zeros are around the clip."""
    frames = spectrogram.shape[1]
    reach = kernels.dilation * (LENGTH // 2)
    padded = np.pad(spectrogram, ((0, 0), (reach, reach)))
    shifted = [padded[:, first : first + frames] for first in range(0, 2 * reach + 1, kernels.dilation)]
    columns = np.stack(shifted, axis=1)  # (bands, length, frames)
    found = [
        weights @ columns[lowest : lowest + kernels.height].reshape(-1, frames)
        for lowest, weights in enumerate(kernels.weights)
    ]
    return np.concatenate(found)


def _statistics(responses: np.ndarray, kernels: Kernels) -> np.ndarray:
    """The share of frames above the threshold, the maximum in deviations, and the logarithm of the deviation."""
    deviation = np.maximum(responses.std(axis=1), TINY)
    above = (responses > (kernels.thresholds * deviation)[:, None]).mean(axis=1)
    return np.concatenate([above, responses.max(axis=1) / deviation, np.log(deviation)], dtype=np.float32)
