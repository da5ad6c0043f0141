"""The scores of all clips, of those of each fold, and of all but those of one group or fold; and their jackknife."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from soundbench.tasks.evidence import Evidence
from soundbench.tasks.task import Task


@dataclass(frozen=True)
class Folds:
    """The scores without each fold. One network predicts all clips of a fold.

    Attributes:
        without: ``(seeds, folds)``; ``(seeds, 0)`` if there is one fold.
        same: whether all seeds have the same folds. If not, the folds of two seeds have nothing to do with each other.
    """

    without: np.ndarray
    same: bool = True


@dataclass(frozen=True)
class Resampled:
    """The scores of a run, or the differences of two runs with the same seeds.

    Attributes:
        scores: ``(seeds,)``, of all clips together.
        without_group: ``(seeds, groups)``, of all clips but those of one group.
        folds: the same for folds; twice for the difference of two views that have other folds.
        without_kind: the same for each of two kinds of groups; the groups are then their pairs. Empty for one kind.
    """

    scores: np.ndarray
    without_group: np.ndarray
    folds: list[Folds]
    without_kind: list[np.ndarray] = field(default_factory=list)

    def __sub__(self, other: Resampled) -> Resampled:
        return Resampled(
            self.scores - other.scores,
            self.without_group - other.without_group,
            [Folds(a.without - b.without, a.same) for a, b in zip(self.folds, other.folds, strict=True)],
            [a - b for a, b in zip(self.without_kind, other.without_kind, strict=True)],
        )


@dataclass(frozen=True)
class FoldEvidence:
    """What the metrics need of each fold.

    Attributes:
        task: of the predictions.
        predictions: one table per seed.
        positions: the number of the fold, below ``count``, of each row of each table.
        same: as of :class:`Folds`.
    """

    task: type[Task]
    predictions: list[pd.DataFrame]
    positions: list[np.ndarray]
    count: int
    same: bool

    @cached_property
    def evidence(self) -> Evidence:
        """Fold by fold; only the scores of several folds need it."""
        return self.task.evidence(self.predictions, self.positions, self.count)

    def scores(self, metric: str) -> np.ndarray:
        """The score of each seed on the clips of each fold, ``(seeds, folds)``."""
        return self.evidence.scores(metric, np.eye(self.count, dtype=int))

    def without_each(self, metric: str) -> Folds:
        """The score of each seed without each fold."""
        if self.count < 2:
            return Folds(np.empty((len(self.predictions), 0)), self.same)
        return Folds(self.evidence.scores(metric, 1 - np.eye(self.count, dtype=int)), self.same)


@dataclass(frozen=True)
class GroupEvidence:
    """What the metrics need of each group and of each fold.

    Attributes:
        evidence: group by group.
        groups: one row per group, with the one or two columns that name it.
        folds: as of :attr:`Resampled.folds`.
    """

    evidence: Evidence
    groups: pd.DataFrame
    folds: list[FoldEvidence]

    def scores(self, metric: str) -> np.ndarray:
        """The score of each seed on all clips, ``(seeds,)``."""
        return self.evidence.scores(metric, np.ones((1, len(self.groups)), dtype=int))[:, 0]

    def fold_scores(self, metric: str) -> np.ndarray:
        """The score of each seed on each fold, ``(seeds, folds)``; where folds differ, on all clips, ``(seeds, 1)``."""
        folds = self.folds[0]
        return folds.scores(metric) if folds.same else self.scores(metric)[:, None]

    def resampled(self, metric: str) -> Resampled:
        """The scores of all clips, and of all but those of one group or fold."""
        count = len(self.groups)
        scores = self.scores(metric)
        if count < 2:
            return Resampled(scores, np.full((len(scores), count), np.nan), [Folds(np.empty((len(scores), 0)))])
        kinds = list(self.groups) if len(self.groups.columns) > 1 else []
        return Resampled(
            scores,
            self.evidence.scores_without_each(metric),
            [folds.without_each(metric) for folds in self.folds],
            [self.evidence.scores(metric, _all_but_each(self.groups[kind])) for kind in kinds],
        )


def group_evidence(
    task: type[Task],
    predictions: list[pd.DataFrame],
    groups: pd.DataFrame | pd.Series,
    folds: Sequence[str] = ("fold",),
) -> GroupEvidence:
    """What the metrics need of predictions.

    Args:
        predictions: out-of-fold predictions, one table per seed.
        groups: from :func:`soundbench.data.subsets.clip_groups`. With two columns, a group is a pair of values.
        folds: the columns of ``predictions`` that hold folds. Groups are counted within those of the first one.
    """
    clips, tested = pd.factorize(np.concatenate([table["clip"].to_numpy() for table in predictions]))
    ends = np.cumsum([len(table) for table in predictions])[:-1]
    divisions = []
    for column in folds:
        codes, different = pd.factorize(np.concatenate([table[column] for table in predictions]), sort=True)
        same = same_folds(predictions, column)
        divisions.append(FoldEvidence(task, predictions, np.split(codes, ends), len(different), same))
    fold = np.zeros(len(tested), dtype=int)
    if divisions[0].same:  # else each seed has its own folds, and groups are those of all clips
        fold[clips] = np.concatenate(divisions[0].positions)
    # A recording in two folds counts as two groups, so that each group is in one fold.
    named = pd.DataFrame(groups).loc[tested]
    kinds = [name if len(named.columns) > 1 else "group" for name in named]
    positions, members = _numbered([fold, *named.to_numpy().T])
    # A clip that a seed does not test adds nothing to its evidence.
    evidence = task.evidence(predictions, np.split(positions[clips], ends), len(members))
    return GroupEvidence(evidence, pd.DataFrame(named.to_numpy()[members], columns=kinds), divisions)


def same_folds(predictions: list[pd.DataFrame], column: str = "fold") -> bool:
    """Whether a clip is in the same fold for all seeds, from one table per seed."""
    return bool(pd.concat([table[["clip", column]] for table in predictions]).drop_duplicates()["clip"].is_unique)


def _numbered(columns: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The number of each row among the different rows, ``(rows,)``, and where each of these, sorted, is first."""
    numbers = np.zeros(len(columns[0]), dtype=int)
    for values in columns:
        codes, different = pd.factorize(values, sort=True)
        numbers = numbers * len(different) + codes
    _, first, positions = np.unique(numbers, return_index=True, return_inverse=True)
    return positions, first


def _all_but_each(names: pd.Series) -> np.ndarray:
    """Weights that leave out the rows of each name, ``(names, rows)``."""
    values = names.to_numpy()
    return np.array([values != name for name in names.unique()]).astype(int)


def contributions(scores: np.ndarray, without: np.ndarray) -> np.ndarray:
    """What each group or fold adds to the score: its sum minus its share of the mean, where the score is a mean."""
    units = without.shape[1]
    return (units - 1) / units * (scores[:, None] - without)


def jackknife_variance(contributions: np.ndarray) -> float:
    """The variance of the mean over seeds; 0 for one unit, which shows none."""
    units = contributions.shape[1]
    return units / (units - 1) * float((contributions.mean(axis=0) ** 2).sum()) if units > 1 else 0.0


def mean_variance(contributions: np.ndarray) -> float:
    """The variance of one seed's score: the mean over seeds of the jackknife's."""
    return float(np.mean([jackknife_variance(of_seed[None]) for of_seed in contributions]))


def variance_over_seeds(contributions: np.ndarray) -> float:
    """The variance of one seed's score, if each group or fold had a luck of its own."""
    return float(contributions.var(axis=0, ddof=1).sum())
