"""Scores of several labels per clip. Each maps predictions and weights of the clips to ``(resamples,)``; a label that
no weighted clip has is left out of means over labels.

Predictions of all folds are ranked together. Networks of different folds may differ in the level of their
probabilities, which makes a score that ranks clips a little too low, and never too high on average (G. Forman and
M. Scholz, "Apples-to-apples in cross-validation studies", SIGKDD Explorations 12, 2010).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from soundbench.tasks.average_precision import average_precision, precision_without_each
from soundbench.tasks.evidence import mean_of_known
from soundbench.tasks.metric import Metric
from soundbench.tasks.roc_area import area_without_each, roc_area

PERFECT = 1 - 1e-6  # the largest area under a curve for which d' is computed; d' is then 6.7
TRIED = 1000  # thresholds of which the best is chosen


@dataclass(frozen=True)
class Tagged:
    """The predictions of one seed.

    Attributes:
        truth: ``(clips, labels)``, 0 or 1.
        probabilities: ``(clips, labels)``.
        decided: ``(clips, labels)``, 0 or 1: the labels that are predicted.
    """

    truth: np.ndarray
    probabilities: np.ndarray
    decided: np.ndarray

    @property
    def size(self) -> int:
        """The number of pairs of a clip and a label."""
        return self.truth.size

    @cached_property
    def ranking(self) -> tuple[np.ndarray, np.ndarray]:
        """Of each clip, the sum over its labels of the precision at their rank, and their number, both ``(clips,)``."""
        precisions = np.zeros(len(self.truth))
        for label in range(self.truth.shape[1]):
            above = self.probabilities >= self.probabilities[:, [label]]
            precisions += self.truth[:, label] * (above * self.truth).sum(axis=1) / above.sum(axis=1)
        return precisions, self.truth.sum(axis=1)


def label_precisions(clips: Tagged, weights: np.ndarray) -> np.ndarray:
    """The average precision of each label, ``(resamples, labels)``."""
    columns = zip(clips.truth.T, clips.probabilities.T, strict=True)
    return np.stack([average_precision(*column, weights) for column in columns], axis=1)


def label_areas(clips: Tagged, weights: np.ndarray) -> np.ndarray:
    """The area under the ROC curve of each label, ``(resamples, labels)``."""
    return np.stack(
        [roc_area(*column, weights) for column in zip(clips.truth.T, clips.probabilities.T, strict=True)], axis=1
    )


def macro_precision(clips: Tagged, weights: np.ndarray) -> np.ndarray:
    """Mean average precision (mAP) over labels, as for AudioSet (J. Gemmeke et al., ICASSP 2017)."""
    return mean_of_known(label_precisions(clips, weights))


def micro_precision(clips: Tagged, weights: np.ndarray) -> np.ndarray:
    """The average precision of all pairs of a clip and a label in one ranking."""
    labels = clips.truth.shape[1]
    found = average_precision(clips.truth.ravel(), clips.probabilities.ravel(), np.repeat(weights, labels, axis=1))
    return np.nan_to_num(found)


def macro_precision_without_each(clips: Tagged, positions: np.ndarray, groups: int) -> np.ndarray:
    """:func:`macro_precision` without each of the groups, ``(groups,)``."""
    return _macro_without_each(precision_without_each, clips, positions, groups)


def _macro_without_each(
    score: Callable[..., np.ndarray], clips: Tagged, positions: np.ndarray, groups: int
) -> np.ndarray:
    columns = zip(clips.truth.T, clips.probabilities.T, strict=True)
    return mean_of_known(np.stack([score(*each, positions, groups) for each in columns], axis=1))


def micro_precision_without_each(clips: Tagged, positions: np.ndarray, groups: int) -> np.ndarray:
    """:func:`micro_precision` without each of the groups, ``(groups,)``."""
    positions = np.repeat(positions, clips.truth.shape[1])
    return np.nan_to_num(precision_without_each(clips.truth.ravel(), clips.probabilities.ravel(), positions, groups))


def macro_area(clips: Tagged, weights: np.ndarray) -> np.ndarray:
    """The mean over labels of the area under the ROC curve."""
    return mean_of_known(label_areas(clips, weights))


def macro_area_without_each(clips: Tagged, positions: np.ndarray, groups: int) -> np.ndarray:
    """:func:`macro_area` without each of the groups, ``(groups,)``."""
    return _macro_without_each(area_without_each, clips, positions, groups)


def d_prime(clips: Tagged, weights: np.ndarray) -> np.ndarray:
    """The distance of two normal distributions of equal variance with this mean area (J. Gemmeke et al., ICASSP 2017).
    It is at most 6.7, which stands for a perfect ranking."""
    return _distance(macro_area(clips, weights))


def d_prime_without_each(clips: Tagged, positions: np.ndarray, groups: int) -> np.ndarray:
    """:func:`d_prime` without each of the groups, ``(groups,)``."""
    return _distance(macro_area_without_each(clips, positions, groups))


def _distance(area: np.ndarray) -> np.ndarray:
    from scipy.special import ndtri  # imported here, since planning reads this module

    return np.sqrt(2) * ndtri(np.clip(area, 1 - PERFECT, PERFECT))


def lwlrap(clips: Tagged, weights: np.ndarray) -> np.ndarray:
    """Label-weighted label-ranking average precision: how far up the labels of a clip are in its own ranking, where
    each label of each clip counts alike (E. Fonseca et al., "Audio tagging with noisy labels and minimal supervision",
    DCASE 2019)."""
    precisions, labels = clips.ranking
    total = weights @ labels
    return np.divide(weights @ precisions, total, out=np.zeros(len(weights)), where=total > 0)


def _sizes(clips: Tagged, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Twice the correct decisions of each label, and the sum of those that are predicted and that are true."""
    return 2 * weights @ (clips.truth * clips.decided), weights @ (clips.truth + clips.decided)


def macro_f1(clips: Tagged, weights: np.ndarray) -> np.ndarray:
    """The mean F1 over the labels that occur in truth or prediction."""
    return _mean_f1(*_sizes(clips, weights))


def _mean_f1(correct: np.ndarray, occurring: np.ndarray) -> np.ndarray:
    """The mean F1 over the labels that occur, of what :func:`_sizes` gives."""
    return mean_of_known(np.divide(correct, occurring, out=np.full(correct.shape, np.nan), where=occurring > 0))


def micro_f1(clips: Tagged, weights: np.ndarray) -> np.ndarray:
    """The F1 of all decisions together."""
    correct, occurring = (part.sum(axis=1) for part in _sizes(clips, weights))
    return np.divide(correct, occurring, out=np.zeros(correct.shape), where=occurring > 0)


def constant_f1(shares: np.ndarray) -> dict[str, float]:
    """The macro and the micro F1 of the best labels that are the same for all clips.

    Args:
        shares: ``(labels,)``, of the clips that have each label.
    """
    top = np.sort(shares[shares > 0])[::-1]
    if not len(top):
        return {"macro_f1": 0.0, "micro_f1": 0.0}
    micro = 2 * top.cumsum() / (np.arange(1, len(top) + 1) + top.sum())
    return {"macro_f1": float((2 * top / (1 + top)).mean()), "micro_f1": float(micro.max())}


METRICS = {
    "map": Metric("mean average precision", macro_precision, without_each=macro_precision_without_each),
    "micro_map": Metric("average precision, micro", micro_precision, without_each=micro_precision_without_each),
    "roc_auc": Metric("area under the ROC curve", macro_area, without_each=macro_area_without_each),
    "d_prime": Metric("d′", d_prime, lowest=-np.inf, highest=np.inf, percent=False, without_each=d_prime_without_each),
    "lwlrap": Metric("label-weighted ranking precision", lwlrap),
    "macro_f1": Metric("macro F1", macro_f1),
    "micro_f1": Metric("micro F1", micro_f1),
}


def label_scores(clips: Tagged) -> dict[str, np.ndarray]:
    """Precision, recall, F1, average precision and area under the ROC curve of each label, ``(labels,)``, and the clips
    that have it (``support``) and for which it is ``predicted``. Where they are undefined, average precision and area
    are NaN, and the others are 0."""
    ones = np.ones((1, len(clips.truth)))
    correct = (clips.truth * clips.decided).sum(axis=0)
    support = clips.truth.sum(axis=0)
    predicted = clips.decided.sum(axis=0)
    return {
        "precision": correct / np.maximum(predicted, 1),
        "recall": correct / np.maximum(support, 1),
        "f1": 2 * correct / np.maximum(support + predicted, 1),
        "average_precision": label_precisions(clips, ones)[0],
        "roc_auc": label_areas(clips, ones)[0],
        "support": support.astype(int),
        "predicted": predicted.astype(int),
        "correct": correct.astype(int),
    }


def best_threshold(truth: np.ndarray, probabilities: np.ndarray) -> float:
    """The threshold with the highest mean F1 over labels: of several, the one in the middle. 0.5 if
    no clip has a label.

    Between two probabilities of true labels, a lower threshold only adds false alarms. So these probabilities and 0.5
    are tried; of more than :data:`TRIED`, as many that are evenly spread over their order.

    Args:
        truth, probabilities: ``(clips, labels)``.
    """
    true = truth > 0
    if not true.any():
        return 0.5
    levels = np.unique(probabilities[true])
    levels = levels[np.linspace(0, len(levels) - 1, min(TRIED, len(levels))).round().astype(int)]
    levels = np.union1d(levels, 0.5)
    columns = list(zip(true.T, probabilities.T, strict=True))
    correct = np.stack([_reaching(own[has], levels) for has, own in columns], axis=1)
    occurring = np.stack([_reaching(own, levels) for _, own in columns], axis=1) + true.sum(axis=0)
    found = _mean_f1(2 * correct, occurring)
    best = np.flatnonzero(np.isclose(found, np.max(found)))
    level = levels[best[len(best) // 2]]
    below = probabilities.max(where=probabilities < level, initial=0)
    return float((level + below) / 2)


def _reaching(values: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """How many of the values reach each level, ``(levels,)``."""
    return len(values) - np.searchsorted(np.sort(values), levels)
