"""Parts of a score's variance, against simulated studies whose parts are known."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from soundbench.evaluation.resampling import Folds, Resampled
from soundbench.evaluation.variance_components import COMPONENTS, score_components, variance_components
from soundbench.tasks.single_label import SingleLabel

FOLDS, GROUPS = 5, 12  # groups per fold
FEW, MANY = 8, 100  # clips per group; with few, each clip is a block of its own
RATE = 0.7  # of correct predictions
STUDIES = 300


def drawn(
    stream: np.random.Generator, seed: float, fold: float, group: float, seeds: int, clips: int = FEW
) -> np.ndarray:
    """Whether predictions are correct, ``(seeds, folds, groups, clips)``.

    The rate has these deviations; single clips are correct independently.
    """
    rates = RATE + np.zeros((seeds, FOLDS, GROUPS, clips))
    rates += stream.normal(0, seed, (seeds, 1, 1, 1)) + stream.normal(0, fold, (1, FOLDS, 1, 1))
    rates += stream.normal(0, group, (1, FOLDS, GROUPS, 1))
    # The same clips are correct for all seeds, but for the change of the rate.
    return stream.random((1, FOLDS, GROUPS, clips)) < rates


def predictions(correct: np.ndarray) -> list[pd.DataFrame]:
    """One table of predictions per seed."""
    clip = np.arange(correct[0].size)
    numbers = {"clip": clip.astype(str), "fold": clip // (GROUPS * FEW) + 1, "label": "a"}
    return [pd.DataFrame(numbers).assign(predicted=np.where(own.ravel(), "a", "b")) for own in correct]


OF_CLIPS = pd.Series(np.arange(FOLDS * GROUPS * FEW) // FEW, index=np.arange(FOLDS * GROUPS * FEW).astype(str))


def parts_of(correct: np.ndarray) -> dict[str, float]:
    """The parts of the variance of the accuracy."""

    def without(units: int) -> np.ndarray:
        sums = correct.reshape(len(correct), units, -1)
        return (sums.sum(axis=(1, 2))[:, None] - sums.sum(axis=2)) / (correct[0].size - sums.shape[2])

    scores = correct.mean(axis=(1, 2, 3))
    sample = Resampled(scores, without(FOLDS * GROUPS), [Folds(without(FOLDS))])
    return score_components(without(correct[0].size), sample)


def mean_parts(deviations: dict[str, float], seeds: int = 4) -> dict[str, float]:
    """The mean of each part of the variance of the accuracy over studies."""
    stream = np.random.default_rng(1)
    settings = {"seed": 0.0, "fold": 0.0, "group": 0.0} | deviations
    found = [parts_of(drawn(stream, **settings, seeds=seeds, clips=MANY)) for _ in range(STUDIES)]
    return {name: float(np.mean([each[name] for each in found])) for name in COMPONENTS}


BINOMIAL = RATE * (1 - RATE) / (FOLDS * GROUPS * MANY)


def test_the_parts_are_those_of_tables_of_predictions() -> None:
    correct = drawn(np.random.default_rng(3), 0.05, 0.1, 0.15, seeds=3)
    found = variance_components(SingleLabel, predictions(correct), OF_CLIPS)["accuracy"]
    assert found == pytest.approx(parts_of(correct))


@pytest.mark.parametrize(
    ("deviations", "part", "expected"),
    [
        ({}, "binomial_variance", BINOMIAL),
        ({"group": 0.15}, "group_variance", 0.15**2 / (FOLDS * GROUPS)),
        ({"fold": 0.1}, "fold_variance", 0.1**2 / FOLDS),
        ({"seed": 0.05}, "seed_variance", 0.05**2),
    ],
)
def test_the_part_that_was_simulated_is_found_and_the_others_are_small(
    deviations: dict[str, float], part: str, expected: float
) -> None:
    found = mean_parts(deviations)
    assert found.pop(part) == pytest.approx(expected, rel=0.25)
    if binomial := found.pop("binomial_variance", None):
        # A spread of the rate leaves a little less to chance.
        assert binomial == pytest.approx(BINOMIAL, rel=0.15)
    # Parts that are estimated below zero are 0, so the mean of a part that is none is a little above.
    assert max(found.values()) < 0.35 * max(expected, BINOMIAL)


def test_folds_are_no_part_where_each_seed_has_its_own() -> None:
    stream = np.random.default_rng(2)
    first, second = predictions(drawn(stream, 0.0, 0.0, 0.1, seeds=2))
    found = variance_components(SingleLabel, [first, second.assign(fold=6 - second["fold"])], OF_CLIPS)["accuracy"]
    assert math.isnan(found["fold_variance"])
    assert found["seed_variance"] >= 0


def test_one_seed_shows_no_part_of_seeds_and_one_fold_none_of_folds() -> None:
    stream = np.random.default_rng(2)
    tables = predictions(drawn(stream, 0.0, 0.0, 0.1, seeds=1))
    found = variance_components(SingleLabel, tables, OF_CLIPS)["accuracy"]
    assert math.isnan(found["seed_variance"])
    assert found["fold_variance"] >= 0
    found = variance_components(SingleLabel, [table.assign(fold=1) for table in tables], OF_CLIPS)["accuracy"]
    assert math.isnan(found["fold_variance"])
    assert found["binomial_variance"] > 0
