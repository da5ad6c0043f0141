"""The resources of jobs follow the number of clips and the attempt."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from helpers.library import configuration
from helpers.workflow import REPOSITORY
from soundbench.core.integrity import DIGEST
from soundbench.core.storage import write_csv
from soundbench.study.augmentation import AugmentationInputs
from soundbench.study.data import DataInputs
from soundbench.study.features import FeatureInputs
from soundbench.study.prediction import PredictionInputs
from soundbench.study.resources import ROW, by_clips
from soundbench.study.study import Study
from soundbench.study.training import TrainingInputs


def test_many_clips_and_later_attempts_ask_for_more(tmp_path: Path) -> None:
    table = tmp_path / "index.csv"
    memory = by_clips(2000, 10, "index")
    assert memory(None, {"index": table}, 1) == 2000  # the table is not made yet
    rows = range(10_000)
    write_csv(
        table, pd.DataFrame({"clip": [f"clip-{row}" for row in rows], "row": rows, "frames": 101, DIGEST: "0" * 16})
    )
    assert memory(None, {"index": table}, 2) == 2 * (2000 + 10 * (table.stat().st_size // ROW["index"] // 1000))
    assert 2050 <= memory(None, {"index": table}, 1) <= 2200


def test_a_shard_asks_for_its_part(tmp_path: Path) -> None:
    tables = [tmp_path / f"{number}.csv" for number in range(2)]
    for table in tables:
        table.write_bytes(b"-" * ROW["clips"] * 20_000)
    minutes = by_clips(60, 10)
    assert minutes(SimpleNamespace(source="mine"), {"clips": str(tables[0])}, 1) == 60 + 10 * 20
    assert minutes(SimpleNamespace(source="mine", shard="3of4"), {"clips": str(tables[0])}, 2) == 2 * (60 + 10 * 5)
    assert minutes(SimpleNamespace(source="mine"), {"clips": tables}, 1) == 60 + 10 * 40, "the files of all shards"


def test_indexing_counts_the_recordings_of_the_user(tmp_path: Path) -> None:
    for number in range(2000):
        (tmp_path / f"{number}.wav").touch()
    inputs = DataInputs(Study(configuration(sources={"mine": {"reader": "folder", "root": str(tmp_path)}})))
    assert inputs.by_recordings(SimpleNamespace(source="mine"), 60, 1) == 62
    assert inputs.by_recordings(SimpleNamespace(source="mine", shard="1of2"), 60, 1) == 61
    assert inputs.by_recordings(SimpleNamespace(source="synthetic"), 60, 1) == 60


def test_prediction_counts_the_recordings_in_folders(tmp_path: Path) -> None:
    for number in range(2000):
        (tmp_path / f"{number}.wav").touch()
    entry = {"recordings": [str(tmp_path), str(tmp_path / "1.wav")], "model": {"dataset": "synthetic", "model": "cnn"}}
    inputs = PredictionInputs(Study(configuration(predict={"new": entry})))
    assert inputs.by_recordings(SimpleNamespace(prediction="new"), 60, 10) == 80


def test_every_job_asks_for_more_memory_and_time_with_each_attempt() -> None:
    """And none with data asks for the same, whatever the number of clips is."""
    rules = "\n".join(path.read_text() for path in (REPOSITORY / "rules").glob("*.smk"))
    asked = re.findall(r"(?:mem_mb|runtime)=(.*),", rules)
    assert len(asked) > 30
    assert [each for each in asked if not re.search(r"by_clips|by_recordings|(?:halving|epochs)_runtime", each)] == []


@pytest.mark.parametrize(("trials", "whole"), [(4, 2), (27, 3)])
def test_halved_trials_ask_for_the_time_of_the_trainings_that_they_amount_to(trials: int, whole: int) -> None:
    tune = {"trials": trials, "halving": 3, "search": {"dropout": {"uniform": [0, 0.5]}}}
    settings = configuration(benchmark={"datasets": ["synthetic"], "models": ["cnn"]}, models={"cnn": {"tune": tune}})
    study = Study(settings)
    training = TrainingInputs(study, FeatureInputs(study, AugmentationInputs(study)))
    minutes = training.halving_runtime(SimpleNamespace(model="cnn"), {"measures": "missing.csv"}, 2)
    assert minutes == 2 * 60 * whole


@pytest.mark.parametrize(("interval", "kept"), [(True, 200), (10, 20)])
def test_more_epochs_ask_for_more_time_to_be_evaluated(interval: bool | int, kept: int) -> None:
    benchmark = {"datasets": ["synthetic"], "models": ["cnn"], "every_epoch": interval}
    study = Study(configuration(benchmark=benchmark, models={"cnn": {"training": {"epochs": 200}}}))
    training = TrainingInputs(study, FeatureInputs(study, AugmentationInputs(study)))
    assert training.epochs_runtime(SimpleNamespace(model="cnn"), {"index": "missing.csv"}, 1) == 60 + kept
