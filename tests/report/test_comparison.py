"""The section that compares models: its numbers agree with the sentences beside them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers.simulated import Study, write_report
from soundbench.evaluation.comparisons import compare_models
from soundbench.report.sections.comparison import by_verdict, section
from soundbench.tasks.regression import Regression

SHARES = ["p_better", "p_worse", "superiority"]


@pytest.mark.parametrize("models", [{"poor": 1.5, "good": 5.0}, {"good": 5.0, "poor": 1.5}], ids=["b", "a"])
def test_probabilities_are_those_of_the_model_that_the_verdict_names_first(
    tmp_path: Path, models: dict[str, float]
) -> None:
    study = Study(tmp_path, models, takes=8, folds=5).write()
    write_report(study, pages=False)
    results = study.results()
    row = section(results).split('<tr data-filter="one">')[1]
    assert "good is better than poor" in row
    cells = re.findall(r"<td>(.*?)</td>", row)
    assert cells[1:5] == ["100", "0", "0", "100"]
    pair = results.table("comparisons").iloc[0]  # in the table they are those of model_a
    assert pair[SHARES].tolist() == pytest.approx([1, 0, 1] if pair["model_a"] == "good" else [0, 1, 0], abs=1e-6)


def test_no_difference_is_visible_with_too_few_clips(tmp_path: Path) -> None:
    study = Study(tmp_path).write()
    write_report(study, pages=False)
    results = study.results()
    visible = results.table("comparisons")["smallest_difference"].iloc[0]
    assert f"<td>{100 * visible:.1f}</td>" in section(results)
    results.read["comparisons"]["smallest_difference"] = np.inf
    assert f"<td>{100 * visible:.1f}</td>" not in section(results)


def test_lower_errors_are_better() -> None:
    rng = np.random.default_rng(1)
    clips = pd.DataFrame({"clip": [f"c{number}" for number in range(40)], "fold": np.arange(40) % 4 + 1})
    truth = rng.normal(size=40)
    tables = {
        model: [clips.assign(true_x=truth, x=truth + error * rng.normal(size=40), seed=seed) for seed in (1, 2)]
        for model, error in {"cnn-deep": 1.0, "cnn": 0.1}.items()
    }
    pairs = compare_models(tables, clips.set_index("clip").assign(group=clips["clip"].array), Regression, "mae", 0.01)
    assert pairs["verdict"][0].startswith("cnn is better than cnn-deep")
    assert by_verdict(pairs)[SHARES].iloc[0].tolist() == pytest.approx([1, 0, 1], abs=0.05)


def test_pairs_without_a_winner_stay_as_they_are() -> None:
    rows = {
        "model_a": ["a", "a"],
        "model_b": ["b", "b-2"],
        "verdict": ["a and b cannot be compared: ...", "b is no name"],
        **{key: [np.nan, 0.25] for key in SHARES},
    }
    pairs = pd.DataFrame(rows)
    pd.testing.assert_frame_equal(by_verdict(pairs), pairs)
    assert by_verdict(pairs.iloc[:0]).empty
