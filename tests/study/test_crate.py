"""``soundbench-crate`` describes a finished study so that programs can read what it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from helpers.workflow import Workflow
from soundbench.study.crate import main


@pytest.fixture
def crate(tiny_study: Workflow, tmp_path: Path) -> Path:
    pytest.importorskip("rocrate", reason="no rocrate: pip install rocrate")
    assert main([str(tiny_study.results), str(tmp_path / "crate"), "--license", "CC-BY-4.0"]) == 0
    return tmp_path / "crate"


@pytest.mark.slow
def test_a_finished_study_becomes_a_crate(crate: Path, tiny_study: Workflow) -> None:
    graph = json.loads((crate / "ro-crate-metadata.json").read_text())["@graph"]
    entities: dict[str, dict[str, Any]] = {entity["@id"]: entity for entity in graph}
    assert entities["./"]["license"] == "CC-BY-4.0"
    assert entities["./"]["name"] == "Comparison of cnn, resnet10t on synthetic"
    parts = {part["@id"] for part in entities["./"]["hasPart"]}
    assert {"summary/leaderboard.csv", "summary/study.yaml", "summary/report.html"} <= parts
    summary = tiny_study.results / "summary"
    assert all((crate / part).read_bytes() == (tiny_study.results / part).read_bytes() for part in parts)
    assert len(parts) == sum(path.is_file() for path in summary.rglob("*"))
    assert entities["#source-synthetic"]["@type"] == "Dataset"
    action = entities["#study"]
    assert {made["@id"] for made in action["object"]} == {"summary/study.yaml", "#source-synthetic"}
    needed = entities[action["instrument"]["@id"]]["softwareRequirements"]
    assert "#software-torch" in {package["@id"] for package in needed}
    assert entities["#software-torch"]["softwareVersion"]


def test_an_unfinished_study_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), str(tmp_path)]) == 2
    message = capsys.readouterr().err
    assert "holds no finished study" in message
    assert "exists already" in message
