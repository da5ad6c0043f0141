"""The ways in which Snakemake deploys and reports a workflow."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from helpers.workflow import REPOSITORY, Workflow

TAG = "v0"


@pytest.fixture
def tagged(workflow: Workflow) -> Path:
    """A git repository with this workflow in a tag, and nothing in its working tree."""
    shutil.copy(REPOSITORY / "LICENSE", workflow.folder)
    git = ["git", "-c", "user.name=test", "-c", "user.email=test@example.org", "-C", str(workflow.folder)]
    for command in (
        ["init", "-q"],
        ["add", "-A"],
        ["commit", "-q", "-m", "all"],
        ["tag", TAG],
        ["rm", "-r", "-q", "."],
    ):
        subprocess.run([*git, *command], check=True, capture_output=True)
    return workflow.folder


def clone(repository: Path, folder: Path) -> None:
    command = ["git", "-c", "advice.detachedHead=false", "clone", "-q", "--branch", TAG, str(repository), str(folder)]
    subprocess.run(command, check=True)


def deployed_study(folder: Path, models: list[str]) -> dict[str, int]:
    """The jobs that a deployed workflow plans, with models that its configuration names."""
    study = Workflow.of(folder)
    study.overlay("config/config", benchmark={"datasets": ["synthetic"], "models": models, "seeds": [5]})
    return study.planned()


def test_a_module_from_a_tag_is_planned(tagged: Path, tmp_path: Path) -> None:
    clone(tagged, tmp_path / "study" / "soundbench")
    (tmp_path / "study" / "config").mkdir()
    (tmp_path / "study" / "Snakefile").write_text(
        'configfile: "config/config.yaml"\n'
        "module soundbench:\n    snakefile:\n"
        '        "soundbench/Snakefile"\n'
        "    config:\n        config\n"
        "use rule * from soundbench\n"
    )
    assert deployed_study(tmp_path / "study", ["cnn"])["train_model"] == 5


def test_snakedeploy_deploys_a_tag(tagged: Path, tmp_path: Path) -> None:
    """It names the Snakefile of a local repository relative to that repository, so the path is completed."""
    program = shutil.which("snakedeploy")
    if not program:
        pytest.skip("no snakedeploy: pip install snakedeploy")
    clone(tagged, tmp_path / "soundbench")
    command = [program, "deploy-workflow", str(tmp_path / "soundbench"), str(tmp_path / "study"), "--tag", TAG]
    subprocess.run(command, check=True, capture_output=True)
    snakefile = tmp_path / "study" / "workflow" / "Snakefile"
    written = snakefile.read_text()
    assert '"Snakefile"' in written
    snakefile.write_text(written.replace('"Snakefile"', '"../../soundbench/Snakefile"'))
    assert {"LICENSE", "config", "profiles", "workflow"} <= {path.name for path in (tmp_path / "study").iterdir()}
    assert deployed_study(tmp_path / "study", ["cnn"])["train_model"] == 5


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
