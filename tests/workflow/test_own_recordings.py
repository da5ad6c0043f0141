"""A user's recordings reach the leaderboard with a few lines of configuration and no Python."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from helpers.workflow import Workflow

pytestmark = pytest.mark.slow

PITCHES = {"low": 200, "middle": 800, "high": 3000, "very high": 5000}  # Hz


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """Tones in sub-folders, of many lengths, rates and formats, and a table of the same with groups."""
    rng, rows, root = np.random.default_rng(0), [], tmp_path / "recordings"
    for label, pitch in PITCHES.items():
        (root / label).mkdir(parents=True)
        for number in range(12):
            rate = (16000, 22050, 48000)[number % 3]
            time = np.arange(int(rate * rng.uniform(0.2, 0.7))) / rate
            tone = np.sin(2 * np.pi * pitch * rng.uniform(0.9, 1.1) * time) + rng.normal(0, 0.1, time.shape)
            name = f"{label}/{number}.{('wav', 'flac', 'ogg')[number % 3]}"
            soundfile.write(root / name, 0.3 * np.stack([tone] * (1 + number % 2), axis=1), rate)
            rows.append((name, label, f"device {number // 2}"))
    pd.DataFrame(rows, columns=["path", "label", "group"]).to_csv(root / "clips.csv", index=False)
    return root


def test_folder_in_an_archive_and_table_reach_the_leaderboard(workflow: Workflow, recordings: Path) -> None:
    shutil.make_archive(str(recordings), "zip", recordings.parent, recordings.name)
    overlay = workflow.overlay(
        "own",
        sources={
            "packed": {"reader": "folder", "root": f"{recordings}.zip"},
            "listed": {"reader": "csv", "root": str(recordings / "clips.csv")},
        },
        datasets={
            "packed": {
                "source": "packed",
                "drop": ["middle"],
                "merge": {"rest": ["low", "high"]},
                "split": {"scheme": "holdout", "protocol": "nested"},
            },
            "listed": {
                "source": "listed",
                "limit": {"train": 16, "test": 8},
                "split": {"scheme": "kfold", "folds": 2, "protocol": "literature"},
            },
        },
        benchmark={"datasets": ["packed", "listed"], "models": ["cnn"], "seeds": [1]},
        models={"cnn": {"width": 4, "training": {"epochs": 1}}},
    )
    workflow.run("results/summary/leaderboard.csv", "--cores", "2", "--configfile", overlay)
    scores = pd.read_csv(workflow.results / "summary" / "scores.csv")
    assert scores.groupby("dataset")["fold"].nunique().to_dict() == {"listed": 2, "packed": 1}
    assert set(scores.loc[scores["dataset"] == "listed", "clips"]) == {8}
    board = pd.read_csv(workflow.results / "summary" / "leaderboard.csv").set_index("dataset")
    assert (board["interval_low"] <= board["mean"]).all()
    labels = {
        name: set(pd.read_csv(workflow.results / "runs" / name / "cnn" / "seed1" / "predictions.csv")["label"])
        for name in board.index
    }
    assert labels == {"packed": {"rest", "very high"}, "listed": set(PITCHES)}
    assert pd.read_csv(workflow.results / "splits" / "listed" / "seed1.csv")["group"].nunique() == 6


def test_a_clip_that_is_added_or_overwritten_in_place_is_noticed(workflow: Workflow, recordings: Path) -> None:
    sources = {
        "mine": {"reader": "folder", "root": str(recordings)},
        "listed": {"reader": "csv", "root": str(recordings / "clips.csv")},
    }
    overlay = workflow.overlay("own", sources=sources)
    arguments = ("results/clips/mine.csv", "results/clips/listed.csv", "--cores", "1", "--configfile", overlay)
    workflow.run(*arguments)
    assert len(pd.read_csv(workflow.results / "clips" / "mine.csv")) == 48
    assert workflow.planned(*arguments) == {}
    shutil.copy(recordings / "low" / "0.wav", recordings / "low" / "new.wav")
    assert workflow.planned(*arguments) == {"index_clips": 1}
    soundfile.write(recordings / "low" / "0.wav", np.zeros(16000), 16000)
    assert workflow.planned(*arguments) == {"index_clips": 2}
