"""What one training job trains, by the study, the machine and the command."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from helpers.library import configuration
from soundbench.study import paths
from soundbench.study.study import Study
from soundbench.study.training_jobs import TrainingJobs, training_jobs

MANY = {"datasets": ["synthetic"], "models": ["cnn", "resnet18", "svm"], "seeds": [1, 2]}


def jobs(
    cores: int | None = 2, nodes: int | None = None, arguments: tuple[str, ...] = (), **changes: Any
) -> dict[str, TrainingJobs]:
    """The rules that train models, by name."""
    profile = changes.pop("profile", {})
    settings = SimpleNamespace(cores=cores, nodes=nodes, overwrite_resources=profile)
    study = Study(configuration(**{"benchmark": MANY} | changes))
    return {found.rule: found for found in training_jobs(study, settings, ["snakemake", *arguments])}


def test_one_job_trains_all_folds_of_small_models() -> None:
    found = jobs()
    assert found["train_folds_5"].models == ["cnn", "svm"]
    assert found["train_folds_5"].datasets == ["synthetic"]
    assert "resnet18" in found["train_model"].models
    assert not {"cnn", "svm"} & set(found["train_model"].models)


def test_every_data_set_has_one_rule_for_small_models() -> None:
    datasets = configuration()["datasets"]
    found = jobs(benchmark=MANY | {"datasets": ["synthetic", "emodb"]})
    assert list(found) == ["train_model", "train_folds_5", "train_folds_10", "train_model_elsewhere"]
    small = [each for name, each in found.items() if name != "train_model"]
    assert sorted(name for each in small for name in each.datasets) == sorted(datasets)
    assert found["train_folds_10"].datasets == ["emodb"]
    assert found["train_model_elsewhere"].folds == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"cores": 3},  # four runs would leave a core idle at the end
        {"cores": None},  # nothing runs, as in a report
        {"nodes": 10},  # a cluster
        {"profile": {"train_model": {"gpu": 1}}},
        {"arguments": ("--forcerun", "train_model")},
        {"arguments": ("--set-resources=train_model:checkpoint_seconds=0",)},
        {"arguments": ("results/runs/synthetic/cnn/seed1/fold1/model.safetensors",)},
        {"models": {"cnn": {"small": False}}},  # two runs of svm alone
    ],
)
def test_each_fold_has_a_job_where_that_is_faster_or_asked_for(changes: dict[str, Any]) -> None:
    found = jobs(**changes)
    assert list(found) == ["train_model"]
    assert {"cnn", "svm", "resnet18"} <= set(found["train_model"].models)


def test_trials_are_runs_too() -> None:
    tune = {"trials": 3, "search": {"training.learning_rate": {"log": [0.001, 0.1]}}}
    selected = MANY | {"models": ["cnn"], "seeds": [1]}
    found = jobs(cores=1, benchmark=selected, models={"cnn": {"tune": tune}})
    assert found["train_folds_5"].models == ["cnn/trial1", "cnn/trial2", "cnn/trial3"]
    assert list(jobs(cores=1, benchmark=selected)) == ["train_model"]  # a single run


def test_members_of_ensembles_are_runs_too() -> None:
    selected = MANY | {"models": ["svm", "ridges"]}
    found = jobs(benchmark=selected)
    assert found["train_folds_5"].models == ["svm", "ridge", "ridge-texture", "ridge-rocket"]


def test_files_and_logs_of_a_job() -> None:
    one, all_folds = jobs()["train_model"], jobs()["train_folds_5"]
    assert one.files(paths.MODEL) == [paths.MODEL]
    assert all_folds.files(paths.MODEL) == paths.fill(paths.MODEL, fold=[1, 2, 3, 4, 5])
    assert one.log == "<logs>/train_model/{dataset}/{model}/seed{seed}/fold{fold}.log"
    assert all_folds.log == "<logs>/train_model/{dataset}/{model}/seed{seed}.log"
