"""A repository of this workflow with a tag, at an address of GitHub that git finds on this machine."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from helpers.workflow import REPOSITORY, Workflow

TAG = "v0"
NAME = "someone/soundbench"
ADDRESS = f"https://github.com/{NAME}"


def write_repository(folder: Path) -> None:
    """Write the repository below ``folder``: this workflow in a tag, and no working tree."""
    files = Workflow(folder / "files").folder
    for name in ("LICENSE", "README.md", "pyproject.toml"):
        shutil.copy(REPOSITORY / name, files)
    git = ["git", "-c", "user.name=test", "-c", "user.email=test@example.org", "-C", str(files)]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "all"], ["tag", TAG]):
        subprocess.run([*git, *command], check=True, capture_output=True)
    (folder / NAME).parent.mkdir()
    subprocess.run(["git", "clone", "-q", "--bare", files, folder / NAME], check=True)


def redirect_github(folder: Path, cache: Path, patch: pytest.MonkeyPatch) -> None:
    """Let git read from ``folder`` what has an address of GitHub, and let Snakemake keep it in ``cache``."""
    patch.setenv("GIT_CONFIG_COUNT", "1")
    patch.setenv("GIT_CONFIG_KEY_0", f"url.{folder}/.insteadOf")
    patch.setenv("GIT_CONFIG_VALUE_0", "https://github.com/")
    patch.setenv("XDG_CACHE_HOME", str(cache))
