"""Scores equal scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn

from soundbench.tasks.classification import (
    METRICS,
    calibration_bins,
    calibration_error,
    class_counts,
    class_numbers,
    class_scores,
    confusion,
    group_counts,
    log_loss,
    top_k_accuracy,
)

LABELS = ["a", "b", "c", "d"]
answers = st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), min_size=1, max_size=40)


@settings(max_examples=100, deadline=None)
@given(answers)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_scores_of_decisions_equal_scikit_learns(pairs: list[tuple[str, str]]) -> None:
    truth, predicted = zip(*pairs, strict=True)
    matrix = confusion(truth, predicted, LABELS)
    assert (matrix == sklearn.confusion_matrix(truth, predicted, labels=LABELS)).all()
    counts = class_counts(matrix)
    positions = np.arange(len(truth)) % 3
    numbers = (class_numbers(names, LABELS) for names in (truth, predicted))
    assert (group_counts(*numbers, len(LABELS), positions, 3).sum(axis=0) == counts).all()
    assert METRICS["accuracy"].compute(counts) == pytest.approx(sklearn.accuracy_score(truth, predicted))
    assert METRICS["uar"].compute(counts) == pytest.approx(sklearn.balanced_accuracy_score(truth, predicted))
    assert METRICS["macro_f1"].compute(counts) == pytest.approx(sklearn.f1_score(truth, predicted, average="macro"))
    theirs = sklearn.precision_recall_fscore_support(truth, predicted, labels=LABELS, zero_division=0)
    for ours, expected in zip(class_scores(counts).values(), theirs, strict=True):
        assert ours == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(5))
def test_scores_of_probabilities_equal_scikit_learns(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth, probabilities = rng.integers(6, size=50), rng.dirichlet(np.full(6, 0.3), size=50).astype(np.float32)
    probabilities[0] = np.roll([0.99, 0.003, 0.002, 0.004, 0.001, 0], truth[0] + 1)  # sure and wrong
    classes = list(range(6))
    assert log_loss(truth, probabilities) == pytest.approx(
        sklearn.log_loss(truth, probabilities, labels=classes), rel=1e-4
    )
    expected = sklearn.top_k_accuracy_score(truth, probabilities.astype(float), k=3, labels=classes)
    assert top_k_accuracy(truth, probabilities, 3) == pytest.approx(expected)


def test_a_model_that_tells_nothing_gets_no_credit_for_ties() -> None:
    assert top_k_accuracy(np.arange(6), np.full((6, 6), 1 / 6), 3) == 0.5


def test_calibration_error_by_hand() -> None:
    # Two clips at 0.9, one of them right; two at 0.6, both right: (2 · |0.9 - 0.5| + 2 · |0.6 - 1|) / 4 = 0.4
    truth, probabilities = np.array([0, 1, 0, 0]), np.array([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.6, 0.4]])
    bins = calibration_bins(truth, probabilities)
    assert [part["clips"] for part in bins] == [2, 2]
    assert calibration_error(bins) == pytest.approx(0.4)


def test_a_stack_of_counts_is_scored_at_once() -> None:
    counts = np.random.default_rng(0).integers(5, size=(2, 3, 4, 4))
    for metric in METRICS.values():
        assert metric.compute(counts).shape == (2, 3)
        assert metric.compute(counts)[1, 2] == pytest.approx(metric.compute(counts[1, 2]))
