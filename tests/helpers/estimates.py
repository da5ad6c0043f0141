"""Estimates of accuracies from the number of correct clips of each group."""

from __future__ import annotations

import numpy as np

from soundbench.evaluation.estimates import Estimate, estimate


def of_sums(sums: np.ndarray, clips: int, folds: np.ndarray) -> Estimate:
    """The estimate of an accuracy from correct clips ``(seeds, groups)``, groups of ``clips``, in ``folds``."""
    total = sums.sum(axis=1)
    groups = sums.shape[1]
    without_group = (total[:, None] - sums) / (clips * (groups - 1))
    own = [folds == number for number in np.unique(folds)]
    without_fold = [(total - sums[:, part].sum(axis=1)) / (clips * (~part).sum()) for part in own if not part.all()]
    parts = np.stack(without_fold, axis=1) if without_fold else np.empty((len(sums), 0))
    return estimate(total / (clips * groups), without_group, parts, limits=(0.0, 1.0))
