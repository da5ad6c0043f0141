"""``soundbench-crate`` describes a finished study so that programs can read what it is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

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
    assert len(parts) == sum(path.is_file() and not path.name.startswith(".") for path in summary.rglob("*"))
    assert entities["#source-synthetic"]["@type"] == "Dataset"
    action = entities["#study"]
    assert {made["@id"] for made in action["object"]} == {"summary/study.yaml", "#source-synthetic"}
    needed = entities[action["instrument"]["@id"]]["softwareRequirements"]
    assert "#software-torch" in {package["@id"] for package in needed}
    assert entities["#software-torch"]["softwareVersion"]


def packed(study: Path, results: Path, to: Path) -> dict[str, dict[str, Any]]:
    """The entities of the crate of a study whose configuration is in the file ``study``."""
    pytest.importorskip("rocrate", reason="no rocrate: pip install rocrate")
    shutil.copy(study, results / "summary" / "study.yaml")
    assert main([str(results), str(to)]) == 0
    graph = json.loads((to / "ro-crate-metadata.json").read_text())["@graph"]
    return {entity["@id"]: entity for entity in graph}


def test_what_earlier_configurations_left_is_not_in_the_crate(tmp_path: Path) -> None:
    source = {"synthetic": {"reader": "folder", "root": "/no/longer/there"}}
    study: dict[str, Any] = {
        "benchmark": {"datasets": ["synthetic"], "models": ["cnn"], "seeds": [1]},
        "sources": source,
        "datasets": {"synthetic": {"limit": {"train": [6, "all"]}}},
        "report": {"missing": "show"},
    }
    (tmp_path / "now.yaml").write_text(yaml.safe_dump(study))
    (tmp_path / "robust.yaml").write_text(yaml.safe_dump(study | {"robustness": {"noise": [10]}}))
    results = tmp_path / "results"
    own = {"leaderboard.csv", "leaderboard.tex", "report.html", "report.rst", "study.yaml", "figures/scores.svg"}
    left = {"robustness.csv", "transfer.csv", "notes.csv", "old/variants.html", "figures/.snakemake_timestamp"}
    for name in own | left:
        (results / "summary" / name).parent.mkdir(parents=True, exist_ok=True)
        (results / "summary" / name).touch()
    rows = [f"{dataset},cnn,1" for dataset in ("synthetic", "synthetic-train6")]
    (results / "summary" / "scores.csv").write_text("\n".join(["dataset,model,seed", *rows, "synthetic,cnn,2"]))
    for model, version in (("cnn", "2.9"), ("alexnet", "1.0")):
        record = results / "runs" / "synthetic" / model / "seed1" / "metrics.json"
        record.parent.mkdir(parents=True)
        record.write_text(json.dumps({"packages": {"torch": version}}))

    entities = packed(tmp_path / "now.yaml", results, tmp_path / "crate")
    parts = {part["@id"] for part in entities["./"]["hasPart"]}
    assert parts == {f"summary/{name}" for name in {*own, "scores.csv"}}
    assert entities["#software-torch"]["softwareVersion"] == "2.9"
    assert "#source-synthetic" in entities
    assert "summary/robustness.csv" in packed(tmp_path / "robust.yaml", results, tmp_path / "robust")


def test_an_unfinished_study_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), str(tmp_path)]) == 2
    message = capsys.readouterr().err
    assert "holds no finished study" in message
    assert "exists already" in message
