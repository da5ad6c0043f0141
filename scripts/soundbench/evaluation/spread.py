"""The spread of a score over seeds and over folds."""

from __future__ import annotations

import math

import numpy as np


def spreads(scores: np.ndarray, same_folds: bool = True) -> dict[str, float]:
    """The mean of a score, and its standard deviation over seeds and over folds, kept apart.

    Over seeds: the deviation of the means over folds. It comes from the initial weights and the order of clips.
    Over folds: the deviation of the means over seeds. It shows how much harder some clips are than others. Where each
    seed has its own folds, these means say nothing: it is the root mean square of the deviations within seeds.
    The deviation of a single value is NaN.

    Args:
        scores: ``(seeds, folds)``; NaN where there is no score.
        same_folds: whether all seeds have the same folds.
    """
    over_seeds = _means(scores, axis=1)
    over_folds = _means(scores, axis=0)
    return {
        "mean": float(over_seeds.mean()) if len(over_seeds) else math.nan,
        "seed_deviation": _deviation(over_seeds),
        "fold_deviation": _deviation(over_folds) if same_folds else _deviation_within(scores),
        "seeds": len(over_seeds),
        "folds": len(over_folds),
    }


def _means(scores: np.ndarray, axis: int) -> np.ndarray:
    """The means over an axis of the scores that there are, without those of no score."""
    known = ~np.isnan(scores)
    sums = np.where(known, scores, 0.0).sum(axis=axis)
    counts = known.sum(axis=axis)
    return sums[counts > 0] / counts[counts > 0]


def _deviation(values: np.ndarray) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else math.nan


def _deviation_within(scores: np.ndarray) -> float:
    """The root mean square of the deviations within seeds, of the scores that there are."""
    deviations = [_deviation(own[~np.isnan(own)]) for own in scores]
    known = np.array([each for each in deviations if not math.isnan(each)])
    return float(np.sqrt((known**2).mean())) if len(known) else math.nan
