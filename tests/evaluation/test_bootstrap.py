"""Intervals and tests against published examples, other implementations and simulated benchmarks."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from soundbench.evaluation.bootstrap import bootstrap_interval, group_weights, spreads
from soundbench.evaluation.significance import (
    Difference,
    ModelComparison,
    corrected_t_test,
    critical_difference,
    holm,
    mcnemar,
    paired_test,
    power,
    seeds_needed,
    smallest_difference,
    verdict,
)
from soundbench.tasks.classification import METRICS
from soundbench.tasks.task import Counts


def test_holm_gives_the_textbook_example() -> None:
    # Four hypotheses with p = 0.01, 0.04, 0.03, 0.005 (Wikipedia, "Holm-Bonferroni method"): H1 and H4 are rejected.
    assert holm(np.array([0.01, 0.04, 0.03, 0.005])) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm(np.array([0.02, np.nan, 0.01])) == pytest.approx([0.02, np.nan, 0.02], nan_ok=True)


def test_mcnemar_equals_the_exact_binomial_test() -> None:
    right_a = np.array([[1] * 10 + [0] * 2 + [1] * 5], dtype=bool)
    right_b = np.array([[0] * 10 + [1] * 2 + [1] * 5], dtype=bool)
    assert mcnemar(right_a, right_b) == (10, 2, pytest.approx(stats.binomtest(2, 12).pvalue))
    # A clip counts once, however many seeds agree on it.
    assert mcnemar(np.tile(right_a, (3, 1)), np.tile(right_b, (3, 1))) == mcnemar(right_a, right_b)
    assert mcnemar(right_a, right_a) == (0, 0, 1.0)


def test_corrected_t_test_by_hand() -> None:
    # Ten differences with mean 0.02 and deviation 0.0149; ten-fold cross-validation, so n2/n1 = 1/9.
    values = np.array([0.0, 0.01, 0.02, 0.03, 0.04, 0.0, 0.01, 0.02, 0.03, 0.04])
    error = values.std(ddof=1) * math.sqrt(1 / 10 + 1 / 9)
    found = corrected_t_test(values, 1 / 9)
    assert found.p == pytest.approx(2 * stats.t.sf(0.02 / error, 9))
    assert found.high - found.mean == pytest.approx(stats.t.ppf(0.975, 9) * error)
    # Without the correction it is the t-test that everyone knows.
    assert corrected_t_test(values, 0).p == pytest.approx(stats.ttest_1samp(values, 0).pvalue)
    assert math.isnan(corrected_t_test(values[:1], 1 / 9).p)
    assert corrected_t_test(np.zeros(5), 0.25).p == 1


def test_a_single_fold_is_no_comparison() -> None:
    assert math.isnan(paired_test(np.array([[0.1], [0.2]]), 0.25).p)


def test_critical_difference_gives_demsars_example() -> None:
    # J. Demšar, JMLR 2006, section 3.2.2: AUC of four variants of C4.5 on 14 data sets (table 6); mean ranks 3.143,
    # 2.000, 2.893, 1.964. Two values that the table prints alike have different ranks: hence 0.9751.
    table = np.array([
        [0.763, 0.768, 0.771, 0.798], [0.599, 0.591, 0.590, 0.569], [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657], [0.882, 0.888, 0.886, 0.898], [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685], [0.583, 0.583, 0.563, 0.625], [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000], [0.940, 0.962, 0.965, 0.962], [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.9751, 0.975], [0.957, 0.978, 0.946, 0.970],
    ])  # fmt: skip
    ranks, critical, p = critical_difference(table)
    assert ranks == pytest.approx([3.143, 2.000, 2.893, 1.964], abs=0.001)
    # The paper multiplies q = 2.569 by sqrt(4 · 5 / (6 · 14)).
    assert critical == pytest.approx(2.569 * math.sqrt(4 * 5 / (6 * 14)), abs=0.001)
    assert p < 0.05
    assert math.isnan(critical_difference(table[:, :2])[2])


def test_spreads_over_seeds_and_folds_are_kept_apart() -> None:
    same_seeds = pd.DataFrame([[0.5, 0.7, 0.9], [0.5, 0.7, 0.9]])
    found = spreads(same_seeds)
    assert found["mean"] == pytest.approx(0.7)
    assert found["seed_deviation"] == pytest.approx(0)
    assert found["fold_deviation"] == pytest.approx(0.2)
    one = spreads(pd.DataFrame([[0.5, 0.7], [np.nan, np.nan]]))
    assert math.isnan(one["seed_deviation"])
    assert (one["seeds"], one["folds"]) == (1, 2)


def test_bootstrap_draws_whole_groups_within_folds() -> None:
    groups = pd.DataFrame({"fold": [1, 1, 1, 2, 2]})
    weights = group_weights(groups, 100)
    assert (weights[:, :3].sum(axis=1) == 3).all()
    assert (weights[:, 3:].sum(axis=1) == 2).all()
    # Where a fold is a single speaker, speakers are drawn over all folds.
    assert len(np.unique(group_weights(pd.DataFrame({"fold": [1, 2, 3]}), 50), axis=0)) > 3


def test_bootstrap_interval_equals_scipys_for_clips_that_are_their_own_groups() -> None:
    right = np.random.default_rng(1).random(200) < 0.7
    counts = np.zeros((1, 200, 2, 2), dtype=int)
    counts[0, range(200), 0, np.where(right, 0, 1)] = 1
    ours = bootstrap_interval(Counts(counts, METRICS), pd.DataFrame({"fold": np.ones(200)}), "accuracy")
    theirs = stats.bootstrap((right,), np.mean, method="percentile", n_resamples=2000, rng=0).confidence_interval
    assert ours == pytest.approx((theirs.low, theirs.high), abs=0.01)


def test_more_seeds_are_needed_for_less_and_none_suffice_where_clips_are_few() -> None:
    few, many = seeds_needed(0.02, 0.03, 5, 0.01), seeds_needed(0.01, 0.03, 5, 0.01)
    assert 1 < few < many < math.inf
    assert power(0.01, 0.03, 5, many, 0.01) >= 0.8 > power(0.01, 0.03, 5, many - 1, 0.01)
    assert seeds_needed(0.01, 0.03, 5, 0.25) == math.inf
    assert smallest_difference(0.03, 0.25) == pytest.approx(2.8 * 0.03 * 0.5, rel=0.01)


def test_power_equals_statsmodels() -> None:
    from statsmodels.stats.power import TTestPower

    theirs = TTestPower().power(effect_size=0.01 / 0.02, nobs=15, alpha=0.05)
    assert power(0.01, 0.02, 5, 3, 0.0) == pytest.approx(theirs, abs=1e-4)


def simulated_differences(
    benchmarks: int, seeds: int, gap: float, own: float, luck: float, noise: float, rng: np.random.Generator
) -> np.ndarray:
    """Accuracy of one model less that of another, ``(benchmarks, seeds, folds)``: 5 folds × 20 recordings × 4 clips.

    A clip is right if the sum of what makes it easy (its own and its recording's), the model's skill, the model's
    liking for the recording (``own``), the luck of a fold's training set and of a seed (``luck``) and ``noise`` is
    positive. ``gap`` is the second's lead in skill.
    """
    shape = (benchmarks, 1, 5, 20)
    easy = rng.normal(1, 1, (*shape, 1)) + rng.normal(size=(*shape, 4))
    accuracy = []
    for skill in (gap, 0.0):
        liking = rng.normal(0, own, (*shape, 1)) + rng.normal(0, luck, (benchmarks, 1, 5, 1, 1))
        training = rng.normal(0, luck, (benchmarks, seeds, 5, 1, 1))
        total = easy + skill + liking + training + rng.normal(0, noise, (benchmarks, seeds, 5, 20, 4))
        accuracy.append((total > 0).mean(axis=(3, 4)))
    return accuracy[0] - accuracy[1]


@pytest.mark.parametrize("seeds", [1, 3, 10])
@pytest.mark.parametrize(("own", "luck", "noise"), [(0.5, 0.1, 0.5), (1.0, 0.15, 0.1), (1.5, 0.0, 0.0)])
def test_equal_models_are_called_different_at_most_one_time_in_twenty(
    seeds: int, own: float, luck: float, noise: float
) -> None:
    found = simulated_differences(1000, seeds, 0.0, own, luck, noise, np.random.default_rng(seeds))
    called = sum(paired_test(each, 1 / 4).p < 0.05 for each in found)
    assert called <= stats.binom.ppf(0.99, 1000, 0.05)  # 5 % and its own uncertainty


def test_without_the_folds_second_opinion_equals_would_be_called_different() -> None:
    found = simulated_differences(1000, 10, 0.0, 1.5, 0.0, 0.0, np.random.default_rng(0))
    assert sum(corrected_t_test(each, 1 / 4).p < 0.05 for each in found) > stats.binom.ppf(0.99, 1000, 0.05)


def test_a_true_difference_is_found_with_stated_power() -> None:
    # A lead of 12 points with three seeds, models that like different recordings: at least four times in five.
    found = simulated_differences(500, 3, 0.65, 0.5, 0.1, 0.5, np.random.default_rng(7))
    assert found.mean() == pytest.approx(0.115, abs=0.01)
    assert np.mean([paired_test(each, 1 / 4).p < 0.05 for each in found]) >= 0.8


def comparison(*means: float) -> ModelComparison:
    rng = np.random.default_rng(0)
    scores = {f"m{k}": pd.DataFrame(mean + rng.normal(0, 0.01, (3, 5))) for k, mean in enumerate(means)}
    right = {name: pd.DataFrame(rng.random((3, 100)) < grid.to_numpy().mean()) for name, grid in scores.items()}
    return ModelComparison(scores, right, 0.25)


def test_verdicts_say_who_is_better_and_what_cannot_be_told() -> None:
    table = comparison(0.5, 0.8, 0.8).compare().set_index(["model_a", "model_b"])
    assert table.loc[("m0", "m1"), "verdict"].startswith("m1 is better than m0 (+")
    assert "indistinguishable" in table.loc[("m1", "m2"), "verdict"]
    assert (table["p_holm"] >= table["p"]).all()


def test_an_interval_without_zero_that_is_not_believed_says_why() -> None:
    found = verdict("a", "b", Difference(0.03, 0.01, 0.05, 0.02), 0.06)
    assert found.startswith("a and b are indistinguishable once corrected for the number of pairs (+3.0 points")


def test_a_verdict_counts_from_the_model_that_is_ahead() -> None:
    found = verdict("a", "b", Difference(-0.03, -0.05, -0.01, 0.02), 0.04)
    assert found == "b is better than a (+3.0 points, 95 % interval +1.0 to +5.0)"


def test_comparisons_tell_the_number_they_rest_on() -> None:
    study = comparison(0.5, 0.8, 0.7)
    study.scores["m1"].iloc[1] = np.nan
    study.scores["m2"].iloc[:] = np.nan
    table = study.compare().set_index(["model_a", "model_b"])
    assert table.loc[("m0", "m1"), "seeds"] == 2
    assert table.loc[("m0", "m2"), "seeds"] == 0
    assert "cannot be compared" in table.loc[("m0", "m2"), "verdict"]
