"""Scores without each group: those of the other members, however they are divided and tied."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from soundbench.tasks.average_precision import average_precision, precision_without_each
from soundbench.tasks.roc_area import area_without_each, roc_area


@pytest.mark.parametrize("digits", [1, 6])  # many equal scores, and none
@pytest.mark.parametrize("groups", [1, 3, 20, 60])
def test_each_group_is_left_out(groups: int, digits: int) -> None:
    rng = np.random.default_rng(groups)
    truth = (rng.random(50) < 0.1).astype(float)
    scores = np.round(0.3 * truth + 0.7 * rng.random(50), digits)
    positions = rng.integers(0, groups, 50)
    others = [positions != group for group in range(groups)]
    expected = [average_precision_score(truth[kept], scores[kept]) if kept.any() else np.nan for kept in others]
    assert precision_without_each(truth, scores, positions, groups) == pytest.approx(expected, rel=1e-12, nan_ok=True)


def test_small_and_large_groups_are_left_out_together() -> None:
    rng = np.random.default_rng(0)
    truth = (rng.random(90) < 0.3).astype(float)
    scores = rng.random(90)
    positions = np.repeat([0, 1, 2, 3], [50, 37, 2, 1])
    weights = np.array([positions != group for group in range(4)]).astype(float)
    found = precision_without_each(truth, scores, positions, 4)
    assert found == pytest.approx(average_precision(truth, scores, weights), rel=1e-12)


def test_without_the_only_positives_there_is_no_score() -> None:
    truth = np.array([0.0, 1.0, 0.0, 1.0])
    found = precision_without_each(truth, np.array([0.9, 0.8, 0.7, 0.6]), np.array([0, 1, 2, 1]), 3)
    assert np.isnan(found).tolist() == [False, True, False]


@pytest.mark.parametrize("digits", [1, 6])
@pytest.mark.parametrize("groups", [1, 3, 20, 60])
def test_areas_without_each_group(groups: int, digits: int) -> None:
    rng = np.random.default_rng(groups)
    truth = (rng.random(50) < 0.1).astype(float)
    scores = np.round(0.3 * truth + 0.7 * rng.random(50), digits)
    positions = rng.integers(0, groups, 50)
    weights = np.array([positions != group for group in range(groups)]).astype(float)
    found = area_without_each(truth, scores, positions, groups)
    assert found == pytest.approx(roc_area(truth, scores, weights), rel=1e-12, nan_ok=True)
