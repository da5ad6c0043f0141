"""Scores, all computed from confusion counts, so that one definition serves a fold, a run and a thousand resamples.

A confusion array has the shape ``(..., classes, classes)``: true class by predicted class. Every metric maps it to
``(...)``. Register one in :data:`METRICS` and the tables, the leaderboard and the schema's ``metric`` know it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np


def confusion(truth: Sequence[str], predicted: Sequence[str], labels: Sequence[str]) -> np.ndarray:
    """Counts of true class (row) by predicted class (column), ``(classes, classes)``."""
    position = {label: number for number, label in enumerate(labels)}
    cells = [position[t] * len(labels) + position[p] for t, p in zip(truth, predicted, strict=True)]
    return np.bincount(cells, minlength=len(labels) ** 2).reshape(len(labels), len(labels))


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.zeros(np.broadcast(part, whole).shape), where=whole > 0)


def accuracy(counts: np.ndarray) -> np.ndarray:
    """The share of clips that are classified correctly."""
    return _share(np.trace(counts, axis1=-2, axis2=-1), counts.sum(axis=(-2, -1)))


def uar(counts: np.ndarray) -> np.ndarray:
    """Unweighted average recall (balanced accuracy): the mean recall over the classes that occur.

    B. Schuller et al., "The INTERSPEECH 2009 emotion challenge".
    """
    support = counts.sum(axis=-1)
    recall = _share(np.diagonal(counts, axis1=-2, axis2=-1), support)
    return _share(recall.sum(axis=-1), (support > 0).sum(axis=-1))


def macro_f1(counts: np.ndarray) -> np.ndarray:
    """The mean F1 over the classes that occur in truth or prediction, as scikit-learn's ``average="macro"``."""
    occurrences = counts.sum(axis=-1) + counts.sum(axis=-2)
    f1 = _share(2 * np.diagonal(counts, axis1=-2, axis2=-1), occurrences)
    return _share(f1.sum(axis=-1), (occurrences > 0).sum(axis=-1))


METRICS: dict[str, Callable[[np.ndarray], np.ndarray]] = {"accuracy": accuracy, "uar": uar, "macro_f1": macro_f1}
