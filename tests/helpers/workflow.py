"""Helpers to run the real workflow in a separate folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from helpers import preloaded

REPOSITORY = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("SOUNDBENCH_TEST_DATA", REPOSITORY.parent / "shared" / "data"))  # real recordings
# What is known of parsed modules, by content: see soundbench.core.module_facts. All copies of the workflow share it.
PARSED = Path(".snakemake", "soundbench-modules")
COPIED = ("Snakefile", "rules", "scripts", "envs", "config", "profiles", "slurm")


class Workflow:
    """A copy of the workflow, to run, edit and interrupt."""

    python = Path(sys.executable)

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        for name in COPIED:
            source = REPOSITORY / name
            if source.is_dir() and not source.is_symlink():
                shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(source, folder / name, follow_symlinks=False)
        (REPOSITORY / PARSED).mkdir(parents=True, exist_ok=True)
        (folder / PARSED).parent.mkdir()
        (folder / PARSED).symlink_to(REPOSITORY / PARSED)

    @classmethod
    def of(cls, folder: Path) -> Workflow:
        """The copy of the workflow that is in ``folder`` already."""
        workflow = cls.__new__(cls)
        workflow.folder = folder
        return workflow

    @property
    def results(self) -> Path:
        """The folder of everything that it makes."""
        return self.folder / "results"

    def overlay(self, name: str, **config: Any) -> str:
        """Write an overlay for ``--configfile`` and return its name."""
        path = self.folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump(config, sort_keys=False))
        return path.name

    def command(self, *arguments: str) -> list[str]:
        return [str(self.python), "-m", "snakemake", *arguments]

    @property
    def environment(self) -> dict[str, str]:
        """Without what a surrounding Snakemake or test runner set, and with no trace of a terminal."""
        return {key: value for key, value in os.environ.items() if not key.startswith(("SNAKEMAKE", "PYTEST"))}

    def run(self, *arguments: str, check: bool = True, fresh: bool = False) -> subprocess.CompletedProcess[str]:
        """Run Snakemake to its end; its output is in ``stdout``, errors too.

        Args:
            fresh: each process is a new interpreter, as for users; otherwise see :mod:`helpers.preloaded`.
        """
        command = self.command(*arguments)
        if preloaded.SERVERS and not fresh:
            command[0] = preloaded.python()
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            timeout=900,
        )
        assert not check or done.returncode == 0, done.stdout[-6000:]
        return done

    def planned(self, *arguments: str) -> dict[str, int]:
        """How many jobs of each rule a dry run plans; empty when there is nothing to do."""
        output = self.run("--dry-run", "--cores", "1", *arguments).stdout
        lines = output.partition("Job stats:")[2].splitlines()[3:]
        rows = (line.split() for line in lines)
        counts: dict[str, int] = {}
        for row in rows:
            if len(row) != 2 or row[0] == "total":
                break
            counts[row[0]] = int(row[1])
        return counts


# The smallest study that passes through every stage: two models, so that there is something to compare.
TINY: dict[str, Any] = {
    "benchmark": {"datasets": ["synthetic"], "models": ["cnn", "resnet10t"], "seeds": [1, 2]},
    "sources": {"synthetic": {"classes": 3, "recordings": 1, "takes": 2, "seconds": 0.5, "sample_rate": 16000}},
    "features": {"logmel64": {"sample_rate": 16000, "n_mels": 32}},
    "models": {
        "cnn": {"width": 4, "training": {"epochs": 2}},
        "resnet10t": {"family": "timm", "name": "resnet10t", "features": "logmel64", "training": {"epochs": 1}},
    },
}
