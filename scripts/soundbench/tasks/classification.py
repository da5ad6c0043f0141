"""Scores of classes. Those of decisions are computed from confusion counts: one definition serves a fold and many
resamples.

A confusion array has the shape ``(..., classes, classes)``: true class by predicted class. Every metric maps it to
``(...)``. A new metric is a function and an entry in :data:`METRICS`; the tables, the leaderboard and the schema's
``metric`` take it from there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from soundbench.tasks.metric import Metric


def confusion_cells(truth: Sequence[str], predicted: Sequence[str], labels: Sequence[str]) -> np.ndarray:
    """Each clip's cell in the flattened confusion matrix, ``(clips,)``.

    Raises:
        ValueError: a name that is not among ``labels``.
    """
    index = pd.Index(labels)
    rows = index.get_indexer(truth)
    columns = index.get_indexer(predicted)
    if min(rows.min(initial=0), columns.min(initial=0)) < 0:
        raise ValueError(f"not all of these are labels: {sorted({*truth, *predicted} - set(labels))}")
    return rows * len(labels) + columns


def confusion(truth: Sequence[str], predicted: Sequence[str], labels: Sequence[str]) -> np.ndarray:
    """Counts of true class (row) by predicted class (column), ``(classes, classes)``."""
    cells = confusion_cells(truth, predicted, labels)
    return np.bincount(cells, minlength=len(labels) ** 2).reshape(len(labels), len(labels))


def row_shares(counts: np.ndarray) -> np.ndarray:
    """Confusion counts as shares of the true class, ``(classes, classes)``: each row sums to 1, or to 0 if empty."""
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


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


METRICS = {
    "accuracy": Metric("accuracy", accuracy),
    "uar": Metric("unweighted average recall", uar),
    "macro_f1": Metric("macro F1", macro_f1),
}


def class_scores(counts: np.ndarray) -> dict[str, np.ndarray]:
    """Precision, recall, F1 and support (the clips) of each class, ``(classes,)``; 0 where undefined."""
    correct = np.diagonal(counts)
    support = counts.sum(axis=1)
    predicted = counts.sum(axis=0)
    return {
        "precision": _share(correct, predicted),
        "recall": _share(correct, support),
        "f1": _share(2 * correct, support + predicted),
        "support": support,
    }


def log_loss(truth: np.ndarray, probabilities: np.ndarray) -> float:
    """The mean of -ln of the true class's probability: the loss on the test clips, without label smoothing.

    Args:
        truth: ``(clips,)`` class numbers.
        probabilities: ``(clips, classes)``; clipped to the resolution of float32, as in scikit-learn.
    """
    given = probabilities[np.arange(len(truth)), truth].astype(float)
    return float(-np.log(np.maximum(given, np.finfo(np.float32).eps)).mean())


def top_k_accuracy(truth: np.ndarray, probabilities: np.ndarray, k: int) -> float:
    """The share of clips whose true class is among the ``k`` most probable; ties go to the first, as in argmax."""
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
    return float((best == truth[:, None]).any(axis=1).mean())


def calibration_bins(truth: np.ndarray, probabilities: np.ndarray, bins: int = 10) -> list[dict[str, float]]:
    """One row per bin of equal width that holds clips: the mean confidence, and the share of correct predictions.

    The data of a reliability diagram (A. Niculescu-Mizil and R. Caruana, ICML 2005).
    """
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == truth
    positions = np.minimum((confidence * bins).astype(int), bins - 1)
    return [
        {
            "low": position / bins,
            "high": (position + 1) / bins,
            "clips": int((positions == position).sum()),
            "confidence": float(confidence[positions == position].mean()),
            "accuracy": float(correct[positions == position].mean()),
        }
        for position in np.unique(positions).tolist()
    ]


def calibration_error(bins: list[dict[str, float]]) -> float:
    """Expected calibration error: the gap between confidence and accuracy, averaged over clips.

    C. Guo et al., "On calibration of modern neural networks", ICML 2017.
    """
    gaps = [abs(part["confidence"] - part["accuracy"]) * part["clips"] for part in bins]
    return float(sum(gaps) / sum(part["clips"] for part in bins))
