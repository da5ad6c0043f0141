"""What effects on batches share: the batch itself, random numbers per clip, and values at moved bins or frames."""

from __future__ import annotations

from dataclasses import dataclass

import torch

BINS, FRAMES = 2, 3  # the axes of a batch of features


@dataclass(frozen=True)
class Batch:
    """A training batch on its device.

    Attributes:
        features: ``(batch, 1, bins, frames)``, normalised.
        targets: as the task encodes them; for effects that mix clips, shares ``(batch, classes)``.
        decibel: what 1 dB is in the values of the features; 0 where it is not the same for all.
    """

    features: torch.Tensor
    targets: torch.Tensor
    decibel: float


def uniform(features: torch.Tensor, low: float, high: float) -> torch.Tensor:
    """One random number per clip, ``(batch, 1, 1, 1)``."""
    return low + (high - low) * torch.rand(len(features), 1, 1, 1, device=features.device)


def at(features: torch.Tensor, positions: torch.Tensor, axis: int) -> torch.Tensor:
    """The values of each clip at its own bins or frames.

    Args:
        positions: numbers of existing bins ``(batch, 1, bins, 1)`` or frames ``(batch, 1, 1, frames)``.
    """
    return features.gather(axis, positions.long().expand(-1, *features.shape[1:]))


def between(features: torch.Tensor, positions: torch.Tensor, axis: int) -> torch.Tensor:
    """As :func:`at`, with linear interpolation; beyond the last bin or frame, its value."""
    last = features.shape[axis] - 1
    before = positions.floor().clamp(max=last)
    after = (before + 1).clamp(max=last)
    return torch.lerp(at(features, before, axis), at(features, after, axis), positions - before)


def quietest(features: torch.Tensor) -> torch.Tensor:
    """The lowest value of each clip, ``(batch, 1, 1, 1)``."""
    return features.amin(dim=(1, BINS, FRAMES), keepdim=True)
