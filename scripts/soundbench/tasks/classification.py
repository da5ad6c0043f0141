"""Scores of classes. Those of decisions are computed from counts: one definition serves a fold and many resamples.

An array of counts has the shape ``(..., 3, classes)``: the clips of each class that are classified correctly, those
that belong to it, and those that are assigned to it. Unlike a confusion matrix it does not grow with the square of the
classes, so it can be held for each of many groups. Every metric maps it to ``(...)``. A new metric is a function and an
entry in :data:`METRICS`; the tables, the leaderboard and the schema's ``metric`` take it from there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from soundbench.tasks.metric import Metric

RIGHT, TRUE, PREDICTED = range(3)  # the rows of counts


def class_numbers(names: Sequence[str], labels: Sequence[str]) -> np.ndarray:
    """The position of each name among the labels, ``(clips,)``.

    Raises:
        ValueError: a name that is not among ``labels``.
    """
    numbers = pd.Index(labels).get_indexer(names)
    if numbers.min(initial=0) < 0:
        raise ValueError(f"not all of these are labels: {sorted(set(names) - set(labels))}")
    return numbers


def confusion(truth: Sequence[str], predicted: Sequence[str], labels: Sequence[str]) -> np.ndarray:
    """Counts of true class (row) by predicted class (column), ``(classes, classes)``."""
    cells = class_numbers(truth, labels) * len(labels) + class_numbers(predicted, labels)
    return np.bincount(cells, minlength=len(labels) ** 2).reshape(len(labels), len(labels))


def class_counts(confusion: np.ndarray) -> np.ndarray:
    """The counts that metrics take, ``(3, classes)``, from a confusion matrix ``(classes, classes)``."""
    return np.stack([np.diagonal(confusion), confusion.sum(axis=1), confusion.sum(axis=0)])


def group_counts(
    truth: np.ndarray, predicted: np.ndarray, classes: int, positions: np.ndarray, groups: int
) -> np.ndarray:
    """The counts of each group, ``(groups, 3, classes)``.

    Args:
        truth, predicted: class numbers, ``(clips,)``.
        positions: the number of the group of each clip, ``(clips,)``.
    """
    belongs = positions * classes + truth
    assigned = positions * classes + predicted
    cells = (belongs[belongs == assigned], belongs, assigned)
    counts = [np.bincount(each, minlength=groups * classes).reshape(groups, classes) for each in cells]
    return np.stack(counts, axis=1)


def row_shares(counts: np.ndarray) -> np.ndarray:
    """Confusion counts as shares of the true class, ``(classes, classes)``: each row sums to 1, or to 0 if empty."""
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.zeros(np.broadcast(part, whole).shape), where=whole > 0)


def accuracy(counts: np.ndarray) -> np.ndarray:
    """The share of clips that are classified correctly."""
    return _share(counts[..., RIGHT, :].sum(axis=-1), counts[..., TRUE, :].sum(axis=-1))


def uar(counts: np.ndarray) -> np.ndarray:
    """Unweighted average recall (balanced accuracy): the mean recall over the classes that occur.

    B. Schuller et al., "The INTERSPEECH 2009 emotion challenge".
    """
    support = counts[..., TRUE, :]
    recall = _share(counts[..., RIGHT, :], support)
    return _share(recall.sum(axis=-1), (support > 0).sum(axis=-1))


def macro_f1(counts: np.ndarray) -> np.ndarray:
    """The mean F1 over the classes that occur in truth or prediction, as scikit-learn's ``average="macro"``."""
    occurrences = counts[..., TRUE, :] + counts[..., PREDICTED, :]
    f1 = _share(2 * counts[..., RIGHT, :], occurrences)
    return _share(f1.sum(axis=-1), (occurrences > 0).sum(axis=-1))


METRICS = {
    "accuracy": Metric("accuracy", accuracy),
    "uar": Metric("unweighted average recall", uar),
    "macro_f1": Metric("macro F1", macro_f1),
}


def class_scores(counts: np.ndarray) -> dict[str, np.ndarray]:
    """Precision, recall, F1 and support (the clips) of each class, ``(classes,)``; 0 where undefined."""
    correct, support, predicted = counts
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
