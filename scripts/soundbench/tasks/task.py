"""The interface of a task: what a model predicts of a clip, and everything that follows from it.

A task is one module of this package with a subclass of :class:`Task`, and one entry in
:data:`soundbench.tasks.registry.TASKS`. Tables and pages use tasks too, so these modules do not import torch: methods
of tensors are enough. Losses do need it; they are in :mod:`soundbench.tasks.losses`.

The *outputs* of a network are the numbers that it gives for a clip, one per label. An activation turns them into
*values*, such as probabilities, and a decision turns values into what is predicted.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from soundbench.tasks.evidence import Evidence
from soundbench.tasks.metric import Metric

if TYPE_CHECKING:
    from torch import Tensor


class Task(ABC):
    """What the models of one data set predict.

    Args:
        labels: the names of the network's outputs, in their order.
        fitted: what :meth:`fit` and :meth:`fit_decision` have found, as ``model.json`` holds it.
        options: the values of :attr:`view_keys` that a view gives, for :meth:`fit_decision`.

    Attributes:
        name: as ``task`` in a view of the configuration.
        metrics: by name, as a column of the tables; the first is used if ``benchmark.metric`` is of another task.
        losses: names from :data:`soundbench.tasks.losses.LOSSES`. The first is the default. Without class weights
            and label smoothing it is also the loss on validation clips, so it must be a proper score.
        progress: the name of :meth:`progress_sum` in ``history.csv``, for example ``accuracy`` in ``val_accuracy``. Its
            mean over validation clips chooses among trials; higher is better.
        curves: the loss and that measure in figures: the title of each, and the factor to its unit.
        report: the items of the report, and the tables of details, that only some tasks have.
        scored_columns: the columns of predictions, beside ``clip`` and ``fold``, that :meth:`evidence` and
            :meth:`correct` read; None for all of them.
        predicted: how a table of predictions of recordings has them: ``ranked``, the first outputs of :meth:`rank`;
            ``several``, these after the column ``predicted`` of :meth:`decide`; ``numbers``, one column per output.
        view_keys: the keys of a view that the task reads when it is trained.
        fitted_by: what of scikit-learn is fitted: one ``classifier`` of all labels; ``classifiers``, one per label,
            which tell whether a clip has it; or ``regressors``, one per number.
        values_name: what the values are called in exported files and messages.
        labels_name: what the outputs are called in the report.
    """

    name: ClassVar[str]
    metrics: ClassVar[dict[str, Metric]]
    losses: ClassVar[tuple[str, ...]]
    progress: ClassVar[str]
    curves: ClassVar[tuple[tuple[str, int], tuple[str, int]]]
    report: ClassVar[frozenset[str]] = frozenset()
    scored_columns: ClassVar[tuple[str, ...] | None] = None
    predicted: ClassVar[str] = "ranked"
    view_keys: ClassVar[tuple[str, ...]] = ()
    fitted_by: ClassVar[str] = "classifier"
    values_name: ClassVar[str] = "probabilities"
    labels_name: ClassVar[str] = "labels"

    def __init__(
        self, labels: Sequence[str], fitted: dict[str, Any] | None = None, options: dict[str, Any] | None = None
    ) -> None:
        self.labels = list(labels)
        self.fitted: dict[str, Any] = dict(fitted or {})
        self.options: dict[str, Any] = dict(options or {})

    @classmethod
    def has(cls, item: str) -> bool:
        """Whether the task has an item of the report; items that no task names in :attr:`report` are of all tasks."""
        return item in cls.report or not any(item in task.report for task in Task.__subclasses__())

    # Clip tables and splits

    @classmethod
    @abstractmethod
    def truth_columns(cls, clips: pd.DataFrame) -> list[str]:
        """The columns of a clip table, a split or predictions that say what is to be predicted."""

    @classmethod
    @abstractmethod
    def find_labels(cls, clips: pd.DataFrame) -> list[str]:
        """The names of the outputs of a network that is trained on these clips."""

    @classmethod
    @abstractmethod
    def select(cls, clips: pd.DataFrame, view: Mapping[str, Any]) -> pd.DataFrame:
        """The clips of a source that a view keeps, with the labels that it merges.

        Raises:
            InputError: nothing can be learned from what remains.
        """

    @classmethod
    @abstractmethod
    def strata(cls, clips: pd.DataFrame) -> pd.DataFrame:
        """What the parts of a split must have their share of, ``(clips, strata)``, 0 or 1; the columns are sorted. A
        clip may have several strata, or none."""

    @classmethod
    def examples(cls, clips: pd.DataFrame) -> pd.DataFrame:
        """One row per clip and class that it is an example of, with the class in ``label``, for pages of the clips."""
        return clips

    # Training

    @abstractmethod
    def encode(self, clips: pd.DataFrame) -> np.ndarray:
        """The targets of clips: ``(clips,)`` int64, or ``(clips, outputs)`` float32."""

    @abstractmethod
    def shares(self, targets: Tensor) -> Tensor:
        """Targets as ``(batch, outputs)`` float, which can be mixed; :meth:`encode`'s or already of this form."""

    @abstractmethod
    def count(self, targets: Tensor) -> Tensor:
        """How many training examples each output has, ``(outputs,)``, for class weights."""

    @abstractmethod
    def progress_sum(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The sum over a batch of the measure that ``history.csv`` shows beside the loss, a scalar."""

    def fit(self, clips: pd.DataFrame) -> None:  # noqa: B027, most tasks have nothing to learn
        """Learn from the training clips what :meth:`encode` and :meth:`activate` need, for example a mean."""

    def fit_decision(  # noqa: B027, as above
        self, predict: Callable[[], np.ndarray], clips: pd.DataFrame
    ) -> None:
        """Learn from validation clips how to decide, for example thresholds; ``predict()`` gives their values
        ``(clips, outputs)``. A protocol without validation clips does not call this."""

    @classmethod
    def joined(cls, tasks: Sequence[Task]) -> Task:
        """The task of the mean of several models, such as those of all folds, from their own."""
        return tasks[0]

    # Predictions

    @property
    def decision(self) -> dict[str, Any]:
        """What a user of the values needs to decide as :meth:`decide` does."""
        return {}

    @property
    def units(self) -> np.ndarray:
        """What differences of values are measured in, ``(outputs,)``: 1 for probabilities."""
        return np.ones(len(self.labels))

    @abstractmethod
    def activate(self, outputs: Tensor) -> Tensor:
        """Outputs to values, both ``(batch, outputs)``."""

    def logits(self, values: np.ndarray) -> np.ndarray:
        """Outputs that :meth:`activate` turns into these values, both ``(..., outputs)``, for means of outputs. A task
        without this method has only means of values."""
        raise NotImplementedError

    @abstractmethod
    def decide(self, values: np.ndarray) -> pd.DataFrame:
        """The columns of predictions between the truth and the values ``(clips, outputs)``, which follow."""

    @abstractmethod
    def rank(self, values: np.ndarray, count: int) -> np.ndarray:
        """The outputs that a table of predictions names first, ``(count,)`` or fewer, of values ``(outputs,)``."""

    @abstractmethod
    def baseline(self, clips: pd.DataFrame) -> np.ndarray:
        """The best constant values ``(outputs,)``, by training clips: what every model should beat."""

    def constant_scores(self, clips: pd.DataFrame) -> dict[str, float]:
        """The scores of the best constant decisions on ``clips``, where these are not those of :meth:`baseline`."""
        return {}

    # Scores

    @abstractmethod
    def scores(self, table: pd.DataFrame) -> dict[str, float]:
        """Every score of predictions ``truth, decision, values``; those of :attr:`metrics` come first."""

    def details(self, table: pd.DataFrame, groups: pd.Series) -> dict[str, Any]:
        """What ``metrics.json`` says of a run beside its scores.

        Args:
            table: out-of-fold predictions.
            groups: each clip's group, indexed by clip.
        """
        return {}

    @classmethod
    def class_scores(cls, runs: list[dict[str, Any]]) -> pd.DataFrame:
        """``label, precision, recall, f1, support`` of each class over several runs, for the table of classes that a
        task with ``classes`` in :attr:`report` has; ``support`` is the number of clips of one run.

        Args:
            runs: what ``metrics.json`` says of each run.
        """
        raise NotImplementedError

    @classmethod
    @abstractmethod
    def evidence(cls, tables: list[pd.DataFrame], positions: list[np.ndarray], groups: int) -> Evidence:
        """What the metrics need of predictions, group by group.

        Args:
            tables: predictions with :attr:`scored_columns`, one table per seed.
            positions: the number of the group, below ``groups``, of each row of each table.
        """

    @classmethod
    def correct(cls, table: pd.DataFrame) -> pd.Series | None:
        """Whether each prediction is correct, ``(clips,)`` bool; None if predictions are not correct or wrong."""
        return None

    def table(self, clips: pd.DataFrame, values: np.ndarray) -> pd.DataFrame:
        """Clips with their truth, what is predicted of them, and one column of values per output.

        The values are float32, as networks give them. A CSV file has the shortest decimal number of each that is read
        as the same float32, so nothing is lost: numbers may be in small units, and probabilities near 0 or 1.

        Args:
            clips: the first columns of the table, with the truth.
            values: ``(clips, outputs)``.
        """
        values = values.astype(np.float32)
        parts = [clips.reset_index(drop=True), self.decide(values), pd.DataFrame(values, columns=self.labels)]
        return pd.concat(parts, axis=1)

    @classmethod
    def unscored(cls, table: pd.DataFrame) -> list[str]:
        """The columns of predictions that no metric needs, as a table of many predictions leaves out."""
        kept = set(table) if cls.scored_columns is None else {"clip", "fold", *cls.scored_columns}
        return [name for name in table if name not in kept]
