"""Dividing groups of clips into parts, so that no group is divided and every part has its share of every class."""

from __future__ import annotations

import numpy as np
import pandas as pd


def divide_groups(clips: pd.DataFrame, shares: list[float], seed: int) -> np.ndarray:
    """The part, 0 to ``len(shares) - 1``, of each clip.

    Group after group, the largest first, goes to the part that has least of its classes, measured by the share it
    should have: greedy, as scikit-learn's ``StratifiedGroupKFold``, but for parts of any size, and with a bound.
    Where each group is of one class, part *p* gets between ``shares[p] * n - (parts - 1) * largest`` and
    ``shares[p] * n + largest`` of the ``n`` clips of a class, ``largest`` being its largest group (R. Graham,
    "Bounds on multiprocessing timing anomalies", 1969); so every class with as many groups as there are parts is in
    all of them. Where groups mix classes no such bound holds, and the result is to be looked at.

    Args:
        clips: a row a clip with the columns ``group`` and ``label``.
        shares: the wanted share of each part, 1 in sum.
        seed: decides among equals.
    """
    counts = pd.crosstab(clips["group"], clips["label"])
    counts = counts.iloc[np.random.default_rng(seed).permutation(len(counts))]
    weights = counts.to_numpy() / counts.to_numpy().sum(axis=0)  # (groups, classes): shares of each class
    wanted = np.array(shares)
    filled = np.zeros((len(shares), weights.shape[1]))
    size, part_of = np.zeros(len(shares)), {}
    for number in np.argsort(-np.square(weights).sum(axis=1), kind="stable"):
        # Rounded, so that sums which differ in their last bits count as equal.
        crowded = np.round(filled @ weights[number] / wanted, 12)
        part = np.lexsort([-wanted, np.round(size / wanted, 12), crowded])[0]
        filled[part] += weights[number]
        size[part] += counts.iloc[number].sum()
        part_of[counts.index[number]] = part
    return clips["group"].map(part_of).to_numpy()


def too_few_groups(clips: pd.DataFrame, parts: int) -> list[str]:
    """Classes that are in fewer groups than there are parts, so that some part must lack them."""
    groups = clips.groupby("label")["group"].nunique()
    return [f"{label} is in {count} group{'s' * (count > 1)}" for label, count in groups[groups < parts].items()]
