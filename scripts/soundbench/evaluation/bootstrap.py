"""What a score is worth: intervals that respect how clips hang together."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

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
    strata = groups["fold"].to_numpy()
    if groups["fold"].value_counts().min() < 2:
        strata = np.zeros_like(strata)
    return _drawn(tuple(strata.tolist()), resamples, seed)


@lru_cache(maxsize=1)  # the models of a data set are resampled alike, one after the other
def _drawn(strata: tuple[int, ...], resamples: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    weights = np.zeros((resamples, len(strata)), dtype=int)
    for stratum in np.unique(strata):
        members = np.flatnonzero(np.equal(strata, stratum))
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
    # float32 holds these counts exactly, and its matrix product is many times as fast as that of integers.
    weights, classes = group_weights(groups, RESAMPLES).astype(np.float32), counts.shape[-1]
    drawn = [weights @ seed.reshape(len(groups), -1).astype(np.float32) for seed in counts]
    resampled = np.stack([metric(seed.astype(float).reshape(-1, classes, classes)) for seed in drawn])
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(resampled.mean(axis=0), [tail, 100 - tail])
    return float(low), float(high)


def spreads(scores: pd.DataFrame) -> dict[str, float]:
    """The mean of a score, and its standard deviation over seeds and over folds, kept apart.

    Over seeds: of the means over folds, that is the luck of initial weights and the order of clips. Over folds: of
    the means over seeds, that is how much harder some clips are. A deviation of a single value is NaN.

    Args:
        scores: a row a seed, a column a fold; NaN where there is no score.
    """
    over_seeds, over_folds = scores.mean(axis=1).dropna(), scores.mean(axis=0).dropna()
    return {
        "mean": float(over_seeds.mean()),
        "seed_deviation": float(over_seeds.std(ddof=1)),
        "fold_deviation": float(over_folds.std(ddof=1)),
        "seeds": len(over_seeds),
        "folds": len(over_folds),
    }
