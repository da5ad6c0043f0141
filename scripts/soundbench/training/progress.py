"""How far a training has come, and what it took: the parts of its state that are neither network nor optimiser."""

from __future__ import annotations

import copy
import math
import time
from dataclasses import dataclass, field
from datetime import timedelta

import torch
from torch import nn

Row = dict[str, float]


@dataclass
class Progress:
    """Where a training stands: a row of ``history.csv`` an epoch, and the weights to save."""

    history: list[Row] = field(default_factory=list)
    best_epoch: int = 0
    best_loss: float = math.inf
    kept_epoch: int = 0
    weights: dict[str, torch.Tensor] = field(default_factory=dict)

    def record(self, row: Row, network: nn.Module, keep: str) -> None:
        """Add an epoch, the best one if its validation loss is the lowest, or if nothing is validated.

        Its weights are kept if it is the best, or in any case if ``keep`` is ``last``.
        """
        self.history.append(row)
        loss = row.get("val_loss", -math.inf)
        best = loss < self.best_loss or "val_loss" not in row
        if best:
            self.best_epoch, self.best_loss = len(self.history), loss
        if best or keep == "last":
            self.kept_epoch, self.weights = len(self.history), copy.deepcopy(network.state_dict())

    def exhausted(self, patience: int | None) -> bool:
        """Whether ``patience`` epochs have passed without a lower validation loss."""
        return patience is not None and len(self.history) - self.best_epoch >= patience


class Stopwatch:
    """Wall and CPU time (s), carried on over interruptions."""

    def __init__(self, wall: float = 0.0, cpu: float = 0.0) -> None:
        self._started = time.perf_counter() - wall, time.process_time() - cpu

    def read(self) -> dict[str, float]:
        """What to start another stopwatch from."""
        return {"wall": time.perf_counter() - self._started[0], "cpu": time.process_time() - self._started[1]}


@dataclass
class Epoch:
    """The position in an epoch: the order of the training clips, and the sums over the steps done so far."""

    order: torch.Tensor
    steps: int = 0
    loss: float = 0.0
    correct: int = 0


def epoch_line(row: Row, epochs: int, wall: float) -> str:
    """One line on the latest epoch, with the time left when ``wall`` seconds have passed."""
    left = timedelta(seconds=round(wall / row["epoch"] * (epochs - row["epoch"])))
    scores = "  ".join(
        f"{part} loss {row[f'{part}_loss']:.3f} accuracy {100 * row[f'{part}_accuracy']:.1f} %"
        for part in ("train", "val")
        if f"{part}_loss" in row
    )
    return f"epoch {row['epoch']}/{epochs}  {scores}  {left} left"
