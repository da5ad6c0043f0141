"""The linters are clean."""

from __future__ import annotations

import subprocess
import sys

import pytest

from helpers.workflow import REPOSITORY, Workflow


@pytest.mark.parametrize(
    "command",
    [
        ("ruff", "check", "."),
        ("ruff", "format", "--check", "."),
        ("snakefmt", "--check", "--config", "pyproject.toml", "Snakefile", "rules"),
        ("codespell_lib",),
    ],
    ids=" ".join,
)
def test_tree_is_clean(command: tuple[str, ...]) -> None:
    done = subprocess.run([sys.executable, "-m", *command], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_workflow_is_clean(workflow: Workflow) -> None:
    workflow.run("--lint")
