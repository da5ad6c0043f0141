"""Tasks other than one label per clip, with the real workflow: from a table of clips to the report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from helpers.shared import made_once
from helpers.tones import write_tones
from helpers.workflow import Workflow
from soundbench.core.storage import read_clip_table, read_json

pytestmark = pytest.mark.slow


def study(folder: Path, view: dict[str, Any]) -> Workflow:
    """A finished study of tones, with two models."""
    workflow = Workflow(folder)
    table = write_tones(folder / "tones")
    training = {"epochs": 8, "batch_size": 4, "learning_rate": 0.01}
    overlay = {
        "benchmark": {"datasets": ["tones"], "models": ["cnn", "brief"], "seeds": [1]},
        "sources": {"tones": {"reader": "csv", "root": str(table)}},
        "datasets": {"tones": {"source": "tones", **view}},
        "features": {"logmel64": {"sample_rate": 16000, "n_mels": 32}},
        "models": {
            "cnn": {"width": 8, "training": training},
            "brief": {"family": "cnn", "features": "logmel64", "width": 4, "training": {"epochs": 1}},
        },
    }
    workflow.run("--cores", "2", "--configfile", workflow.overlay("tones", **overlay))
    return workflow


@pytest.fixture(scope="module")
def tagged(tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    split = {"scheme": "kfold", "folds": 3, "protocol": "nested"}
    made = made_once(
        tmp_path_factory, "tagged", lambda folder: study(folder, {"task": "multi-label", "split": split}) and None
    )
    return Workflow.of(made)


def test_several_labels_reach_the_leaderboard(tagged: Workflow) -> None:
    board = pd.read_csv(tagged.results / "summary" / "leaderboard.csv").set_index("model")
    assert board["rank"].to_dict() == {"cnn": 1, "brief": 2}
    assert board.loc["cnn", "mean"] > 0.8  # guessing scores about 0.57
    predictions = read_clip_table(tagged.results / "runs" / "tones" / "cnn" / "seed1" / "predictions.csv")
    assert list(predictions) == ["clip", "fold", "label", "predicted", "high", "low", "middle"]
    run = read_json(tagged.results / "runs" / "tones" / "cnn" / "seed1" / "metrics.json")
    assert board.loc["cnn", "mean"] == pytest.approx(run["scores"]["map"], abs=1e-4)


def test_thresholds_come_from_validation_clips(tagged: Workflow) -> None:
    folder = tagged.results / "runs" / "tones" / "cnn" / "seed1"
    thresholds = [read_json(folder / f"fold{fold}" / "model.json")["fitted"]["threshold"] for fold in (1, 2, 3)]
    assert len(set(thresholds)) > 1
    predictions = read_clip_table(folder / "predictions.csv")
    for row in predictions.to_dict("records"):
        chosen = [label for label in ("high", "low", "middle") if row[label] >= thresholds[row["fold"] - 1]]
        assert row["predicted"].split(";") == (chosen or [""])


def test_the_report_names_the_metric_and_the_prevalence(tagged: Workflow) -> None:
    page = (tagged.results / "summary" / "report.html").read_text()
    assert "Ranked by <strong>mean average precision</strong>" in page
    assert "one constant answer" in page
