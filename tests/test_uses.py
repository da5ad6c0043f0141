"""Export, robustness and transfer in one small study, by the real workflow."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

from modelcards import run_card
from soundbench.storage import read_clip_table
from workflow import Workflow

OTHER = {"reader": "synthetic", "seed": 7, "classes": 3, "recordings": 1, "takes": 2, "seconds": 0.7}


@pytest.mark.slow
def test_trained_models_are_exported_and_tested_with_noise_and_elsewhere(tiny_copy: Workflow, tmp_path: Path) -> None:
    run = {"dataset": "synthetic", "model": "cnn"}
    overlay = tiny_copy.overlay(
        "uses",
        robustness={"models": ["cnn"], "noise": [0], "speed": [1.1]},
        sources={"other": OTHER},
        datasets={"other": {"source": "other", "split": {"scheme": "official", "protocol": "nested"}}},
        transfer={
            "elsewhere": {"from": run, "to": "other"},
            "home": {"from": run, "to": "synthetic", "clips": "test"},
        },
    )
    exported = "results/exported/synthetic/cnn"
    done = tiny_copy.run(exported, "robustness", "transfer", "--cores", "2", "--configfile", "tiny.yaml", overlay)
    assert "rule train_model" not in done.stdout

    shutil.copytree(tiny_copy.folder / exported, shared := tmp_path / "shared")
    for file in shared.iterdir():
        assert str(tiny_copy.folder).encode() not in file.read_bytes(), file
        assert str(Path.home()).encode() not in file.read_bytes() or str(Path.home()) == "/", file
    clips = read_clip_table(tiny_copy.results / "clips" / "synthetic.csv")
    shutil.copyfile(tiny_copy.folder / clips["path"].iloc[0], shared / "sound.wav")
    printed = run_card(shared)
    assert set(re.findall(r"^(\w+): 0\.", printed, flags=re.MULTILINE)) == {"alarm", "bird", "clock"}

    board = pd.read_csv(tiny_copy.results / "summary" / "leaderboard.csv").set_index("model")
    card = (shared / "README.md").read_text()
    entry = board.loc["cnn"]
    assert f"{100 * entry['interval_low']:.1f} to {100 * entry['interval_high']:.1f}" in card

    curves = pd.read_csv(tiny_copy.results / "summary" / "robustness.csv")
    assert curves["kind"].tolist() == ["unchanged", "noise", "speed"]
    assert curves["accuracy"].iloc[0] == pytest.approx(entry["mean"])
    assert not list((tiny_copy.results / "robustness" / "synthetic").glob("*.npy"))

    moved = pd.read_csv(tiny_copy.results / "summary" / "transfer.csv").set_index(["transfer", "tested_on"])
    assert moved.loc[("elsewhere", "other"), "clips"] == 30
    # On its own data set a model is tested on what it has not heard: its own test clips.
    scores = pd.read_csv(tiny_copy.results / "transfer" / "home" / "scores.csv")
    assert set(scores["clips"]) == {6}
    at_home = moved.xs("home")
    assert at_home["accuracy"].nunique() == 1
    assert at_home["accuracy"].iloc[0] == pytest.approx(entry["mean"])
