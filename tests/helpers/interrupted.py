"""Helpers to interrupt a training of the real workflow: a run that is long enough to be interrupted."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import psutil

from helpers.workflow import TINY, Workflow

FOLD = "results/runs/synthetic/cnn/seed1/fold1"
TARGET = f"{FOLD}/model.safetensors"
STUDY: dict[str, Any] = TINY | {
    "benchmark": {"datasets": ["synthetic"], "models": ["cnn"], "seeds": [1]},
    "models": {"cnn": {"width": 4, "training": {"epochs": 200, "batch_size": 4, "patience": None}}},
}

Found = TypeVar("Found")


def until(condition: Callable[[], Found], what: str, seconds: float = 300) -> Found:
    """The first value of ``condition()`` that is not false."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.02)
    return found


class LongRun:
    """One training run of the workflow, in a copy of a folder where all that it needs has been made."""

    def __init__(self, prepared: Workflow, folder: Path) -> None:
        self.workflow = Workflow.of(Path(shutil.copytree(prepared.folder, folder, symlinks=True)))
        shutil.rmtree(folder / FOLD, ignore_errors=True)
        self.output = folder / "output.txt"
        self.running: subprocess.Popen[bytes] | None = None  # the last Snakemake that was started

    def start(self, *arguments: str, targets: Sequence[str] = (TARGET,)) -> subprocess.Popen[bytes]:
        """Start Snakemake in a session of its own; what it says goes to ``output.txt``."""
        command = self.workflow.command(*targets, "--configfile", "study.yaml", *arguments)
        options: dict[str, Any] = {
            "cwd": self.workflow.folder,
            "env": self.workflow.environment,
            "start_new_session": True,
        }
        with self.output.open("ab") as output:
            self.running = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, **options)
        return self.running

    def said(self) -> str:
        """Everything that Snakemake has said so far."""
        return self.output.read_text()

    def log(self) -> str:
        """The log of the latest attempt."""
        path = self.workflow.results / "logs" / "train_model" / "synthetic" / "cnn" / "seed1" / "fold1.log"
        return path.read_text() if path.exists() else ""

    def trainings(self) -> list[psutil.Process]:
        """The processes that train this run, wherever SLURM has put them."""
        found = []
        for process in psutil.process_iter():
            try:
                command = process.cmdline()
                if "python" in command[0] and command[-1].endswith("train_model.py"):
                    found += [process] if process.cwd() == str(self.workflow.folder) else []
            except (psutil.Error, IndexError):
                continue
        return found

    def caught(self) -> psutil.Process:
        """The training process, stopped in the middle of its work, with a checkpoint on disk."""
        until((self.workflow.folder / FOLD / "checkpoint.pt").exists, "a checkpoint")
        (process,) = self.trainings()
        process.send_signal(signal.SIGSTOP)
        assert not self.weights.exists(), "the training has ended before it could be interrupted"
        return process

    def end(self) -> None:
        """Leave no training process behind."""
        for process in self.trainings():
            process.kill()

    @property
    def weights(self) -> Path:
        return self.workflow.folder / TARGET

    def finish(self, running: subprocess.Popen[bytes], seconds: float = 400) -> bytes:
        """Wait until Snakemake has succeeded; the weights."""
        code = running.wait(timeout=seconds)
        assert code == 0, self.said()[-6000:]
        assert not (self.workflow.folder / FOLD / "checkpoint.pt").exists()
        return self.weights.read_bytes()
