"""The vectors of several front-ends, one after the other: one vector per clip.

A classifier of this vector sees all its values at once, where the mean of several classifiers has one for each part.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from soundbench.features.front_ends import FRONT_ENDS, VECTOR_SETTINGS
from soundbench.features.settings import Settings

if TYPE_CHECKING:
    import torch

VECTOR = True
HOP = 160  # samples; a vector has no frames
SETTINGS = {
    "parts": {
        "description": (
            "The front-ends, each with its settings, as in `[{front_end: functionals}, {front_end: texture}]`. Each of "
            "them gives one vector per clip. What they have in common (`trim`, `duration` and `normalise`) is set for "
            "the whole."
        ),
        "type": "array",
        "minItems": 2,
        "items": {"$ref": "#/$defs/part"},
    },
    "sample_rate": {
        "description": "Always null: each part resamples clips to its own rate.",
        "const": None,
        "default": None,
    },
    **VECTOR_SETTINGS,
}


def bins(settings: Settings) -> int:
    """The number of values of all parts."""
    return sum(FRONT_ENDS.load(part["front_end"]).bins(part) for part in settings["parts"])


def problems(settings: Settings, sample_rate: int | None) -> Iterator[str]:
    """Problems of the parts, and settings of a part that would have no effect."""
    known = FRONT_ENDS.settings("concatenated")
    for number, part in enumerate(settings["parts"]):
        where = f"parts.{number}"
        for key in VECTOR_SETTINGS:
            if part.get(key, default := known[key]["default"]) != default:
                yield f"{where}.{key}: has no effect on a part; set it for the whole"
        if FRONT_ENDS.defines(part["front_end"], "problems"):
            found = FRONT_ENDS.load(part["front_end"]).problems(part, part["sample_rate"] or sample_rate)
            yield from (f"{where}.{problem}" for problem in found)


def compute(samples: np.ndarray, sample_rate: int, settings: Settings) -> torch.Tensor:
    """The vector ``(bins, 1)`` of a clip, float32.

    Args:
        samples: ``(samples,)`` at ``sample_rate`` Hz.
    """
    import torch

    from soundbench.data.audio import resample

    found = []
    for part in settings["parts"]:
        rate = part["sample_rate"] or sample_rate
        found.append(FRONT_ENDS.load(part["front_end"]).compute(resample(samples, sample_rate, rate), rate, part))
    return torch.cat(found)
