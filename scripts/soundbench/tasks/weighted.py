"""Evidence of metrics that are no functions of counts, such as areas under curves and rank correlations.

They are computed again for each set of weights of the groups, from the clips themselves, which weigh as much as their
group. So the same jackknife over groups serves all metrics (:mod:`soundbench.evaluation.estimates`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from soundbench.tasks.task import Metric

AT_ONCE = 4_000_000  # weights in one call, so that a large study fits into the memory


class Sample(Protocol):
    """The predictions of one seed, as the metrics of a task take them."""

    @property
    def size(self) -> int:
        """How many numbers a metric needs for one set of weights."""
        ...


@dataclass(frozen=True)
class WeightedClips:
    """Evidence that keeps all predictions.

    Attributes:
        samples: the predictions of each seed.
        positions: the number of the group of each clip, ``(clips,)`` per seed.
        metrics: by name; each maps a sample and weights ``(resamples, clips)`` to ``(resamples,)``.
    """

    samples: list[Sample]
    positions: list[np.ndarray]
    metrics: Mapping[str, Metric]

    def scores(self, metric: str, weights: np.ndarray) -> np.ndarray:
        """See :meth:`soundbench.tasks.task.Evidence.scores`."""
        compute = self.metrics[metric].compute
        found = []
        for sample, position in zip(self.samples, self.positions, strict=True):
            parts = np.array_split(weights, 1 + len(weights) * sample.size // AT_ONCE)
            found.append(np.concatenate([compute(sample, part[:, position].astype(float)) for part in parts]))
        return np.stack(found)


def mean_of_known(values: np.ndarray) -> np.ndarray:
    """The mean over the last axis of the values that are not NaN; 0 where there are none."""
    known = ~np.isnan(values)
    total = np.where(known, values, 0.0).sum(axis=-1)
    return np.divide(total, known.sum(axis=-1), out=np.zeros(total.shape), where=known.any(axis=-1))


def tie_starts(ordered: np.ndarray) -> np.ndarray:
    """The positions in sorted values ``(clips,)`` where a new value begins."""
    return np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
