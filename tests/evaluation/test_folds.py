"""From predictions to the scores of a run, and from trained folds to predictions."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from helpers.simulated import Study
from helpers.workflow import Workflow
from soundbench.core.storage import read_clip_table, read_json
from soundbench.tasks.single_label import SingleLabel, group_scores

LABELS = ["a", "b"]


def predictions(*rows: tuple[str, str, float]) -> pd.DataFrame:
    """Clip, truth and the probability of ``a``."""
    table = pd.DataFrame(rows, columns=["clip", "label", "a"])
    return table.assign(b=1 - table["a"], predicted=table["a"].ge(0.5).map({True: "a", False: "b"}))


def test_scores_of_a_run_by_hand() -> None:
    table = predictions(("1", "a", 0.9), ("2", "a", 0.4), ("3", "b", 0.2), ("4", "b", 0.1))
    task = SingleLabel(LABELS)
    run = task.details(table, pd.Series("g", index=["1", "2", "3", "4"]))
    assert task.scores(table)["accuracy"] == 0.75
    assert run["confusion"] == [[1, 1], [0, 2]]
    assert run["classes"][0] == {
        "label": "a",
        "precision": 1.0,
        "recall": 0.5,
        "f1": pytest.approx(2 / 3),
        "support": 2,
    }
    assert sum(part["clips"] for part in run["calibration"]) == 4
    assert "top3" not in task.scores(table)


def test_top_three_accuracy_is_reported_for_many_classes(tmp_path: Path) -> None:
    study = Study(tmp_path, classes=11, seeds=(1,), models={"m": 2.0}).write()
    found = SingleLabel(study.labels).scores(read_clip_table(study.files("predictions.csv")[0]))
    assert found["accuracy"] < found["top3"] <= 1


def test_recordings_of_one_class_are_no_people() -> None:
    table = predictions(("1", "a", 0.9), ("2", "a", 0.4), ("3", "b", 0.2), ("4", "b", 0.1))
    recordings = pd.Series(["r1", "r1", "r2", "r2"], index=["1", "2", "3", "4"])
    assert group_scores(table, recordings) == []
    speakers = pd.Series(["s1", "s2", "s1", "s2"], index=["1", "2", "3", "4"])
    assert group_scores(table, speakers) == [
        {"group": "s1", "clips": 2, "accuracy": 1.0, "uar": 1.0},
        {"group": "s2", "clips": 2, "accuracy": 0.5, "uar": 0.5},
    ]


@pytest.mark.slow
def test_scores_of_a_real_run_follow_from_its_predictions(tiny_study: Workflow) -> None:
    run = tiny_study.results / "runs" / "synthetic" / "cnn" / "seed1"
    metrics, table = read_json(run / "metrics.json"), read_clip_table(run / "predictions.csv")
    groups = read_clip_table(tiny_study.results / "splits" / "synthetic" / "seed1.csv").set_index("clip")["group"]
    task = SingleLabel(metrics["labels"])
    assert metrics["confusion"] == task.details(table, groups)["confusion"]
    assert metrics["scores"] == pytest.approx(task.scores(table), abs=1e-4)  # the table's probabilities are rounded
    assert metrics["predict_seconds"] > 0
    assert metrics["model_bytes"] == (run / "fold1" / "model.safetensors").stat().st_size
    assert [fold["fold"] for fold in metrics["folds"]] == [1, 2, 3, 4, 5]
