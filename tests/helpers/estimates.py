"""Estimates of accuracies from the number of correct clips of each group."""

from __future__ import annotations

import numpy as np

from soundbench.evaluation.estimates import Estimate, estimate
from soundbench.evaluation.resampling import Folds, Resampled


def of_sums(sums: np.ndarray, clips: int, *divisions: np.ndarray) -> Estimate:
    """The estimate of an accuracy from the correct clips of groups.

    Args:
        sums: correct clips ``(seeds, groups)``.
        clips: the number of clips of a group.
        divisions: the fold of each group, ``(groups,)``; ``(seeds, groups)`` where each seed has its own folds.
    """
    groups = sums.shape[1]
    folds = [Folds(_without_each(sums, clips, fold), same=fold.ndim == 1) for fold in divisions]
    without_group = (sums.sum(axis=1, keepdims=True) - sums) / (clips * (groups - 1))
    return estimate(Resampled(sums.sum(axis=1) / (clips * groups), without_group, folds), limits=(0.0, 1.0))


def _without_each(sums: np.ndarray, clips: int, fold: np.ndarray) -> np.ndarray:
    """The accuracy of each seed without each fold, ``(seeds, folds)``; ``(seeds, 0)`` for one fold."""
    numbers = np.unique(fold)
    if len(numbers) < 2:
        return np.empty((len(sums), 0))
    others = np.broadcast_to(fold, sums.shape) != numbers[:, None, None]
    accuracies: np.ndarray = (sums * others).sum(axis=2) / (clips * others.sum(axis=2))
    return accuracies.T
