"""Mel-frequency cepstral coefficients: the cosine transform of the log-mel spectrogram, equal to librosa's.

S. Davis and P. Mermelstein, "Comparison of parametric representations", TASSP 1980.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from soundbench.features.front_ends import logmel
from soundbench.features.front_ends.logmel import SETTINGS as LOGMEL
from soundbench.features.settings import Settings

if TYPE_CHECKING:
    import torch

SETTINGS = {
    **LOGMEL,
    "n_mfcc": {"description": "Number of cepstral coefficients.", "type": "integer", "minimum": 1, "default": 20},
}

graph = logmel.graph


def bins(settings: Settings) -> int:
    """The number of coefficients."""
    return settings["n_mfcc"]


def compute(samples: np.ndarray, sample_rate: int, settings: Settings) -> torch.Tensor:
    """``(coefficients, frames)``, as ``librosa.feature.mfcc`` of the log-mel spectrogram."""
    from torchaudio.functional import create_dct

    cosines = create_dct(settings["n_mfcc"], settings["n_mels"], norm="ortho")
    return cosines.T @ logmel.compute(samples, sample_rate, settings)


def problems(settings: Settings, sample_rate: int | None) -> Iterator[str]:
    """Those of the log-mel spectrogram, and more coefficients than it has filters."""
    if settings["n_mfcc"] > settings["n_mels"]:
        yield f"n_mfcc: {settings['n_mfcc']} is larger than n_mels, {settings['n_mels']}"
    yield from logmel.problems(settings, sample_rate)
