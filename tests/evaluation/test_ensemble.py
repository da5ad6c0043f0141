"""Ensembles: the mean of predictions of other runs, with the sum of their costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from helpers.simulated import Study
from soundbench.core.errors import InputError
from soundbench.core.storage import read_clip_table, read_json, write_csv, write_json
from soundbench.evaluation.breakdowns import cost_table, read_records
from soundbench.evaluation.ensemble import RunFiles, average, evaluate_ensemble
from soundbench.evaluation.summary import Inputs, Outputs, aggregate_scores
from soundbench.tasks.multi_label import MultiLabel
from soundbench.tasks.single_label import SingleLabel

TASK = SingleLabel(["a", "b"])


def evaluated(study: Study, name: str = "both", mean: str = "probabilities", seed: int = 1) -> Path:
    """The folder of the run of an ensemble of the models of a simulated study."""
    folder = study.root / "runs" / "one" / name / f"seed{seed}"
    folders = [study.root / "runs" / "one" / model / f"seed{seed}" for model in study.models]
    members = [RunFiles(str(run / "predictions.csv"), str(run / "metrics.json")) for run in folders]
    outputs = RunFiles(str(folder / "predictions.csv"), str(folder / "metrics.json"))
    evaluate_ensemble(members, study.splits()[0], model=name, seed=seed, mean=mean, outputs=outputs)
    return folder


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return Study(tmp_path_factory.mktemp("study"), seeds=(1,)).write()


def test_probabilities_are_averaged_clip_by_clip(study: Study) -> None:
    poor = study.root / "runs" / "one" / "poor" / "seed1" / "predictions.csv"
    write_csv(poor, read_clip_table(poor).iloc[::-1])  # members may list clips in another order
    found = read_clip_table(evaluated(study) / "predictions.csv").set_index("clip")
    members = [read_clip_table(path).set_index("clip") for path in study.files("predictions.csv")]
    expected = (members[0][study.labels] + members[1].loc[members[0].index, study.labels]) / 2
    assert np.allclose(found[study.labels], expected, rtol=1e-6, atol=0)
    assert found["predicted"].equals(expected.idxmax(axis=1).rename("predicted"))
    assert list(found.columns) == list(members[0].columns)
    assert found["fold"].equals(members[0]["fold"])


def test_means_of_logits_are_normalised_geometric_means() -> None:
    values = np.array([[[0.9, 0.1], [1.0, 0.0]], [[0.5, 0.5], [0.2, 0.8]]])
    found = average(TASK, values, "logits")
    assert found[0] == pytest.approx([0.75, 0.25])  # sqrt(0.9 * 0.5) : sqrt(0.1 * 0.5)
    assert found[1, 0] == pytest.approx(np.sqrt(0.2) / (np.sqrt(0.2) + np.sqrt(0.8e-6)))
    assert average(TASK, values, "probabilities")[0] == pytest.approx([0.7, 0.3])


def write_tagged(folder: Path, thresholds: list[float] | None) -> RunFiles:
    """A run of several labels on two folds, with the thresholds of each; without them, as an older version wrote it."""
    task = MultiLabel(["a", "b"])
    clips = pd.DataFrame({"clip": list("wxyz"), "fold": [2, 1, 1, 2], "label": ["a", "a;b", "", "b"]})
    files = RunFiles(str(folder / "predictions.csv"), str(folder / "metrics.json"))
    table = task.table(clips, np.array([[0.45, 0.1], [0.32, 0.4], [0.2, 0.1], [0.3, 0.6]]))
    write_csv(files.predictions, table)
    costs = dict.fromkeys(("epochs", "train_seconds", "cpu_seconds", "megabytes"), 1)
    folds = [costs | {"fold": fold, "device": "cpu"} for fold in (1, 2)]
    for fold, threshold in zip(folds, thresholds or (), strict=False):
        fold["fitted"] = {"thresholds": [threshold, threshold]}
    record = dict.fromkeys(("dataset", "protocol", "model", "code", "packages"), "") | {"labels": task.labels}
    record |= dict.fromkeys(("seed", "parameters", "model_bytes", "predict_seconds", "predict_megabytes"), 1)
    write_json(files.metrics, record | {"task": task.name, "folds": folds})
    write_csv(folder / "split.csv", clips[["clip", "label"]].assign(group=clips["clip"], fold1="test"))
    return files


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([0.2, 0.35], [0.4, 0.65], ["", "a;b", "", "b"]),  # 0.3 in fold 1 and 0.5 in fold 2
        ([0.2, 0.35], None, ["a", "b", "", "b"]),  # 0.35 and 0.425
        (None, None, ["", "", "", "b"]),
    ],
)
def test_each_fold_is_decided_by_the_mean_threshold_of_its_members(
    tmp_path: Path, first: list[float] | None, second: list[float] | None, expected: list[str]
) -> None:
    members = [write_tagged(tmp_path / name, levels) for name, levels in (("first", first), ("second", second))]
    outputs = RunFiles(str(tmp_path / "predictions.csv"), str(tmp_path / "metrics.json"))
    split = str(tmp_path / "first" / "split.csv")
    evaluate_ensemble(members, split, model="both", seed=1, mean="probabilities", outputs=outputs)
    found = read_clip_table(outputs.predictions)
    assert found["clip"].tolist() == list("wxyz")
    assert found["predicted"].tolist() == expected
    task = MultiLabel(["a", "b"])
    assert read_json(outputs.metrics)["scores"] == pytest.approx(task.scores(found))


def test_costs_are_the_sum_of_the_members_costs(study: Study) -> None:
    record = read_json(evaluated(study, "sum") / "metrics.json")
    members = [read_json(path) for path in study.files("metrics.json")]
    assert record["members"] == [{"model": "good", "seed": 1}, {"model": "poor", "seed": 1}]
    for key in ("parameters", "model_bytes", "predict_seconds"):
        assert record[key] == pytest.approx(sum(member[key] for member in members))
    for number, fold in enumerate(record["folds"]):
        parts = [member["folds"][number] for member in members]
        assert (fold["fold"], fold["clips"]) == (parts[0]["fold"], parts[0]["clips"])
        assert fold["megabytes"] == max(part["megabytes"] for part in parts)
        for key in ("epochs", "train_seconds", "cpu_seconds"):
            assert fold[key] == pytest.approx(sum(part[key] for part in parts))


def test_seconds_of_members_on_a_cpu_are_no_gpu_time(tmp_path: Path) -> None:
    study = Study(tmp_path, seeds=(1,)).write()
    member = tmp_path / "runs" / "one" / "good" / "seed1" / "metrics.json"
    record = read_json(member)
    write_json(member, record | {"folds": [fold | {"device": "NVIDIA H200"} for fold in record["folds"]]})
    found = read_records([str(member), str(evaluated(study) / "metrics.json")])
    costs = cost_table(found, study.plan | {"models": ["good", "both"]}).set_index("model")
    assert costs["device"]["both"] == "NVIDIA H200, cpu (test)"
    assert costs["train_seconds"].to_dict() == {"good": 2.0, "both": 4.0}
    assert costs["train_gpu_seconds"].to_dict() == {"good": 2.0, "both": 2.0}


def test_the_leaderboard_ranks_an_ensemble_among_the_models(tmp_path: Path) -> None:
    study = Study(tmp_path, models={"first": 1.0, "second": 1.0}).write()
    for seed in study.seeds:
        evaluated(study, seed=seed)
    plan = study.plan | {"models": [*study.models, "both"]}
    folders = [*study.runs(), *(tmp_path / "runs" / "one" / "both" / f"seed{seed}" for seed in study.seeds)]
    written = {name: str(tmp_path / f"{name}.csv") for name in ("scores", "leaderboard", "spread", "beside")}
    written |= {"markdown": str(tmp_path / "a.md"), "latex": str(tmp_path / "a.tex")}
    inputs = Inputs(
        [str(folder / "metrics.json") for folder in folders],
        [str(folder / "predictions.csv") for folder in folders],
        study.splits(),
    )
    aggregate_scores(inputs, plan, "accuracy", [], Outputs(**written))
    ranks = pd.read_csv(written["leaderboard"]).set_index("model")["rank"]
    assert ranks["both"] == 1
    assert "gpu_seconds" not in set(pd.read_csv(written["spread"])["metric"])


@pytest.mark.parametrize("change", ["fold", "clip", "label"])
def test_members_that_do_not_fit_are_named(tmp_path: Path, change: str) -> None:
    study = Study(tmp_path, seeds=(1,)).write()
    folder = tmp_path / "runs" / "one" / "poor" / "seed1"
    table = read_clip_table(folder / "predictions.csv")
    record: dict[str, Any] = read_json(folder / "metrics.json")
    if change == "fold":
        table.loc[0, "fold"] += 1
    elif change == "clip":
        table = table.iloc[1:]
    else:
        record["labels"] = record["labels"][::-1]
    write_csv(folder / "predictions.csv", table)
    write_json(folder / "metrics.json", record)
    with pytest.raises(
        InputError, match=r"poor/seed1/predictions\.csv: has other (labels|clips, or other folds,) than"
    ):
        evaluated(study)
    assert not (tmp_path / "runs" / "one" / "both" / "seed1" / "predictions.csv").exists()
