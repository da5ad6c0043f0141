"""The gain of each step of an ablation."""

from __future__ import annotations

import pandas as pd
import pytest

from soundbench.evaluation.ablation import ablation_steps, step_gains

PAIRS = pd.DataFrame(
    [
        ("one", "base", "more", "accuracy", 0.80, 0.85, -0.05, -0.08, -0.02),
        ("one", "base", "most", "accuracy", 0.80, 0.84, -0.04, -0.07, -0.01),
        ("one", "more", "most", "accuracy", 0.85, 0.84, 0.01, -0.02, 0.04),
        ("two", "base", "most", "mae", 0.30, 0.20, -0.10, -0.20, 0.00),
    ],
    columns=[
        *("dataset", "model_a", "model_b", "metric", "mean_a", "mean_b"),
        *("difference", "interval_low", "interval_high"),
    ],
)
COSTS = pd.DataFrame(
    {"dataset": ["one"] * 3, "model": ["base", "more", "most"], "train_cpu_seconds": [10.0, 20.0, 30.0]}
)


MODELS = ["base", "more", "most"]


def test_each_step_of_a_cumulative_ablation_is_compared_with_the_one_before() -> None:
    found = step_gains(PAIRS, COSTS, ablation_steps("cumulative", MODELS))
    one = found[found["dataset"] == "one"].set_index("model")
    assert one["score"].tolist() == [0.80, 0.85, 0.84]
    assert one["cpu_seconds"].tolist() == [10, 20, 30]
    assert one.loc["base", ["gain", "low", "high"]].isna().all()
    assert one.loc["more", ["gain", "low", "high"]].tolist() == pytest.approx([0.05, 0.02, 0.08])
    assert one.loc["most", ["gain", "low", "high"]].tolist() == pytest.approx([-0.01, -0.04, 0.02])


def test_each_step_of_a_single_ablation_is_compared_with_the_first_model() -> None:
    found = step_gains(PAIRS, COSTS, ablation_steps("single", MODELS))
    one = found[found["dataset"] == "one"].set_index("model")
    assert one.loc["most", ["before", "score"]].tolist() == ["base", 0.84]
    assert one.loc["most", ["gain", "low", "high"]].tolist() == pytest.approx([0.04, 0.01, 0.07])


def test_a_step_without_the_model_that_it_adds_to_has_no_row() -> None:
    assert "two" not in set(step_gains(PAIRS, COSTS, ablation_steps("cumulative", MODELS))["dataset"])


def test_the_first_model_is_shown_although_its_first_step_is_not_finished() -> None:
    found = step_gains(PAIRS, COSTS, [("base", "unfinished"), ("base", "most")])
    assert found.loc[found["dataset"] == "one", "model"].tolist() == ["base", "most"]


def test_a_lower_error_is_a_gain() -> None:
    found = step_gains(PAIRS, COSTS, ablation_steps("single", MODELS))
    two = found[found["dataset"] == "two"].set_index("model")
    assert two.loc["most", ["gain", "low", "high"]].tolist() == pytest.approx([0.10, 0.00, 0.20])


def test_other_studies_have_no_steps() -> None:
    assert ablation_steps(None, MODELS) == []
