"""The area under the ROC curve, and how it changes when a group of clips is left out."""

from __future__ import annotations

import numpy as np

from soundbench.tasks.evidence import tie_starts


def roc_area(truth: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The probability that a clip with the label scores higher than one without it, ``(resamples,)``; ties count half.
    NaN if all clips have the label, or none has it.

    Args:
        truth, scores: ``(clips,)``.
        weights: ``(resamples, clips)``.
    """
    order = np.argsort(scores, kind="stable")
    starts = tie_starts(scores[order])
    weights = weights[:, order]
    positive = np.add.reduceat(weights * truth[order], starts, axis=1)
    negative = np.add.reduceat(weights * (1 - truth[order]), starts, axis=1)
    below = np.cumsum(negative, axis=1) - negative / 2
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    return _defined((positive * below).sum(axis=1), pairs)


def area_without_each(truth: np.ndarray, scores: np.ndarray, positions: np.ndarray, groups: int) -> np.ndarray:
    """The same without the clips of each group, ``(groups,)``: what the pairs with one of its clips add is subtracted.

    Args:
        truth, scores: ``(clips,)``.
        positions: the number of the group of each clip, below ``groups``.
    """
    _, ranks = np.unique(scores, return_inverse=True)
    positive = np.bincount(ranks, truth)
    negative = np.bincount(ranks, 1 - truth)
    below = np.cumsum(negative) - negative / 2
    above = positive.sum() - np.cumsum(positive) + positive / 2
    lost = np.bincount(positions, np.where(truth > 0, below[ranks], above[ranks]), groups)

    # Pairs within a group were subtracted twice.
    cells, inside = np.unique(positions * len(positive) + ranks, return_inverse=True)
    own = cells // len(positive)
    own_positive = np.bincount(inside, truth)
    own_negative = np.bincount(inside, 1 - truth)
    negatives = np.bincount(own, own_negative, groups)
    before = np.cumsum(negatives) - negatives
    twice = np.bincount(own, own_positive * (np.cumsum(own_negative) - own_negative / 2 - before[own]), groups)

    positives = np.bincount(own, own_positive, groups)
    pairs = (positive.sum() - positives) * (negative.sum() - negatives)
    return _defined((positive * below).sum() - lost + twice, pairs)


def _defined(area: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    return np.divide(area, pairs, out=np.full(pairs.shape, np.nan), where=pairs > 0)
