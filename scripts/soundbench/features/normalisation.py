"""Normalisation of features: one mean and one deviation for all values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Normalisation:
    """Scales features to zero mean and unit deviation, by constants taken from training clips alone, or given."""

    mean: float
    std: float

    def __call__(self, features: torch.Tensor) -> torch.Tensor:
        return (features - self.mean) / self.std


def choose_normalisation(front_end: dict[str, Any], training: Normalisation) -> Normalisation:
    """How a front-end's features are normalised: by constants of its own, or by those of the training clips."""
    match front_end["normalise"]:
        case "fixed":
            return Normalisation(front_end["mean"], front_end["std"])
        case "clip":  # done clip by clip, before the features were stored
            return Normalisation(0.0, 1.0)
        case _:
            return training
