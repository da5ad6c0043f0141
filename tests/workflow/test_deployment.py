"""The ways in which Snakemake deploys and reports a workflow."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from helpers import standin_conda
from helpers.deployment import ADDRESS, NAME, TAG, redirect_github, write_repository
from helpers.shared import made_once
from helpers.workflow import REPOSITORY, TINY, Workflow
from soundbench.core.errors import InputError
from soundbench.core.provenance import check_installed_version
from soundbench.core.storage import read_json

# A workflow that uses this one; the line with its address is filled in.
SNAKEFILE = """
configfile: "config/config.yaml"

module soundbench:
    snakefile:
        {address}
    config:
        config

use rule * from soundbench
"""
SELECTION = {"datasets": ["synthetic"], "models": ["cnn"], "seeds": [5]}
SPLIT = "results/splits/synthetic/seed5.csv"
STANDIN_APPTAINER = """#!/bin/sh
if [ "$1" = --version ]; then echo apptainer version 1.3.4; exit; fi
echo "$*" | head -1 >> {calls}
while [ "${{1%.sif}}" = "$1" ]; do shift; done
shift
exec "$@"
"""
# What pip needs in an environment to build the package from the repository.
BUILD_WITHOUT_NETWORK = {
    "STANDIN_CONDA_ALSO": "pip hatchling packaging pathspec pluggy trove-classifiers",
    "PIP_NO_BUILD_ISOLATION": "0",  # pip reads this as: no isolation
    "PIP_NO_INDEX": "1",
}


@pytest.fixture
def repository(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The repository with the tag, which git finds at its address."""
    folder = made_once(tmp_path_factory, "repository", write_repository)
    redirect_github(folder, tmp_path / "cache", monkeypatch)
    return folder / NAME


def write_study(folder: Path, address: str) -> Workflow:
    """A study that uses this workflow as a module."""
    study = Workflow.of(folder)
    (folder / "config").mkdir(parents=True)
    (folder / "Snakefile").write_text(SNAKEFILE.format(address=address))
    study.overlay("config/config", **TINY | {"benchmark": SELECTION})
    return study


def test_a_module_from_a_clone_of_a_tag_is_planned(repository: Path, tmp_path: Path) -> None:
    command = ["git", "-c", "advice.detachedHead=false", "clone", "-q", "--branch", TAG, repository]
    subprocess.run([*command, tmp_path / "study" / "soundbench"], check=True)
    assert write_study(tmp_path / "study", '"soundbench/Snakefile"').planned()["train_model"] == 5


@pytest.mark.slow
def test_a_module_from_the_address_of_a_tag_runs_its_package(
    repository: Path, installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a checkout: planning uses the package beside Snakemake, and jobs use that of the tag."""
    monkeypatch.setenv("PATH", str(standin_conda.install(tmp_path / "conda")), prepend=":")
    for name, value in BUILD_WITHOUT_NETWORK.items():
        monkeypatch.setenv(name, value)
    study = write_study(tmp_path / "study", f'github("{NAME}", path="Snakefile", tag="{TAG}")')
    study.python = installed.parents[2] / "bin" / "python"
    study.run(SPLIT, "--cores", "2", "--sdm", "conda", fresh=True)
    assert (study.folder / SPLIT).is_file()
    environments = list(study.folder.glob(".snakemake/conda/*/lib/python*/site-packages"))
    origins = [read_json(path) for folder in environments for path in folder.glob("soundbench-*/direct_url.json")]
    tagged = subprocess.run(["git", "-C", repository, "rev-parse", TAG], capture_output=True, text=True, check=True)
    found = [(origin["url"], origin["vcs_info"]["commit_id"]) for origin in origins]
    assert found == [(ADDRESS, tagged.stdout.strip())] * len(environments)
    assert {path.name for path in study.folder.iterdir()} <= {"Snakefile", "config", "results", ".snakemake"}


def test_the_installed_package_has_the_version_of_the_workflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda _: "0.1.0")
    project = tmp_path / "pyproject.toml"
    project.write_text('[project]\nversion = "0.1.0"\n')
    check_installed_version(project)
    project.write_text('[project]\nversion = "0.2.0"\n')
    with pytest.raises(InputError, match=r"soundbench 0\.1\.0 is installed, but this workflow needs version 0\.2\.0"):
        check_installed_version(project)


def test_snakedeploy_deploys_a_tag(repository: Path, tmp_path: Path) -> None:
    program = shutil.which("snakedeploy")
    if not program:
        pytest.skip("no snakedeploy: pip install snakedeploy")
    command = [program, "deploy-workflow", ADDRESS, tmp_path / "study", "--tag", TAG]
    subprocess.run(command, check=True, capture_output=True)
    assert f'github("{NAME}", path="Snakefile", tag="{TAG}")' in (tmp_path / "study/workflow/Snakefile").read_text()
    assert {"LICENSE", "config", "profiles", "workflow"} <= {path.name for path in (tmp_path / "study").iterdir()}


def test_results_can_be_in_a_storage(workflow: Workflow, tmp_path: Path) -> None:
    pytest.importorskip(
        "snakemake_storage_plugin_fs", reason="no storage plugin: pip install snakemake-storage-plugin-fs"
    )
    storage = ("--default-storage-provider", "fs", "--default-storage-prefix", str(tmp_path / "storage"))
    assert workflow.planned(*storage)["train_folds_5"] > 0


@pytest.mark.slow
def test_jobs_run_in_the_configured_image(workflow: Workflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a stand-in for Apptainer, which notes its arguments and runs the command outside of any image."""
    image, calls, program = (tmp_path / name for name in ("own.sif", "calls", "apptainer"))
    image.touch()
    program.write_text(STANDIN_APPTAINER.format(calls=calls))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{Path(sys.executable).parent}", prepend=":")
    table = "results/clips/synthetic.csv"
    workflow.run(table, "--cores", "2", "--sdm", "apptainer", "--config", f"container={image}")
    assert (workflow.folder / table).is_file()
    assert [f" {image} " in call for call in calls.read_text().splitlines()] == [True, True]  # fetched and indexed


def test_the_catalogue_gets_what_it_asks_for() -> None:
    usage = yaml.safe_load((REPOSITORY / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    assert usage["software-stack-deployment"]["conda"] is True
    assert usage["report"] is True
    assert (REPOSITORY / "config" / "README.md").is_file()


@pytest.mark.slow
def test_the_report_is_written_after_the_run(tiny_copy: Workflow) -> None:
    (tiny_copy.results / "summary" / "leaderboard.csv").unlink()
    options = ("--report", "report.html", "--report-after-run")
    done = tiny_copy.run("--cores", "2", *options, "--configfile", "tiny.yaml")
    assert "aggregate_scores" in done.stdout
    assert "leaderboard" in (tiny_copy.folder / "report.html").read_text()
