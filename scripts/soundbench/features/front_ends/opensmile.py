"""Feature sets of openSMILE: one vector per clip.

F. Eyben, M. Wöllmer and B. Schuller, "openSMILE", ACM Multimedia 2010; eGeMAPS: F. Eyben et al., IEEE Transactions on
Affective Computing 7, 2016; ComParE: B. Schuller et al., Interspeech 2016. The package `opensmile` is not among the
requirements: its licence admits private use, research and teaching only.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from soundbench.core.errors import InputError
from soundbench.features.front_ends import VECTOR_SETTINGS
from soundbench.features.settings import Settings

if TYPE_CHECKING:
    import torch

VECTOR = True
HOP = 160  # samples; 10 ms at 16 kHz
SIZES = {"eGeMAPSv02": 88, "ComParE_2016": 6373}
MISSING = (
    "the package opensmile is not installed; `pip install opensmile` installs it. Its licence admits private use, "
    "research and teaching only"
)
SETTINGS = {
    "feature_set": {
        "description": (
            "The feature set, by its name in the package `opensmile`, which is installed apart. Its licence admits "
            "private use, research and teaching only."
        ),
        "enum": ["eGeMAPSv02", "ComParE_2016"],
        "default": "eGeMAPSv02",
    },
    "sample_rate": {
        "description": "Clips are resampled to this rate (Hz).",
        "type": "integer",
        "minimum": 8000,
        "default": 16000,
    },
    **VECTOR_SETTINGS,
}


def bins(settings: Settings) -> int:
    """The number of values of the feature set."""
    return SIZES[settings["feature_set"]]


def problems(settings: Settings, sample_rate: int | None) -> Iterator[str]:
    """The package is missing."""
    if find_spec("opensmile") is None:
        yield f"front_end: {MISSING}"


@lru_cache(maxsize=2)
def _extractor(feature_set: str) -> Any:
    try:
        import opensmile
    except ImportError as error:
        raise InputError(MISSING) from error
    level = opensmile.FeatureLevel.Functionals
    return opensmile.Smile(feature_set=opensmile.FeatureSet[feature_set], feature_level=level)


def compute(samples: np.ndarray, sample_rate: int, settings: Settings) -> torch.Tensor:
    """The vector ``(bins, 1)`` of a clip, float32.

    Args:
        samples: ``(samples,)`` at ``sample_rate`` Hz.
    """
    import torch

    values = _extractor(settings["feature_set"]).process_signal(samples, sample_rate).to_numpy()
    return torch.from_numpy(values.astype(np.float32)).T
