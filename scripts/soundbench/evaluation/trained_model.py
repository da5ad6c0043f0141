"""A trained model with what it needs to predict clips."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from torch import nn

from soundbench.data.schemes import fold_column
from soundbench.features.normalisation import Normalisation
from soundbench.models.description import Description, windows_of
from soundbench.models.saved import load_model
from soundbench.tasks.registry import trained_task
from soundbench.tasks.task import Task
from soundbench.training.batches import load_examples
from soundbench.training.examples import Examples
from soundbench.training.values import predict_values


@dataclass(frozen=True)
class TrainedModel:
    """The model of one fold: its network, in evaluation mode, and its description.

    Both are as :func:`soundbench.models.saved.load_model` gives them.
    """

    network: nn.Module
    description: Description

    @classmethod
    def load(cls, folder: str | Path) -> TrainedModel:
        """Read the model of a folder.

        Raises:
            InputError: it cannot be read; see :func:`soundbench.models.saved.load_model`.
        """
        return cls(*load_model(folder))

    @cached_property
    def task(self) -> Task:
        """The task, with the model's labels and its fitted decision."""
        return trained_task(self.description)

    @cached_property
    def normalise(self) -> Normalisation:
        """The normalisation of its features."""
        return Normalisation(**self.description["normalisation"])

    @property
    def fold(self) -> int:
        """The number of its fold."""
        return int(self.description["fold"])

    def with_role(self, split: pd.DataFrame, *roles: str) -> pd.DataFrame:
        """The clips of a split that have one of these roles in its fold."""
        return split[split[fold_column(self.fold)].isin(roles)]

    def examples(self, array: str | Path, index: pd.DataFrame, clips: pd.DataFrame) -> Examples:
        """The examples of ``clips``; ``index`` gives their rows in the feature array."""
        return load_examples(array, index, clips, self.task, windows_of(self.description))

    def predict(self, examples: Examples) -> np.ndarray:
        """The values ``(clips, outputs)`` of every example, such as probabilities."""
        return predict_values(self.network, examples, self.normalise, self.task)

    def table(self, clips: pd.DataFrame, values: np.ndarray) -> pd.DataFrame:
        """The predictions of clips of a split, with ``clip``, ``fold``, the truth, the decision and the values."""
        names = ["clip", "fold", *self.task.truth_columns(clips)]
        return self.task.table(clips.assign(fold=self.fold)[names], values)
