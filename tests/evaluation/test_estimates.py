"""Errors of scores and differences against formulas known otherwise, and over simulated studies."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from helpers.estimates import of_sums
from soundbench.evaluation.estimates import TRAINING_SETS, Estimate, estimate
from soundbench.evaluation.resampling import Folds, Resampled


def one_fold(seeds: int) -> Folds:
    return Folds(np.empty((seeds, 0)))


def test_one_seed_and_one_fold_is_the_t_interval_over_groups() -> None:
    sums = np.random.default_rng(1).integers(0, 11, (1, 12)).astype(float)
    found = of_sums(sums, 10, np.zeros(12))
    assert found.mean == pytest.approx(sums.mean() / 10)
    assert found.error == pytest.approx(math.sqrt(TRAINING_SETS) * stats.sem(sums[0] / 10))
    theirs = stats.t.interval(0.95, 11, found.mean, found.error)
    assert found.interval() == pytest.approx(theirs)


def test_groups_of_a_fold_that_share_its_luck_count_as_one() -> None:
    folds = np.repeat(np.arange(5), 20)
    luck = np.array([2.0, 4, 6, 8, 5])[folds][None]
    found = of_sums(luck, 10, folds)
    assert found.error == pytest.approx(math.sqrt(TRAINING_SETS) * stats.sem([0.2, 0.4, 0.6, 0.8, 0.5]))


def test_luck_of_seeds_adds_to_the_error_and_more_seeds_take_it_away() -> None:
    rng = np.random.default_rng(2)
    folds = np.repeat(np.arange(5), 8)
    clips = rng.normal(5, 1, 40)
    steady = of_sums(np.tile(clips, (3, 1)), 10, folds)
    lucky = of_sums(clips + rng.normal(0, 1.5, (3, 5))[:, folds], 10, folds)
    assert steady.seed_variance == pytest.approx(0)
    assert lucky.seed_variance > 0
    assert steady.seeds_needed(10 * steady.error) == 1
    few, many = lucky.seeds_needed(0.12), lucky.seeds_needed(0.1)
    assert 1 <= few < many < math.inf
    assert lucky.power(0.1, int(many)) >= 0.8 > lucky.power(0.1, int(many) - 1)
    assert lucky.seeds_needed(0.001) == math.inf


def test_smallest_difference_is_found_with_the_stated_power() -> None:
    found = Estimate(0.0, 0.02, 30)
    assert found.power(found.smallest_difference()) == pytest.approx(0.8, abs=0.01)
    assert found.power(0.0) == pytest.approx(0.05)
    assert Estimate(0.0, 1e-5, 30).power(0.5) == 1


def test_no_difference_is_found_reliably_beyond_the_limits() -> None:
    assert Estimate(0.1, 0.2, 9, limits=(-1, 1)).smallest_difference() < 1
    assert Estimate(0.1, 0.4, 3, limits=(-1, 1)).smallest_difference() == math.inf
    assert math.isfinite(Estimate(0.1, 0.4, 3).smallest_difference())


def test_power_equals_statsmodels() -> None:
    from statsmodels.stats.power import TTestPower

    theirs = TTestPower().power(effect_size=0.01 / 0.02, nobs=15, alpha=0.05)
    assert Estimate(0.0, 0.02 / math.sqrt(15), 14).power(0.01) == pytest.approx(theirs, abs=1e-4)


def test_probabilities_equal_baycomps_correlated_t_test() -> None:
    # baycomp 1.0.3: CorrelatedTTest.probs(difference, zeros, rope=0.01), ten folds of which a tenth is tested.
    difference = np.array([0.0, 0.01, 0.02, 0.03, 0.04, 0.01, 0.02, -0.01, 0.03, 0.02])
    error = math.sqrt(difference.var(ddof=1) * (1 / 10 + 1 / 9))
    found = Estimate(float(difference.mean()), error, 9)
    above = found.probability_above(0.01)
    below = 1 - found.probability_above(-0.01)
    assert (above, 1 - above - below, below) == pytest.approx((0.832695, 0.165582, 0.001723), abs=1e-6)


def test_a_single_group_shows_no_error() -> None:
    found = estimate(Resampled(np.array([0.5, 0.6]), np.full((2, 1), np.nan), [one_fold(2)]))
    assert found.mean == pytest.approx(0.55)
    assert math.isnan(found.error)
    assert math.isnan(found.p_value())
    assert all(map(math.isnan, found.interval()))


def test_no_difference_at_all_is_no_evidence() -> None:
    assert Estimate(0.0, 0.0, 9).p_value() == 1


def test_groups_that_all_show_the_same_do_not_show_that_others_do() -> None:
    """With no mistake in 20 groups, up to 16.8 % of groups may have some (Clopper and Pearson's exact interval)."""
    limit = stats.binomtest(20, 20).proportion_ci().low
    perfect = np.ones((3, 20))
    found = estimate(Resampled(perfect[:, 0], perfect, [one_fold(3)]), limits=(0.0, 1.0))
    assert found.interval() == pytest.approx((limit, 1.0))
    constant = np.full((1, 2), 0.1)
    same = Resampled(constant[:, 0], constant, [one_fold(1)])
    assert estimate(same, limits=(-1.0, 1.0)).p_value() > 0.3


def test_perfect_scores_do_not_shrink_the_coverage() -> None:
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(500):
        sums = rng.binomial(4, 0.98, (1, 20)).astype(float)
        low, high = of_sums(sums, 4, np.zeros(20)).interval()
        covered += low <= 0.98 <= high
    assert covered / 500 > 0.9


def simulated(rng: np.random.Generator, seeds: int, gap: float) -> np.ndarray:
    """Correct clips of one model less those of another, ``(seeds, 40 groups of 10)``, in five folds.

    A clip is correct if the sum of its group's and its own ease, the model's skill and strengths, the luck of the
    fold's training set and of the seed, and noise is positive.
    """
    folds = np.arange(40) % 5
    ease = rng.normal(1, 0.6, 40)[None, :, None] + rng.normal(0, 0.8, (1, 40, 10))
    right = []
    for skill in (gap, 0.0):
        strength = rng.normal(0, 0.4, (1, 40, 1)) + rng.normal(0, 0.04, 5)[folds][None, :, None]
        luck = rng.normal(0, 0.1, (seeds, 5))[:, folds, None]
        right.append((ease + skill + strength + luck + rng.normal(0, 0.5, (seeds, 40, 10)) > 0).sum(axis=2))
    return right[0] - right[1]


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [1, 3, 10])
def test_equal_models_are_called_different_one_time_in_twenty_at_most(seeds: int) -> None:
    rng = np.random.default_rng(seeds)
    called = sum(of_sums(simulated(rng, seeds, 0.0), 10, np.arange(40) % 5).p_value() < 0.05 for _ in range(1000))
    assert called <= stats.binom.ppf(0.99, 1000, 0.05)  # 5 % and its own uncertainty


def test_equal_models_are_called_different_no_more_often_where_each_seed_has_its_own_folds() -> None:
    """The luck of the networks is most of the error: 2000 clips, each a group, and two seeds."""
    rng = np.random.default_rng(1)
    called = 0
    for _ in range(400):
        folds = np.array([rng.permutation(2000) % 5 for _ in range(2)])
        ease = rng.normal(1.2, 1, 2000)
        luck = rng.normal(0, 0.2, (2, 2, 5))  # of models, seeds and folds
        noise = rng.normal(0, 0.5, (2, 2, 2000))
        right = ease + luck[:, np.arange(2)[:, None], folds] + noise > 0
        called += of_sums(right[0].astype(int) - right[1], 1, folds).p_value() < 0.05
    assert called <= stats.binom.ppf(0.99, 400, 0.05)


def test_luck_of_own_folds_averages_out_over_seeds() -> None:
    """Groups differ in nothing but the luck of their networks."""
    rng = np.random.default_rng(3)
    folds = np.array([rng.permutation(500) % 5 for _ in range(4)])
    lucky = np.array([0.0, 2, 4, 6, 8])[folds]
    found = of_sums(lucky, 10, folds)
    variance = 0.2 * 0.2 * 2.5 / 5  # of one seed: that of the five values, of a mean over five
    assert found.error == pytest.approx(math.sqrt(TRAINING_SETS * variance / 4), rel=0.01)
    assert found.seed_variance == pytest.approx(TRAINING_SETS * variance, rel=0.02)


def test_a_true_difference_is_found() -> None:
    rng = np.random.default_rng(7)
    found = [of_sums(simulated(rng, 3, 0.5), 10, np.arange(40) % 5) for _ in range(300)]
    assert np.mean([each.mean for each in found]) == pytest.approx(0.105, abs=0.01)
    assert np.mean([each.p_value() < 0.05 for each in found]) >= 0.7


def test_intervals_over_two_kinds_of_groups_cover_where_those_over_either_do_not() -> None:
    """Scores of 10 speakers on 10 texts, which differ as much as the speakers do."""
    stream = np.random.default_rng(0)
    pairs = np.stack(np.meshgrid(np.arange(10), np.arange(10), indexing="ij"), axis=-1).reshape(100, 2)
    covered = {"both": 0, "speakers": 0, "pairs": 0}
    for _ in range(500):
        values = stream.normal(0, 0.1, 10)[pairs[:, 0]] + stream.normal(0, 0.1, 10)[pairs[:, 1]]
        values += stream.normal(0, 0.1, 100)
        scores = values.mean(keepdims=True)
        without_pair = ((values.sum() - values) / 99)[None]
        without = [np.array([values[kind != one].mean() for one in range(10)])[None] for kind in pairs.T]
        for name, sample in (
            ("both", Resampled(scores, without_pair, [one_fold(1)], without)),
            ("speakers", Resampled(scores, without[0], [one_fold(1)])),
            ("pairs", Resampled(scores, without_pair, [one_fold(1)])),
        ):
            found = estimate(sample)
            # The factor for training sets does not concern this.
            reach = (found.interval()[1] - found.mean) / math.sqrt(TRAINING_SETS)
            covered[name] += abs(found.mean) < reach
    assert 0.93 <= covered["both"] / 500 <= 0.99
    assert covered["speakers"] / 500 < 0.91
    assert covered["pairs"] / 500 < 0.7
