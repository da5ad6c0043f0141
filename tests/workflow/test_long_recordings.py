"""Events in long recordings, as a table names them, pass through the whole workflow without a copy of their audio."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from helpers.workflow import Workflow
from soundbench.core.storage import read_clip_table
from soundbench.data.audio import read_mono

pytestmark = pytest.mark.slow

RATE = 16000  # Hz
PITCHES = {"low": 300, "high": 3000}  # Hz
RUN = {"dataset": "events", "model": "cnn", "seed": 1}


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Six recordings of 4 s with two tones of each kind, and the table of these events, which overlap by 0.1 s."""
    rows = []
    for number in range(6):
        sound = np.random.default_rng(number).normal(0, 0.01, 4 * RATE)
        for place, label in enumerate([*PITCHES, *PITCHES]):
            time = np.arange(RATE // 2) / RATE
            sound[(place * RATE) : (place * RATE) + RATE // 2] += 0.3 * np.sin(2 * np.pi * PITCHES[label] * time)
            rows.append((f"day {number}.flac", label, f"{place - 0.1 * (place > 0):.2f}", f"{place + 1}"))
        soundfile.write(tmp_path / f"day {number}.flac", sound, RATE)
    pd.DataFrame(rows, columns=["path", "label", "begin", "until"]).to_csv(tmp_path / "events.csv", index=False)
    return tmp_path / "events.csv"


def test_events_train_and_are_predicted(workflow: Workflow, table: Path) -> None:
    (table.parent / "new.csv").write_text("path,label,start,end\nday 0.flac,high,1,2\nday 0.flac,low,2,3\n")
    overlay = workflow.overlay(
        "events",
        sources={"events": {"reader": "csv", "root": str(table), "start": "begin", "end": "until"}},
        datasets={
            "events": {
                "source": "events",
                "augment": [{"variants": ["pitchUp2"]}],
                "split": {"scheme": "kfold", "folds": 2, "protocol": "literature"},
            }
        },
        benchmark={"datasets": ["events"], "models": ["cnn"], "seeds": [1]},
        models={"cnn": {"width": 4, "training": {"epochs": 6, "learning_rate": 0.01}}},
        robustness={"noise": [20]},
        predict={"new": {"recordings": [str(table.parent / "new.csv")], "model": RUN}},
    )
    targets = ("results/explore/events/listen.html", "results/summary/leaderboard.csv", "robustness", "predict")
    workflow.run(*targets, "--cores", "2", "--configfile", overlay)
    results = workflow.results
    clips = read_clip_table(results / "clips" / "events.csv").set_index("clip")
    assert {"day_0@0.000-1.000", "day_5@2.900-4.000"} <= set(clips.index)
    assert clips["group"].nunique() == 6
    findings = pd.read_csv(results / "audit" / "events.csv")
    assert not findings["check"].isin(["duplicate", "overlapping parts"]).any()

    split = read_clip_table(results / "splits" / "events" / "seed1.csv")
    assert split.groupby("group")["fold1"].nunique().max() == 1, "the events of a recording are on one side"
    copies = read_clip_table(results / "augmented" / "events" / "pitchUp2.csv").set_index("clip")
    assert copies.at["day_0@0.900-2.000", "file"] == "day_0@0.900-2.000_pitchUp2.flac"
    assert len(read_mono(workflow.folder / copies.at["day_0@0.900-2.000", "path"])[0]) == round(1.1 * RATE)

    predictions = read_clip_table(results / "runs" / "events" / "cnn" / "seed1" / "predictions.csv")
    scores = predictions.set_index(["fold", "label"])["high"].groupby(level=["fold", "label"])
    assert (scores.min().xs("high", level="label") > scores.max().xs("low", level="label")).all(), "tones are easy"
    assert (results / "summary" / "robustness.csv").is_file()
    new = pd.read_csv(results / "predictions" / "new" / "predictions.csv")
    assert list(new["file"].str.rpartition("/")[2]) == ["day 0.flac#t=1,2", "day 0.flac#t=2,3"]
    assert list(new["end"]) == [1, 1], "frames beyond the end of a part are not predicted"
    assert not list(results.rglob("day*0.900-2.000.*")), "no audio of the events themselves is written"
