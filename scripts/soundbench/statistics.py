"""What a score is worth: intervals that respect how clips hang together."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

RESAMPLES = 2000
CONFIDENCE = 0.95


def group_weights(groups: pd.DataFrame, resamples: int, seed: int = 0) -> np.ndarray:
    """How often each group is drawn in each bootstrap resample of groups within folds.

    Clips of one recording or speaker succeed and fail together; resampling clips would call that many independent
    observations and make intervals too narrow (C. Field and A. Welsh, "Bootstrapping clustered data", JRSS B 2007).
    Where a fold is a single group, as in leave-one-speaker-out, groups are drawn over all folds instead.

    Args:
        groups: a row a group with the column ``fold``.

    Returns:
        ``(resamples, groups)``, integers.
    """
    rng = np.random.default_rng(seed)
    strata = groups["fold"].to_numpy()
    if groups["fold"].value_counts().min() < 2:
        strata = np.zeros_like(strata)
    weights = np.zeros((resamples, len(groups)), dtype=int)
    for stratum in np.unique(strata):
        members = np.flatnonzero(strata == stratum)
        weights[:, members] = rng.multinomial(len(members), np.full(len(members), 1 / len(members)), size=resamples)
    return weights


def bootstrap_interval(
    counts: np.ndarray, groups: pd.DataFrame, metric: Callable[[np.ndarray], np.ndarray]
) -> tuple[float, float]:
    """The percentile interval of a score's mean over seeds (B. Efron and R. Tibshirani, 1993, chapter 13).

    Args:
        counts: ``(seeds, groups, classes, classes)`` confusion counts.
        groups: a row a group, in the order of ``counts``, with the column ``fold``.
    """
    weights = group_weights(groups, RESAMPLES)
    resampled = np.stack([metric(np.tensordot(weights, seed, axes=1)) for seed in counts])
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(resampled.mean(axis=0), [tail, 100 - tail])
    return float(low), float(high)
