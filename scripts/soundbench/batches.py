"""Features of chosen clips as batches, read through the memory map."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch


@dataclass(frozen=True)
class Normalisation:
    """Scales features to zero mean and unit deviation, by constants taken from training clips alone."""

    mean: float
    std: float

    def __call__(self, features: torch.Tensor) -> torch.Tensor:
        return (features - self.mean) / self.std


@dataclass(frozen=True)
class Examples:
    """Clips with their classes: ``rows`` of the feature array ``(clips, bins, frames)`` and ``targets``."""

    array: np.ndarray
    rows: np.ndarray
    targets: torch.Tensor

    def __len__(self) -> int:
        return len(self.rows)

    def batch(
        self, chosen: torch.Tensor, normalise: Normalisation, device: torch.device
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Normalised pictures ``(batch, 1, bins, frames)`` float32 and targets ``(batch,)``, on ``device``."""
        features = torch.from_numpy(self.array[self.rows[chosen.numpy()]]).to(device)
        return normalise(features.float()).unsqueeze(1), self.targets[chosen].to(device)

    def normalisation(self) -> Normalisation:
        """Mean and deviation of all values of these clips, summed clip by clip in float64."""
        count = total = squares = 0.0
        for row in self.rows:
            values = self.array[row].astype(np.float64)
            count, total, squares = count + values.size, total + values.sum(), squares + np.square(values).sum()
        mean = total / count
        return Normalisation(float(mean), float(max(squares / count - mean**2, 1e-12) ** 0.5))


def chunks(order: torch.Tensor, size: int) -> tuple[torch.Tensor, ...]:
    """Cut ``order`` into pieces of near-equal length, none above ``size``.

    A last batch of one or two clips would upset the batch statistics, so there is none.
    """
    return torch.tensor_split(order, max(1, -(-len(order) // size)))


def load_examples(array: str | Path, index: pd.DataFrame, clips: pd.DataFrame, labels: list[str]) -> Examples:
    """The examples of ``clips`` (columns ``clip, label``), whose rows in the feature array ``index`` tells."""
    rows = index.set_index("clip")["row"].loc[clips["clip"]].to_numpy()
    targets = torch.tensor([labels.index(label) for label in clips["label"]])
    return Examples(np.load(array, mmap_mode="r"), rows, targets)
