"""Helpers of effects on batches: the batch, random numbers per clip, and values at moved bins or frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

BINS = 2  # the axis of the bins in a batch of features
FRAMES = 3  # the axis of the frames
UNION = "union"  # of the labels of both clips
MIXED_LABELS = {
    "description": (
        "What a mixture has of the labels of both clips: `share`, each label as much as its clip; `union`, all of them "
        "as a whole, for the task `multi-label`."
    ),
    "enum": ["share", UNION],
    "default": "share",
}


@dataclass(frozen=True)
class Batch:
    """A training batch on its device.

    Attributes:
        features: ``(batch, 1, bins, frames)``, normalised.
        targets: as the task encodes them; for effects that mix clips, shares ``(batch, outputs)``.
        decibel: the difference in the values that corresponds to 1 dB; 0 if it is not the same for all values.
        frequencies: the frequency of each bin (Hz), ``(bins,)``; empty if bins have none.
        sample_rate: of samples (Hz), if the features are the samples of clips; otherwise 0.
    """

    features: torch.Tensor
    targets: torch.Tensor
    decibel: float
    frequencies: torch.Tensor
    sample_rate: int = 0


def has_union(value: Any) -> bool:
    """Whether an effect with this value gives mixtures all labels of both clips."""
    return isinstance(value, dict) and value.get("labels") == UNION


def mix_targets(batch: Batch, others: torch.Tensor, own: torch.Tensor, value: Any) -> torch.Tensor:
    """The targets of mixtures, ``(batch, outputs)``: shares, or all labels of both clips if ``value`` asks for them.

    Args:
        others: the number of the clip that each clip is mixed with, ``(batch,)``.
        own: the share of the clip itself, ``(batch,)``.
    """
    if has_union(value):
        return torch.maximum(batch.targets[others], batch.targets)
    return torch.lerp(batch.targets[others], batch.targets, own[:, None])


def uniform(features: torch.Tensor, low: float, high: float) -> torch.Tensor:
    """One random number per clip, ``(batch, 1, 1, 1)``."""
    return low + (high - low) * torch.rand(len(features), 1, 1, 1, device=features.device)


def take(features: torch.Tensor, positions: torch.Tensor, axis: int) -> torch.Tensor:
    """The values of each clip at its own bins or frames.

    Args:
        positions: numbers of existing bins ``(batch, 1, bins, 1)`` or frames ``(batch, 1, 1, frames)``.
    """
    return features.gather(axis, positions.long().expand(-1, *features.shape[1:]))


def interpolate(features: torch.Tensor, positions: torch.Tensor, axis: int) -> torch.Tensor:
    """The same at fractional ``positions``, by linear interpolation; past the end the last bin or frame is taken."""
    last = features.shape[axis] - 1
    lower = positions.floor().clamp(max=last)
    upper = (lower + 1).clamp(max=last)
    return torch.lerp(take(features, lower, axis), take(features, upper, axis), positions - lower)


def quietest(batch: Batch) -> torch.Tensor:
    """The lowest value of each clip, ``(batch, 1, 1, 1)``; of samples zero, which is silence."""
    lowest = batch.features.amin(dim=(1, BINS, FRAMES), keepdim=True)
    return torch.zeros_like(lowest) if batch.sample_rate else lowest
