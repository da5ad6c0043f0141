"""Normalisation of features by one mean and one standard deviation of all values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Normalisation:
    """Subtracts a mean and divides by a standard deviation; both are constants, or come from training clips alone."""

    mean: float
    std: float

    def __call__(self, features: torch.Tensor) -> torch.Tensor:
        return (features - self.mean) / self.std


def choose_normalisation(front_end: dict[str, Any], training: Normalisation) -> Normalisation:
    """The normalisation of a front-end's features: by its own constants, or by ``training``, from training clips."""
    match front_end["normalise"]:
        case "fixed":
            return Normalisation(front_end["mean"], front_end["std"])
        case "clip" | "group" | "none":  # the features are stored as models take them
            return Normalisation(0.0, 1.0)
        case _:
            return training
