"""Rules that choose an epoch, and that the choice on test clips reaches nothing else."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers.workflow import Workflow
from soundbench.evaluation.epoch_choice import aggregate_epochs, choices
from soundbench.report.sections.epochs import rule_table
from soundbench.tasks.registry import find_metric

PLAN = {
    "datasets": {
        "one": {"source": "s", "task": "single-label", "protocol": "nested", "folds": 1},
        "numbers": {"source": "s", "task": "regression", "protocol": "literature", "folds": 1},
    }
}
READERS = {"evaluate_epochs", "aggregate_epochs", "draw_figures", "write_report"}


def test_each_rule_chooses_its_epoch() -> None:
    epochs = pd.DataFrame(
        {"epoch": range(1, 5), "val_loss": [0.9, 0.5, 0.6, 0.7], "accuracy": [0.6, 0.7, 0.8, 0.75]},
        index=[7, 8, 9, 10],
    )
    found = choices(epochs, "accuracy", find_metric("accuracy"))
    assert (found["last_epoch"], found["last"]) == (4, 0.75)
    assert (found["validation_epoch"], found["validation"]) == (2, 0.7)
    assert (found["test_epoch"], found["test"]) == (3, 0.8)


def test_errors_are_chosen_by_the_lowest_and_without_validation_clips_nothing_is() -> None:
    epochs = pd.DataFrame({"epoch": [1, 2], "val_loss": [math.nan] * 2, "mae": [0.1, 0.3]})
    found = choices(epochs, "mae", find_metric("mae"))
    assert (found["test_epoch"], found["last_epoch"], found["validation_epoch"]) == (1, 2, None)


def test_one_row_per_run_and_fold(tmp_path: Path) -> None:
    files = []
    for dataset, column in (("one", "accuracy"), ("numbers", "ccc")):
        for fold, scores in ((1, [0.2, 0.1]), (2, [0.4, 0.5])):
            folder = tmp_path / dataset / "cnn" / "seed3" / f"fold{fold}"
            folder.mkdir(parents=True)
            table = pd.DataFrame({"fold": fold, "epoch": [1, 2], "val_loss": math.nan, column: scores})
            table.to_csv(folder / "epochs.csv", index=False)
            files.append(str(folder / "epochs.csv"))
    aggregate_epochs(files, PLAN, "accuracy", str(tmp_path / "all.csv"))
    found = pd.read_csv(tmp_path / "all.csv")
    assert found["metric"].tolist() == ["accuracy"] * 2 + ["ccc"] * 2
    assert found["test"].tolist() == [0.2, 0.5] * 2
    assert found["last"].tolist() == [0.1, 0.5] * 2
    assert (found["seed"] == 3).all() and found["validation"].isna().all()


def test_what_the_choice_adds_has_its_spread_over_seeds() -> None:
    table = pd.DataFrame({"dataset": "one", "model": "cnn", "protocol": "literature", "epochs": 4}, index=range(4))
    table["seed"], table["last"], table["test"] = [1, 1, 2, 2], [0.7, 0.9, 0.8, 0.8], [0.8, 1.0, 0.9, 0.96]
    found = rule_table(table.assign(validation=None)).iloc[0]
    assert found[["last", "test", "gain_over_last"]].tolist() == pytest.approx([0.8, 0.915, 0.115])
    assert found["last_spread"] == pytest.approx(0), "folds differ, and seeds do not"
    assert found["gain_over_last_spread"] == pytest.approx(np.std([0.1, 0.13], ddof=1))
    assert (found["epochs"], found["seeds"], found["trainings"]) == (4, 2, 4)
    assert found[["validation", "gain_over_validation"]].isna().all()
    one_seed = rule_table(table[table["seed"] == 1].assign(validation=0.7)).iloc[0]
    assert one_seed["gain_over_validation"] == pytest.approx(0.2) and math.isnan(one_seed["gain_over_last_spread"])


@pytest.mark.slow
def test_the_choice_on_test_clips_is_shown_and_reaches_nothing_that_trains_or_chooses(tiny_copy: Workflow) -> None:
    scores = tiny_copy.results / "summary" / "scores.csv"
    before = scores.read_bytes()
    predictions = tiny_copy.results / "runs" / "synthetic" / "cnn" / "seed1" / "predictions.csv"
    predicted = predictions.read_bytes()
    selection = {"datasets": ["synthetic"], "models": ["cnn"], "seeds": [1], "every_epoch": True}
    tiny_copy.overlay("epochs", benchmark=selection)
    arguments = ("--cores", "2", "--configfile", "tiny.yaml", "epochs.yaml")
    tiny_copy.run("results/summary/report.html", *arguments)
    assert predictions.read_bytes() == predicted
    table = pd.read_csv(tiny_copy.results / "summary" / "epochs.csv")
    own = pd.read_csv(scores).set_index("fold")["accuracy"]
    assert before != scores.read_bytes(), "the study has another selection"
    # The recipe keeps the epoch with the lowest validation loss, so that rule gives the score of the study.
    assert table.set_index("fold")["validation"].to_dict() == own.to_dict()
    assert (table["test"] >= table[["last", "validation"]].max(axis=1)).all()
    page = (tiny_copy.results / "summary" / "report.html").read_text()
    assert "What would a choice on the test clips have reported?" in page
    lines = tiny_copy.run("--detailed-summary", *arguments).stdout.splitlines()
    rows = [line.split("\t") for line in lines if line.startswith("results/")]
    readers = {row[2] for row in rows if any(Path(file).stem == "epochs" for file in row[4].split(","))}
    assert readers == READERS
    assert {row[2] for row in rows} >= {"train_model", "evaluate_model", "aggregate_scores"}
