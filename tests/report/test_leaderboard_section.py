"""The section of the leaderboard: its sentences and its bars."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from helpers.simulated import Study, write_report
from soundbench.core.storage import write_csv
from soundbench.evaluation.baseline import Baseline
from soundbench.report.sections.leaderboard import COLUMNS, PARTS, Scale, variance_sentence
from soundbench.tasks.registry import find_metric
from soundbench.tasks.regression import Regression

BOARD = pd.DataFrame({"mean": [0.3, 0.4], "interval_low": [0.25, 0.35], "interval_high": [0.35, 0.5]})


def test_deviation_of_a_score_that_is_no_share_is_not_in_points(tmp_path: Path) -> None:
    study = Study(tmp_path, {"only": 2.0}).write()
    write_report(study, pages=False)
    results = study.results()
    assert " points) comes from" in variance_sentence(results, "only", "one")
    row = {"dataset": "one", "model": "only", "metric": "mae"} | dict.fromkeys(PARTS, 0.000625)
    write_csv(tmp_path / "spread.csv", pd.DataFrame([row]))
    tables = {"spread": str(tmp_path / "spread.csv")}
    rated = replace(results, tables=tables, read={}, tasks={"one": Regression}, metric="mae")
    assert "one run of only (± 0.05) comes from" in variance_sentence(rated, "only", "one")


@pytest.mark.parametrize(("metric", "expected"), [("mae", "0.316"), ("accuracy", "31.6")])
def test_deviation_over_folds_is_written_like_the_score(metric: str, expected: str) -> None:
    column = next(column for column in COLUMNS if column.name == "fold_deviation")
    assert column.shown(0.316, find_metric(metric)) == expected


@pytest.mark.parametrize(
    ("board", "guessing", "expected"),
    [
        (BOARD, Baseline("", 0.8), (0.0, 0.8)),
        (BOARD.assign(interval_low=None, interval_high=None), None, (0.0, 0.4)),
        (BOARD.assign(mean=None, interval_low=None, interval_high=None), None, (0.0, 1.0)),
    ],
)
def test_bars_of_errors_reach_to_all_that_is_drawn(
    board: pd.DataFrame, guessing: Baseline | None, expected: tuple[float, float]
) -> None:
    scale = Scale.of(board.astype(float), find_metric("mae"), guessing)
    assert (scale.low, scale.high) == expected


def test_bars_of_shares_reach_from_0_to_100() -> None:
    assert Scale.of(BOARD, find_metric("accuracy"), Baseline("dog", 0.1)) == Scale(0.0, 1.0)
