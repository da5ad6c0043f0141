"""The progress of a training: its history, its best weights, its position in the epoch and its running time."""

from __future__ import annotations

import copy
import math
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import torch
from torch import nn

Row = dict[str, float]


@dataclass
class Progress:
    """The finished epochs of a training, one row of ``history.csv`` each, and the weights to save."""

    history: list[Row] = field(default_factory=list)
    best_epoch: int = 0
    best_loss: float = math.inf
    kept_epoch: int = 0
    weights: dict[str, torch.Tensor] = field(default_factory=dict)

    def record(self, row: Row, network: nn.Module, keep: str) -> None:
        """Add an epoch. It is the best one if its validation loss is the lowest, or if there are no validation clips.

        Its weights are kept if it is the best epoch, or if ``keep`` is ``last``.
        """
        self.history.append(row)
        epoch = len(self.history)
        loss = row.get("val_loss", -math.inf)
        best = loss < self.best_loss or "val_loss" not in row
        if best:
            self.best_epoch = epoch
            self.best_loss = loss
        if best or keep == "last":
            self.kept_epoch = epoch
            self.weights = copy.deepcopy(network.state_dict())

    def exhausted(self, patience: int | None) -> bool:
        """Whether ``patience`` epochs have passed without a lower validation loss."""
        return patience is not None and len(self.history) - self.best_epoch >= patience


class Stopwatch:
    """Wall and CPU time (s), summed over all attempts of a training."""

    def __init__(self, wall: float = 0.0, cpu: float = 0.0) -> None:
        self._wall_start = time.perf_counter() - wall
        self._cpu_start = time.process_time() - cpu

    def read(self) -> dict[str, float]:
        """The times so far, as the arguments of another stopwatch."""
        return {"wall": time.perf_counter() - self._wall_start, "cpu": time.process_time() - self._cpu_start}


class Sums:
    """Sums over clips of the loss and of the task's measure of progress, in float64.

    They are on the device that trains, so that no step waits for the one before.
    """

    def __init__(self, device: torch.device, loss: float = 0.0, progress: float = 0.0) -> None:
        self.loss = torch.tensor(loss, dtype=torch.float64, device=device)
        self.progress = torch.tensor(progress, dtype=torch.float64, device=device)

    def add(self, loss: torch.Tensor, progress: torch.Tensor) -> None:
        """Add the sums of more clips, which are numbers on the device."""
        self.loss = self.loss + loss
        self.progress = self.progress + progress

    def read(self) -> dict[str, float]:
        """The sums so far, as the arguments of others. This waits for the device."""
        return {"loss": self.loss.item(), "progress": self.progress.item()}

    def row(self, part: str, measure: str, clips: int) -> Row:
        """The means over ``clips`` clips as columns of ``history.csv``."""
        sums = self.read()
        return {f"{part}_loss": sums["loss"] / clips, f"{part}_{measure}": sums["progress"] / clips}


@dataclass
class Epoch:
    """The position in an epoch: the order of the training clips, and the sums over the finished steps."""

    order: torch.Tensor
    sums: Sums
    steps: int = 0

    def state(self) -> dict[str, Any]:
        """What :meth:`resumed` needs."""
        return {"order": self.order, "steps": self.steps, "sums": self.sums.read()}

    @classmethod
    def resumed(cls, state: dict[str, Any], device: torch.device) -> Epoch:
        """The epoch at a position that was saved."""
        return cls(state["order"], Sums(device, **state["sums"]), state["steps"])


def epoch_line(row: Row, measure: str, epochs: int, wall: float) -> str:
    """One log line for the latest epoch, with the remaining time.

    Args:
        measure: what the history has beside the loss, for example ``accuracy``.
        wall: the time that training has taken so far (s).
    """
    remaining = timedelta(seconds=round(wall / row["epoch"] * (epochs - row["epoch"])))
    scores = "  ".join(
        f"{part} loss {row[f'{part}_loss']:.3f} {measure} {row[f'{part}_{measure}']:.3f}"
        for part in ("train", "val")
        if f"{part}_loss" in row
    )
    return f"epoch {row['epoch']}/{epochs}  {scores}  {remaining} left"
