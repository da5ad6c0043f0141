"""From predictions to the scores of a run, and from trained folds to predictions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers.library import front_end, training
from helpers.runs import RUN
from helpers.simulated import Study
from helpers.workflow import Workflow
from soundbench.core.storage import read_clip_table, read_json, write_csv
from soundbench.evaluation import folds
from soundbench.evaluation.folds import evaluate_model
from soundbench.features.files import FeatureFiles
from soundbench.tasks.single_label import SingleLabel, group_scores
from soundbench.training.inputs import Inputs
from soundbench.training.job import train_model
from soundbench.training.run import Execution, Outputs

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


def test_folds_side_by_side_have_the_same_results(made_up: Path) -> None:
    clips = read_clip_table(made_up / "literature.csv").drop(columns="fold1")
    parts = np.arange(len(clips)) * 4 // len(clips)
    roles = {f"fold{number + 1}": np.where(parts == number, "test", "train") for number in range(4)}
    split, measures = str(made_up / "split.csv"), str(made_up / "measures.csv")
    write_csv(split, clips.assign(**roles))
    features = FeatureFiles(str(made_up / "features.npy"), str(made_up / "index.csv"))
    recipe = RUN.recipe | {"width": 16, "training": training(epochs=1, batch_size=8)}
    mels = front_end(front_end="logmel", sample_rate=16000, n_fft=512, hop_length=256, n_mels=16)
    folders = [str(made_up / name) for name in roles]
    for number, folder in enumerate(folders):
        run = replace(RUN, fold=number + 1, protocol="literature", recipe=recipe, front_end=mels, source="made-up")
        train_model(run, Inputs(features, split, measures), Outputs(Path(folder)), Execution(1, 60))
    found = []
    for threads in (1, 3):
        to = made_up / f"threads{threads}"
        to.mkdir()
        files = {name: str(to / name) for name in ("predictions", "metrics", "explanations")}
        evaluate_model(folders, features, split, threads, folds.Outputs(**files))
        scores = {key: value for key, value in read_json(to / "metrics").items() if not key.startswith("predict_")}
        found.append(((to / "predictions").read_bytes(), (to / "explanations").read_bytes(), scores))
    assert found[0] == found[1]
    table = read_clip_table(made_up / "threads3" / "predictions")
    assert table["clip"].tolist() == clips["clip"].tolist()
    probabilities = table[found[0][2]["labels"]]
    assert not probabilities.equals(probabilities.round(6)), "all digits of float32 are written"


@pytest.mark.slow
def test_scores_of_a_real_run_follow_from_its_predictions(tiny_study: Workflow) -> None:
    run = tiny_study.results / "runs" / "synthetic" / "cnn" / "seed1"
    metrics, table = read_json(run / "metrics.json"), read_clip_table(run / "predictions.csv")
    groups = read_clip_table(tiny_study.results / "splits" / "synthetic" / "seed1.csv").set_index("clip")["group"]
    task = SingleLabel(metrics["labels"])
    assert metrics["confusion"] == task.details(table, groups)["confusion"]
    assert metrics["scores"] == pytest.approx(task.scores(table), abs=1e-6)
    assert metrics["predict_seconds"] > 0
    assert metrics["model_bytes"] == (run / "fold1" / "model.safetensors").stat().st_size
    assert [fold["fold"] for fold in metrics["folds"]] == [1, 2, 3, 4, 5]
