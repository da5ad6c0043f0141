"""Trainings in memory: made-up clips, a small network, and any settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from helpers.library import training
from soundbench.augment.batch import OnlineAugmentation
from soundbench.features.normalisation import Normalisation
from soundbench.models.registry import build_model
from soundbench.tasks.single_label import SingleLabel
from soundbench.training.checkpoints import Checkpoint
from soundbench.training.examples import Examples
from soundbench.training.progress import Row
from soundbench.training.trainer import Trainer
from soundbench.training.training_data import TrainingData

CLASSES = 3
TASK = SingleLabel(["a", "b", "c"])
MASKS = {"freq_masks": 2, "freq_width": 4, "time_masks": 1, "time_width": 10}
EVERYTHING = {
    "speed": [0.95, 1.05],
    "stretch": [0.9, 1.1],
    "vtlp": [0.9, 1.1],
    "crop": 0.1,
    "roll": 1.0,
    "gain": 6,
    "mixup": 0.3,
    "spec_augment": MASKS,
    "between_class": 0.3,
    "cut_mix": {"axes": ["time"], "probability": 0.3},
    "filter_augment": {"gain": 6, "bands": [2, 3], "width": 3},
    "frequency_mixstyle": {"probability": 0.2, "alpha": 0.3},
}
FREQUENCIES = [100.0 * number for number in range(1, 17)]  # Hz, of 16 bins


def examples(number: int = 24, bins: int = 16, frames: int = 20, seed: int = 0) -> Examples:
    """Clips of three classes that differ in the bin that is loud."""
    rng = np.random.default_rng(seed)
    array = rng.normal(-20, 5, (number, bins, frames)).astype(np.float16)
    targets = torch.arange(number) % 3
    for row, target in enumerate(targets):
        array[row, 5 * target] += 20
    return Examples((array,), np.zeros(number, dtype=int), np.arange(number), targets)


def linear(dropout: float = 0.0) -> nn.Module:
    """A network without batch norm, in which clips do not see each other."""
    return nn.Sequential(nn.AvgPool2d(4), nn.Flatten(), nn.Dropout(dropout), nn.Linear(20, CLASSES))


def convolutions() -> nn.Module:
    """The baseline, with batch norm and dropout."""
    return build_model({"family": "cnn", "width": 4, "blocks": 2, "convolutions": 1, "dropout": 0.2}, CLASSES, (16, 20))


def trainer(
    network: Callable[[], nn.Module] = convolutions, seed: int = 1, validated: bool = True, **settings: Any
) -> Trainer:
    """A training of ``network()`` on examples of three classes; validation clips are others than training clips."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    parts = {"train": examples(), "val": examples(24 if validated else 0, seed=1)}
    wanted = training(**{"epochs": 3, "batch_size": 8, "learning_rate": 0.01} | settings)
    augmentation = OnlineAugmentation(wanted["augment"], TASK, 1 / 6, seed, FREQUENCIES)
    data = TrainingData(parts, Normalisation(-19, 6), augmentation)
    return Trainer(network(), wanted, data, torch.device("cpu"), seed=seed, tag="[test]")


def fit(
    one: Trainer,
    folder: Path,
    stopping: Callable[[], bool] = lambda: False,
    record: Callable[[Row], None] = lambda row: None,
) -> Trainer:
    """Train to the end, or until ``stopping``, and return the trainer."""
    one.fit(Checkpoint(folder / "checkpoint.pt", "", 1e9), stopping, record)
    return one
