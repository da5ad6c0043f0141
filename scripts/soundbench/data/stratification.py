"""Dividing groups of clips into parts, so that no group is divided and every part has its share of every class."""

from __future__ import annotations

import numpy as np
import pandas as pd

ATTEMPTS = 20


def divide_groups(groups: pd.Series, strata: pd.DataFrame, shares: list[float], seed: int) -> np.ndarray:
    """The part, 0 to ``len(shares) - 1``, of each clip.

    Group after group, the largest first, goes to the part that has least of its classes, measured by the share it
    should have: greedy, as scikit-learn's ``StratifiedGroupKFold``, but for parts of any size, and with a bound.
    Where each group is of one class, part *p* gets between ``shares[p] * n - (parts - 1) * largest`` and
    ``shares[p] * n + largest`` of the ``n`` clips of a class, ``largest`` being its largest group (R. Graham,
    "Bounds on multiprocessing timing anomalies", 1969); so every class with as many groups as there are parts is in
    all of them. Where groups mix classes there is no such bound; if then a part lacks a class, other orders are tried.

    Args:
        groups: the group of each clip.
        strata: the classes of each clip, ``(clips, classes)``, 0 or 1; see :meth:`soundbench.tasks.task.Task.strata`.
        shares: the wanted share of each part, 1 in sum.
        seed: decides among equals.
    """
    stream, wanted = np.random.default_rng(seed), np.array(shares)
    counts = strata.groupby(groups).sum()
    counts = counts.loc[:, counts.sum() > 0]
    counts = counts.iloc[stream.permutation(len(counts))]
    weights = counts.to_numpy() / counts.to_numpy().sum(axis=0)  # (groups, classes): shares of each class
    largest_first = np.argsort(-np.square(weights).sum(axis=1), kind="stable")
    for order in (largest_first, *(stream.permutation(len(counts)) for _ in range(ATTEMPTS - 1))):
        parts = _fill(weights, counts.to_numpy().sum(axis=1), wanted, order)
        if not _lacking(weights, parts, len(shares)):
            break
    return groups.map(dict(zip(counts.index, parts, strict=True))).to_numpy()


def _fill(weights: np.ndarray, sizes: np.ndarray, wanted: np.ndarray, order: np.ndarray) -> np.ndarray:
    """The part of each group ``(groups,)``, when they are dealt out in ``order``."""
    parts = np.zeros(len(weights), dtype=int)
    filled, total = np.zeros((len(wanted), weights.shape[1])), np.zeros(len(wanted))
    for group in order:
        # Rounded, so that sums which differ in their last bits count as equal.
        crowded = np.round(filled @ weights[group] / wanted, 12)
        part = np.lexsort([-wanted, np.round(total / wanted, 12), crowded])[0]
        filled[part] += weights[group]
        total[part] += sizes[group]
        parts[group] = part
    return parts


def _lacking(weights: np.ndarray, parts: np.ndarray, count: int) -> bool:
    """Whether a part has nothing of a class."""
    return any((weights[parts == part].sum(axis=0) == 0).any() for part in range(count))


def too_few_groups(groups: pd.Series, strata: pd.DataFrame, parts: int) -> list[str]:
    """Classes that are in fewer groups than there are parts, so that some part must lack them."""
    found = groups_of_strata(groups, strata)
    return [f"{label} is in {count} group{'s' * (count > 1)}" for label, count in found[found < parts].items()]


def groups_of_strata(groups: pd.Series, strata: pd.DataFrame) -> pd.Series:
    """The number of groups that each class is in."""
    return strata.groupby(groups).sum().gt(0).sum()
