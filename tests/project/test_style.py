"""The linters are clean."""

from __future__ import annotations

import subprocess
import sys

import pytest
import yaml

from helpers.workflow import REPOSITORY, Workflow

TOOLS = [
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("snakefmt", "--check", "--config", "pyproject.toml", "Snakefile", "rules"),
    ("codespell_lib",),
    ("mypy",),
]


# Without its cache, mypy takes about 40 s.
COMMANDS = [
    pytest.param(tool, id=" ".join(tool), marks=[pytest.mark.slow] if tool == ("mypy",) else []) for tool in TOOLS
]


@pytest.mark.parametrize("command", COMMANDS)
def test_tree_is_clean(command: tuple[str, ...]) -> None:
    done = subprocess.run([sys.executable, "-m", *command], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_pre_commit_runs_the_same_tools_from_the_environment() -> None:
    (local,) = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text())["repos"]
    assert local["repo"] == "local"
    assert {hook["language"] for hook in local["hooks"]} == {"system"}
    entries = [hook["entry"].split() for hook in local["hooks"]]
    assert {entry[2] for entry in entries} == {command[0] for command in TOOLS}
    for entry in entries:
        assert subprocess.run([sys.executable, *entry[1:3], "--version"], capture_output=True).returncode == 0


def test_workflow_is_clean(workflow: Workflow) -> None:
    workflow.run("--lint")
