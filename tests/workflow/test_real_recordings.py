"""Real recordings through the real workflow: ESC-10, from the clip table to the leaderboard."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from helpers.workflow import Workflow

pytestmark = pytest.mark.slow


def test_esc10_reaches_the_leaderboard_in_both_protocols(workflow: Workflow, esc10_root: Path) -> None:
    overlay = workflow.overlay(
        "own",
        sources={"esc50": {"root": str(esc10_root)}},
        benchmark={"datasets": ["esc10", "esc10-literature"], "models": ["cnn"], "seeds": [1]},
        models={"cnn": {"width": 8, "training": {"epochs": 6, "learning_rate": 0.01}}},
    )
    workflow.run("--cores", "2", "--configfile", overlay)
    clips = pd.read_csv(workflow.results / "clips" / "esc50.csv")
    assert len(clips) == 400
    assert clips["group"].nunique() < 400
    for dataset, roles in (("esc10", [240, 80, 80]), ("esc10-literature", [320, 0, 80])):
        split = pd.read_csv(workflow.results / "splits" / dataset / "seed1.csv")
        for fold in range(1, 6):
            assert [int((split[f"fold{fold}"] == role).sum()) for role in ("train", "val", "test")] == roles
    board = pd.read_csv(workflow.results / "summary" / "leaderboard.csv").set_index("dataset")
    assert board["protocol"].to_dict() == {"esc10": "nested", "esc10-literature": "literature"}
    assert (board["mean"] > 0.5).all(), board  # chance is 0.1; six epochs of a narrow network reach about 0.7
    assert ((board["interval_low"] < board["mean"]) & (board["mean"] < board["interval_high"])).all()
