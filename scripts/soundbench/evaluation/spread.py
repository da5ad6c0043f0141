"""The spread of a score over seeds and over folds."""

from __future__ import annotations

import pandas as pd


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
