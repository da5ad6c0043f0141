"""SLURM's commands as shell scripts, for tests that need them to fail."""

from __future__ import annotations

from pathlib import Path

import pytest


class Commands:
    """Scripts that stand before SLURM's commands on the path."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def write(self, name: str, script: str) -> None:
        """Make ``name`` a shell script; the calls of it are in :meth:`calls`."""
        path = self.folder / name
        path.write_text(f'#!/bin/sh\necho "$*" >>"{path}.calls"\n{script}\n')
        path.chmod(0o755)

    def pass_on(self, name: str) -> None:
        """Let ``name`` be the real command again."""
        (self.folder / name).unlink()

    def calls(self, name: str) -> list[str]:
        """The arguments of each call of a command so far."""
        path = self.folder / f"{name}.calls"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """An empty folder at the head of the path."""
    found = Commands(tmp_path / "commands")
    monkeypatch.setenv("PATH", str(found.folder), prepend=":")
    return found
