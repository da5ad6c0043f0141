"""Bootstrap intervals of scores, which resample groups of related clips."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd

from soundbench.tasks.task import Evidence

RESAMPLES = 2000
CONFIDENCE = 0.95


def group_weights(groups: pd.DataFrame, resamples: int, seed: int = 0) -> np.ndarray:
    """The number of times that each bootstrap resample draws each group; groups are drawn within folds.

    Errors on clips of one recording or speaker are correlated. Resampling single clips would treat them as
    independent observations, and the intervals would be too narrow (C. Field and A. Welsh,
    "Bootstrapping clustered data", JRSS B 2007).
    Where a fold is a single group, as in leave-one-speaker-out, groups are drawn over all folds instead.

    Args:
        groups: one row per group, with the column ``fold``.

    Returns:
        ``(resamples, groups)``, integers.
    """
    strata = groups["fold"].to_numpy()
    if groups["fold"].value_counts().min() < 2:
        strata = np.zeros_like(strata)
    return _drawn(tuple(strata.tolist()), resamples, seed)


@lru_cache(maxsize=1)  # all models of a data set use the same resamples, one after the other
def _drawn(strata: tuple[int, ...], resamples: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    weights = np.zeros((resamples, len(strata)), dtype=int)
    for stratum in np.unique(strata):
        members = np.flatnonzero(np.equal(strata, stratum))
        weights[:, members] = rng.multinomial(len(members), np.full(len(members), 1 / len(members)), size=resamples)
    return weights


def bootstrap_interval(evidence: Evidence, groups: pd.DataFrame, metric: str) -> tuple[float, float]:
    """The percentile interval of a score's mean over seeds (B. Efron and R. Tibshirani, 1993, chapter 13).

    Args:
        groups: one row per group, in the order of ``evidence``, with the column ``fold``.
    """
    resampled = evidence.scores(metric, group_weights(groups, RESAMPLES))
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(resampled.mean(axis=0), [tail, 100 - tail])
    return float(low), float(high)


def seed_scores(evidence: Evidence, groups: pd.DataFrame, metric: str) -> np.ndarray:
    """The score of each seed, ``(seeds,)``."""
    return evidence.scores(metric, np.ones((1, len(groups)), dtype=int))[:, 0]


def spreads(scores: pd.DataFrame) -> dict[str, float]:
    """The mean of a score, and its standard deviation over seeds and over folds, kept apart.

    Over seeds: the deviation of the means over folds. It comes from the initial weights and the order of clips.
    Over folds: the deviation of the means over seeds. It shows how much harder some clips are than others.
    The deviation of a single value is NaN.

    Args:
        scores: one row per seed, one column per fold; NaN where there is no score.
    """
    over_seeds = scores.mean(axis=1).dropna()
    over_folds = scores.mean(axis=0).dropna()
    return {
        "mean": float(over_seeds.mean()),
        "seed_deviation": float(over_seeds.std(ddof=1)),
        "fold_deviation": float(over_folds.std(ddof=1)),
        "seeds": len(over_seeds),
        "folds": len(over_folds),
    }
