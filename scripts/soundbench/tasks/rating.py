"""Scores of numbers. Each maps predictions and weights of the clips to ``(resamples,)``: the mean over the targets.

A correlation that is not defined, since all values are equal, is 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from soundbench.tasks.evidence import tie_starts
from soundbench.tasks.metric import Metric

ROUNDING = 1e-20  # a variance below this share of the mean square is rounding


@dataclass(frozen=True)
class Rated:
    """The predictions of one seed: ``truth`` and ``values``, both ``(clips, targets)``."""

    truth: np.ndarray
    values: np.ndarray

    @property
    def size(self) -> int:
        """The number of clips."""
        return len(self.truth)


@dataclass(frozen=True)
class Moments:
    """Weighted means, variances (with the divisor n) and covariance of two variables, each ``(resamples,)``."""

    means: tuple[np.ndarray, np.ndarray]
    variances: tuple[np.ndarray, np.ndarray]
    covariance: np.ndarray

    @classmethod
    def of(cls, first: np.ndarray, second: np.ndarray, weights: np.ndarray) -> Moments:
        """Those of two variables, each ``(clips,)`` or ``(resamples, clips)``."""
        total = np.maximum(weights.sum(axis=1, keepdims=True), 1e-12)
        shares = weights / total
        means = [(shares * each).sum(axis=1, keepdims=True) for each in (first, second)]
        gaps = [each - mean for each, mean in zip((first, second), means, strict=True)]
        variances = (_variance(gaps[0], first, shares), _variance(gaps[1], second, shares))
        known = (variances[0] > 0) & (variances[1] > 0)
        covariance = np.where(known, (shares * gaps[0] * gaps[1]).sum(axis=1), 0.0)
        return cls((means[0][:, 0], means[1][:, 0]), variances, covariance)


Score = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def concordance(truth: np.ndarray, values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The concordance correlation coefficient (L. Lin, Biometrics 45, 1989).

    It is twice the covariance, divided by the sum of the variances and of the squared difference of the means.

    Args:
        truth, values: ``(clips,)``.
        weights: ``(resamples, clips)``.
    """
    found = Moments.of(truth, values, weights)
    return _ratio(2 * found.covariance, sum(found.variances) + (found.means[0] - found.means[1]) ** 2)


def pearson(truth: np.ndarray, values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Pearson's correlation coefficient."""
    found = Moments.of(truth, values, weights)
    return _ratio(found.covariance, np.sqrt(found.variances[0] * found.variances[1]))


def spearman(truth: np.ndarray, values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Spearman's rank correlation coefficient; equal values have the mean of their ranks."""
    return pearson(_ranks(truth, weights), _ranks(values, weights), weights)


def mean_absolute_error(truth: np.ndarray, values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """In the unit of the target."""
    return weights @ np.abs(values - truth) / np.maximum(weights.sum(axis=1), 1e-12)


def root_mean_squared_error(truth: np.ndarray, values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """In the unit of the target."""
    return np.sqrt(weights @ (values - truth) ** 2 / np.maximum(weights.sum(axis=1), 1e-12))


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.zeros(part.shape), where=whole > 0)


def _variance(gaps: np.ndarray, values: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """The weighted variance; 0 where it is only the rounding of equal values."""
    found = (shares * gaps**2).sum(axis=1)
    return np.where(found > ROUNDING * (shares * values**2).sum(axis=1), found, 0.0)


def _ranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The rank of each clip among clips that count ``weights`` times, ``(resamples, clips)``."""
    order = np.argsort(values, kind="stable")
    starts = tie_starts(values[order])
    sizes = np.add.reduceat(weights[:, order], starts, axis=1)
    middles = np.cumsum(sizes, axis=1) - sizes / 2
    found = np.empty(weights.shape)
    found[:, order] = np.repeat(middles, np.diff([*starts, len(order)]), axis=1)
    return found


def target_scores(score: Score, clips: Rated, weights: np.ndarray) -> np.ndarray:
    """A score of each target, ``(resamples, targets)``."""
    return np.stack([score(*pair, weights) for pair in zip(clips.truth.T, clips.values.T, strict=True)], axis=1)


def _mean(score: Score) -> Callable[[Rated, np.ndarray], np.ndarray]:
    return lambda clips, weights: target_scores(score, clips, weights).mean(axis=1)


SCORES: dict[str, Score] = {
    "ccc": concordance,
    "pearson": pearson,
    "spearman": spearman,
    "mae": mean_absolute_error,
    "rmse": root_mean_squared_error,
}
METRICS = {
    "ccc": Metric("concordance correlation", _mean(concordance), lowest=-1.0, percent=False),
    "pearson": Metric("Pearson correlation", _mean(pearson), lowest=-1.0, percent=False),
    "spearman": Metric("Spearman correlation", _mean(spearman), lowest=-1.0, percent=False),
    "mae": Metric("mean absolute error", _mean(mean_absolute_error), False, highest=np.inf, percent=False),
    "rmse": Metric("root mean squared error", _mean(root_mean_squared_error), False, highest=np.inf, percent=False),
}
