"""Tests of significance against published examples, and comparisons of simulated models."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from soundbench.evaluation.comparisons import Scored, compare_models, compare_pair
from soundbench.evaluation.estimates import Estimate
from soundbench.evaluation.significance import critical_difference, holm, mcnemar, probability_of_superiority, verdict
from soundbench.evaluation.spread import spreads
from soundbench.tasks.registry import TASKS

LABELS = ["dog", "rain"]
TASK = TASKS["single-label"]


def test_holm_gives_the_textbook_example() -> None:
    # Four hypotheses with p = 0.01, 0.04, 0.03, 0.005 (Wikipedia, "Holm-Bonferroni method"): H1 and H4 are rejected.
    assert holm(np.array([0.01, 0.04, 0.03, 0.005])) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm(np.array([0.02, np.nan, 0.01])) == pytest.approx([0.02, np.nan, 0.02], nan_ok=True)


@pytest.mark.slow
def test_holm_equals_statsmodels() -> None:
    from statsmodels.stats.multitest import multipletests

    p_values = np.round(np.random.default_rng(0).uniform(0, 0.3, 40), 2)  # with equal ones
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])


def test_mcnemar_equals_the_exact_binomial_test() -> None:
    only_a, only_b = np.indices((40, 40)).reshape(2, -1)[:, 1:]
    expected = [stats.binomtest(a, a + b).pvalue for a, b in zip(only_a, only_b, strict=True)]
    assert mcnemar(only_a, only_b).tolist() == expected
    assert mcnemar(np.array([0, np.nan]), np.array([0, np.nan])) == pytest.approx([1, np.nan], nan_ok=True)


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
    same_seeds = np.array([[0.5, 0.7, 0.9], [0.5, 0.7, 0.9]])
    found = spreads(same_seeds)
    assert found["mean"] == pytest.approx(0.7)
    assert found["seed_deviation"] == pytest.approx(0)
    assert found["fold_deviation"] == pytest.approx(0.2)
    one = spreads(np.array([[0.5, 0.7], [np.nan, np.nan]]))
    assert math.isnan(one["seed_deviation"])
    assert (one["seeds"], one["folds"]) == (1, 2)


def test_spread_over_folds_is_that_within_seeds_where_each_seed_has_its_own() -> None:
    scores = np.array([[0.5, 0.7, 0.9], [0.9, 0.7, 0.5], [0.6, 0.6, 0.6], [np.nan, np.nan, np.nan]])
    found = spreads(scores, same_folds=False)
    assert found["fold_deviation"] == pytest.approx(math.sqrt((2 * 0.2**2 + 0) / 3))
    assert (found["seeds"], found["folds"]) == (3, 3)
    assert math.isnan(spreads(scores[:, :1], same_folds=False)["fold_deviation"])


GROUPS = pd.Series([f"g{number // 4}" for number in range(200)], index=[f"c{number}" for number in range(200)])


def predictions(accuracy: float, seed: int, folds: int = 5) -> pd.DataFrame:
    """Predictions of 50 groups of four clips, of which a share is correct."""
    rng = np.random.default_rng([seed, int(1000 * accuracy)])
    numbers = np.arange(200)
    correct = rng.random(200) < accuracy
    label = np.array(LABELS)[numbers // 4 % 2]
    other = np.array(LABELS)[1 - numbers // 4 % 2]
    return pd.DataFrame({
        "clip": GROUPS.index, "fold": numbers // 4 % folds + 1, "label": label,
        "predicted": np.where(correct, label, other), "seed": seed,
    })  # fmt: skip


def compared(tables: dict[str, list[pd.DataFrame]], margin: float = 0.01) -> pd.DataFrame:
    return compare_models(tables, GROUPS, TASK, "accuracy", margin).set_index(["model_a", "model_b"])


def study(*shares: float, seeds: int = 3, folds: int = 5) -> dict[str, list[pd.DataFrame]]:
    names = [f"m{number}" for number in range(len(shares))]
    return {
        name: [predictions(share, seed, folds) for seed in range(1, seeds + 1)]
        for name, share in zip(names, shares, strict=True)
    }


def test_verdicts_say_who_is_better_and_what_could_have_been_found() -> None:
    table = compared(study(0.5, 0.8, 0.805))
    assert table.loc[("m0", "m1"), "verdict"].startswith("m1 is better than m0 (+")
    close = table.loc[("m1", "m2")]
    assert "indistinguishable" in close["verdict"]
    visible = 100 * close["smallest_difference"]
    assert f"a true difference of {visible:.1f} points would be found four times in five" in close["verdict"]
    assert (table["p_holm"] >= table["p"]).all()


def test_more_pairs_make_the_difference_that_can_be_found_larger() -> None:
    two, many = compared(study(0.8, 0.805)), compared(study(0.8, 0.805, 0.5, 0.6, 0.7))
    pair = ("m0", "m1")
    assert many.loc[pair, "p"] == two.loc[pair, "p"]
    assert many.loc[pair, "smallest_difference"] > 1.2 * two.loc[pair, "smallest_difference"]


def test_models_without_a_mistake_are_not_shown_to_be_equal() -> None:
    row = compared(study(1.0, 1.0)).loc[("m0", "m1")]
    assert row["p"] == 1
    assert row["interval_high"] == -row["interval_low"] == pytest.approx(1 - 0.025 ** (1 / 50))
    assert row["smallest_difference"] > row["interval_high"]


def test_differences_are_those_of_the_leaderboards_scores() -> None:
    tables = study(0.5, 0.8)
    row = compared(tables).loc[("m0", "m1")]
    means = [np.mean([each["label"].eq(each["predicted"]).mean() for each in tables[name]]) for name in ("m0", "m1")]
    assert (row["mean_a"], row["mean_b"]) == pytest.approx(tuple(means))
    assert row["difference"] == pytest.approx(means[0] - means[1])
    assert (row["seeds"], row["folds"], row["groups"]) == (3, 5, 50)


def test_probabilities_of_better_equivalent_and_worse() -> None:
    table = compared(study(0.5, 0.8, 0.805))
    assert table[["p_better", "p_equivalent", "p_worse"]].sum(axis=1).to_numpy() == pytest.approx(1)
    assert table.loc[("m0", "m1"), "p_worse"] > 0.99
    assert table.loc[("m0", "m1"), "superiority"] < 0.01
    wide = compared(study(0.5, 0.8, 0.805), margin=0.2)
    assert wide.loc[("m1", "m2"), "p_equivalent"] > 0.99


def test_a_lower_score_that_is_better_favours_the_other_model() -> None:
    few, many = (Scored.of(tables, GROUPS, TASK, "accuracy") for tables in study(0.5, 0.8).values())
    row = compare_pair(few, many, replace(TASK.metrics["accuracy"], higher_is_better=False), 0.01)
    assert row["difference"] > 0.2
    assert row["p_better"] > 0.99


def test_one_fold_is_compared_by_its_groups_and_says_that_it_is_one_training_set() -> None:
    row = compared(study(0.5, 0.8, folds=1)).loc[("m0", "m1")]
    assert row["verdict"].endswith("; one training set: the result holds for these trained models only)")
    assert row["p"] < 0.05


def test_only_seeds_that_both_have_count() -> None:
    tables = study(0.5, 0.8, 0.7)
    tables["m1"] = tables["m1"][::2]
    tables["m2"] = []
    table = compared(tables)
    assert table.loc[("m0", "m1"), "seeds"] == 2
    assert table.loc[("m0", "m2"), "seeds"] == 0
    assert table.loc[("m0", "m2"), "verdict"] == "m0 and m2 cannot be compared: no seed is finished for both"
    assert math.isnan(table.loc[("m0", "m2"), "p_holm"])


def test_one_group_is_no_evidence() -> None:
    same = pd.Series("g", index=GROUPS.index)
    table = compare_models(study(0.5, 0.8, folds=1), same, TASK, "accuracy", 0.01)
    assert "cannot be compared: they need two groups of clips" in table["verdict"].item()


def test_a_clip_counts_once_for_mcnemars_test_however_many_seeds_agree_on_it() -> None:
    tables = study(0.5, 0.8, seeds=1)
    repeated = {model: [table.assign(seed=seed) for seed in (1, 2, 3)] for model, (table,) in tables.items()}
    once, thrice = (compared(each).loc[("m0", "m1")] for each in (tables, repeated))
    right = [table["label"].eq(table["predicted"]) for (table,) in tables.values()]
    assert once["only_a_right"] == (right[0] & ~right[1]).sum()
    assert once["only_b_right"] == (right[1] & ~right[0]).sum()
    for name in ("only_a_right", "only_b_right", "p_mcnemar"):
        assert thrice[name] == once[name]
    both = np.arange(200) % 4 > 0  # only clips that both have tested count
    others = {"m0": [tables["m0"][0][both]], "m1": tables["m1"]}
    assert compared(others).loc[("m0", "m1"), "only_a_right"] == (right[0] & ~right[1])[both].sum()


def test_an_interval_without_zero_that_is_not_significant_says_why() -> None:
    found = verdict("a", "b", Estimate(0.03, 0.01, 30), 0.06, 1, one_training=False, metric=TASK.metrics["accuracy"])
    assert found.startswith("a and b are indistinguishable once corrected for the number of pairs (+3.0 points")


def test_a_verdict_counts_from_the_better_model() -> None:
    found = verdict(
        "a", "b", Estimate(-0.03, 0.01, 10**6), 0.04, 1, one_training=False, metric=TASK.metrics["accuracy"]
    )
    assert found == "b is better than a (+3.0 points, 95 % interval +1.0 to +5.0)"


def test_probability_of_superiority_counts_pairs_of_seeds_within_folds() -> None:
    first = np.array([[0.8, 0.6], [0.7, 0.6]])
    second = np.array([[0.75, 0.6]])
    assert probability_of_superiority(first, second) == pytest.approx((1 + 0 + 0.5 + 0.5) / 4)
