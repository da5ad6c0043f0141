"""Divide groups of clips into parts, so that no group is divided and every part has its share of every class."""

from __future__ import annotations

import numpy as np
import pandas as pd

ATTEMPTS = 20


def divide_groups(groups: pd.Series, strata: pd.DataFrame, shares: list[float], seed: int) -> np.ndarray:
    """The part of each clip, 0 to ``len(shares) - 1``.

    The groups are assigned one after the other, the largest first. Each goes to the part that has least of its classes,
    relative to the share of the part. This is a greedy method as in scikit-learn's ``StratifiedGroupKFold``, but it
    allows parts of any size and has a bound. If each group is of one class, part *p* gets between ``shares[p] * n -
    (parts - 1) * largest`` and ``shares[p] * n + largest`` of the ``n`` clips of a class, where ``largest`` is the size
    of its largest group (R. Graham, "Bounds on multiprocessing timing anomalies", 1969). So every class that has at
    least as many groups as there are parts is in all parts. There is no such bound if groups mix classes; if a part
    then lacks a class, other orders are tried.

    Args:
        groups: the group of each clip.
        strata: the classes of each clip, ``(clips, classes)``, 0 or 1; see :meth:`soundbench.tasks.task.Task.strata`.
        shares: the share of each part; their sum is 1.
        seed: decides between groups, and between parts, that are equal.
    """
    stream = np.random.default_rng(seed)
    target = np.array(shares)
    counts = strata.groupby(groups).sum()
    clips = groups.value_counts()
    counts = counts.loc[:, counts.sum() > 0]
    counts = counts.iloc[stream.permutation(len(counts))]
    weights = counts.to_numpy() / counts.to_numpy().sum(axis=0)  # (groups, classes): shares of each class
    largest_first = np.argsort(-np.square(weights).sum(axis=1), kind="stable")
    for order in (largest_first, *(stream.permutation(len(counts)) for _ in range(ATTEMPTS - 1))):
        parts = _assign(weights, clips[counts.index].to_numpy(), target, order)
        if not _lacks_class(weights, parts, len(shares)):
            break
    return groups.map(dict(zip(counts.index, parts, strict=True))).to_numpy()


def _assign(weights: np.ndarray, sizes: np.ndarray, target: np.ndarray, order: np.ndarray) -> np.ndarray:
    """The part of each group ``(groups,)`` if they are assigned in ``order``."""
    parts = np.zeros(len(weights), dtype=int)
    class_shares = np.zeros((len(target), weights.shape[1]))
    part_sizes = np.zeros(len(target))
    for group in order:
        # They are rounded, so that sums that differ only in their last bits count as equal.
        overlap = np.round(class_shares @ weights[group] / target, 12)
        part = np.lexsort([-target, np.round(part_sizes / target, 12), overlap])[0]
        class_shares[part] += weights[group]
        part_sizes[part] += sizes[group]
        parts[group] = part
    return parts


def _lacks_class(weights: np.ndarray, parts: np.ndarray, count: int) -> bool:
    """Whether a part has no clip of a class."""
    return any((weights[parts == part].sum(axis=0) == 0).any() for part in range(count))


def rarest_stratum(strata: pd.DataFrame) -> pd.Series:
    """The rarest stratum of each clip; an empty text for a clip without any."""
    if strata.empty:
        return pd.Series("", strata.index)
    return (strata / strata.sum()).idxmax(axis=1).where(strata.any(axis=1), "")


def too_few_groups(groups: pd.Series, strata: pd.DataFrame, parts: int) -> list[str]:
    """Messages for the classes with fewer groups than parts, which some part must lack."""
    counts = groups_of_strata(groups, strata)
    return [f"{label} is in {count} group{'s' * (count > 1)}" for label, count in counts[counts < parts].items()]


def groups_of_strata(groups: pd.Series, strata: pd.DataFrame) -> pd.Series:
    """The number of groups that each class is in."""
    return strata.groupby(groups).sum().gt(0).sum()
