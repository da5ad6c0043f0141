"""The workflow as a module of another one: its own configuration, from another folder, twice with other folders."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pandas as pd
import pytest

from helpers.workflow import TINY, Workflow

SNAKEFILE = """
configfile: "studies.yaml"

module first:
    snakefile: "../workflow/Snakefile"
    config: config["first"]

use rule * from first as first_*

module second:
    snakefile: "../workflow/Snakefile"
    config: config["second"]
    pathvars:
        results="two",
        resources="two/sources",

use rule * from second as second_*

rule all:
    default_target: True
    input:
        rules.first_all.input,
        rules.second_all.input,
"""


@pytest.fixture
def outer(workflow: Workflow) -> Workflow:
    """A workflow that uses this one twice."""
    outer = Workflow.of(workflow.folder.with_name("outer"))
    outer.folder.mkdir()
    (outer.folder / "Snakefile").write_text(SNAKEFILE)
    first = TINY | {"pathvars": {"results": "one", "resources": "one/sources"}}
    second = TINY | {"benchmark": {"datasets": ["synthetic"], "models": ["cnn"], "seeds": [3]}}
    outer.overlay("studies", first=first, second=second)
    return outer


def split(folder: Path, seed: int) -> pd.DataFrame:
    return pd.read_csv(folder / "splits" / "synthetic" / f"seed{seed}.csv")


@pytest.mark.slow
def test_another_workflow_uses_this_one_twice(outer: Workflow) -> None:
    planned = outer.planned()
    assert planned["first_train_model"] == 2 * 5  # two seeds, five folds
    assert planned["first_train_folds_5"] == 2  # of the small model
    assert planned["second_train_model"] == 5
    targets = ("one/splits/synthetic/seed1.csv", "two/splits/synthetic/seed3.csv")
    outer.run("--cores", "2", *targets)
    assert len(split(outer.folder / "one", 1)) == len(split(outer.folder / "two", 3)) == 3 * 5 * 2
    assert not (outer.folder / "results").exists()


def test_command_line_holds_numbers_and_no_line_about_extended_files(workflow: Workflow) -> None:
    given = "models={cnn: {training: {epochs: 7, learning_rate: 1e-3}}, resnet18: {training: {epochs: '8'}}}"
    done = workflow.run("--dry-run", "--cores", "1", "--config", given, "benchmark={seeds: [4]}")
    assert "extended" not in done.stdout
    assert "seed=4" in done.stdout
    assert "seed=1" not in done.stdout


@pytest.mark.slow
def test_study_runs_from_another_folder(workflow: Workflow, tmp_path: Path) -> None:
    """The library is read from beside the Snakefile, wherever Snakemake was started."""
    command = workflow.command("--snakefile", str(workflow.folder / "Snakefile"), "--dry-run", "--cores", "1")
    done = subprocess.run(command, cwd=tmp_path, env=workflow.environment, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert "train_model" in done.stdout + done.stderr


def test_jobs_import_the_modules_beside_the_workflow(
    workflow: Workflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not those of an installed package, which may be another version and lacks modules that a user has added."""
    other = tmp_path / "other" / "soundbench" / "__init__.py"
    other.parent.mkdir(parents=True)
    other.write_text("raise ImportError('this is another version')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "other"))
    study = workflow.overlay("tiny", **TINY)
    workflow.run("results/clips/synthetic.csv", "--cores", "1", "--configfile", study, fresh=True)
    assert (workflow.results / "clips" / "synthetic.csv").is_file()
