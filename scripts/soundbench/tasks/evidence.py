"""What the metrics need to know of predictions, group by group, so that groups can be weighted or left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from soundbench.tasks.metric import Metric

AT_ONCE = 4_000_000  # weights in one call, so that a large study fits into the memory
GROUPS_AT_ONCE = 500  # groups that are left out in one call, for the same reason


class Evidence(Protocol):
    """What the metrics need to know of the predictions of several seeds, group by group."""

    def scores(self, metric: str, weights: np.ndarray) -> np.ndarray:
        """The score of each seed if each group counts ``weights`` times.

        Args:
            weights: ``(resamples, groups)``, whole numbers; ones for the score of the clips as they are.

        Returns:
            ``(seeds, resamples)``.
        """
        ...

    def scores_without_each(self, metric: str) -> np.ndarray:
        """The score of each seed without each of the groups, ``(seeds, groups)``."""
        ...


@dataclass(frozen=True)
class Counts:
    """Evidence that adds up over clips, for metrics that are functions of the sums.

    Attributes:
        counts: ``(seeds, groups, ...)``, whole numbers: the sum over the clips of each group.
        metrics: by name; each maps ``(..., *shape)`` to ``(...)``, where ``shape`` is that of one sum.
    """

    counts: np.ndarray
    metrics: dict[str, Metric]

    def scores(self, metric: str, weights: np.ndarray) -> np.ndarray:
        """See :meth:`Evidence.scores`."""
        _, groups, *shape = self.counts.shape
        # float32 holds these counts exactly, and its matrix product is many times as fast as that of integers.
        weights = weights.astype(np.float32)
        sums = [weights @ seed.reshape(groups, -1).astype(np.float32) for seed in self.counts]
        return np.stack([self.metrics[metric].compute(each.astype(float).reshape(-1, *shape)) for each in sums])

    def scores_without_each(self, metric: str) -> np.ndarray:
        """See :meth:`Evidence.scores_without_each`."""
        without = (seed.sum(axis=0) - seed for seed in self.counts)
        return np.stack([self.metrics[metric].compute(each.astype(float)) for each in without])


class Sample(Protocol):
    """The predictions of one seed, as the metrics of a task take them."""

    @property
    def size(self) -> int:
        """How many numbers a metric needs for one set of weights."""
        ...


@dataclass(frozen=True)
class WeightedClips:
    """Evidence that keeps all predictions, for metrics that are no functions of sums, such as areas under curves.

    They are computed again for each set of weights, so that the jackknife over groups serves them too, unless a metric
    has a faster way to leave out each group.

    Attributes:
        samples: the predictions of each seed.
        positions: the number of the group of each clip, ``(clips,)`` per seed.
        metrics: by name; each maps a sample and weights ``(resamples, clips)`` to ``(resamples,)``.
    """

    samples: list[Sample]
    positions: list[np.ndarray]
    metrics: Mapping[str, Metric]

    def scores(self, metric: str, weights: np.ndarray) -> np.ndarray:
        """See :meth:`Evidence.scores`."""
        compute = self.metrics[metric].compute
        found = []
        for sample, position in zip(self.samples, self.positions, strict=True):
            parts = np.array_split(weights, 1 + len(weights) * sample.size // AT_ONCE)
            found.append(np.concatenate([compute(sample, part[:, position].astype(float)) for part in parts]))
        return np.stack(found)

    def scores_without_each(self, metric: str) -> np.ndarray:
        """See :meth:`Evidence.scores_without_each`."""
        groups = 1 + max(int(position.max(initial=-1)) for position in self.positions)
        if without_each := self.metrics[metric].without_each:
            pairs = zip(self.samples, self.positions, strict=True)
            return np.stack([without_each(sample, position, groups) for sample, position in pairs])
        parts = []
        for first in range(0, groups, GROUPS_AT_ONCE):
            rows = np.arange(first, min(first + GROUPS_AT_ONCE, groups))
            weights = np.ones((len(rows), groups), dtype=int)
            weights[np.arange(len(rows)), rows] = 0
            parts.append(self.scores(metric, weights))
        return np.concatenate(parts, axis=1)


def mean_of_known(values: np.ndarray) -> np.ndarray:
    """The mean over the last axis of the values that are not NaN; 0 where there are none."""
    known = ~np.isnan(values)
    total = np.where(known, values, 0.0).sum(axis=-1)
    return np.divide(total, known.sum(axis=-1), out=np.zeros(total.shape), where=known.any(axis=-1))


def tie_starts(ordered: np.ndarray) -> np.ndarray:
    """The positions in sorted values ``(clips,)`` where a new value begins."""
    return np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
