"""Real interruptions of training: killed, stopped by a signal, started twice, out of disk space."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers import preloaded
from helpers.workflow import REPOSITORY
from soundbench.core.storage import write_csv
from soundbench.training.checkpoints import stop_signals

TRAIN = """
import json, sys
from pathlib import Path
sys.path.insert(0, "")
from soundbench.core.schema import with_defaults
from soundbench.models.schema import load_schema
from soundbench.core.job_log import logged
from soundbench.features.files import FeatureFiles
from soundbench.training.inputs import Inputs
from soundbench.training.job import train_model
from soundbench.training.run import Execution, Outputs, Run
folder, out, seed = sys.argv[1:4]
schema = load_schema()
training = dict(epochs=6, batch_size=8, learning_rate=0.01, augment=dict(roll=0.1, mixup=0.3))
training = with_defaults(schema, schema["$defs"]["training"], training)
front_end = dict(front_end="logmel", scale="db", power=2, normalise="dataset")
recipe = dict(family="cnn", width=4, blocks=3, convolutions=1, dropout=0.3, training=training)
with logged(f"{folder}/run.log"):
    train_model(Run("noise", "cnn", int(seed), 1, "nested", recipe, front_end),
                Inputs(FeatureFiles(f"{folder}/features.npy", f"{folder}/index.csv"), f"{folder}/split.csv",
                       f"{folder}/measures.csv"),
                Outputs(Path(out)), Execution(1, 0.0))
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise of two classes, enough of it that training takes seconds."""
    folder = tmp_path_factory.mktemp("data")
    clips = [f"clip{number:03d}" for number in range(200)]
    np.save(folder / "features.npy", np.random.default_rng(0).normal(size=(200, 32, 64)).astype(np.float16))
    write_csv(folder / "index.csv", pd.DataFrame({"clip": clips, "row": range(200), "frames": 64}))
    roles = np.repeat(["train", "val", "test"], [160, 20, 20])
    split = pd.DataFrame({"clip": clips, "label": ["a", "b"] * 100, "group": clips, "fold1": roles})
    write_csv(folder / "split.csv", split)
    write_csv(folder / "measures.csv", pd.DataFrame({"clip": clips, "samples": clips}))
    return folder


def start(data: Path, out: Path, seed: int = 1, fresh: bool = False) -> subprocess.Popen[str]:
    """Start a training.

    Args:
        fresh: the process is a new interpreter, which can be killed and held; see :mod:`helpers.preloaded`.
    """
    python = preloaded.python() if not fresh else sys.executable
    command = [python, "-c", TRAIN, str(data), str(out), str(seed)]
    return subprocess.Popen(command, cwd=REPOSITORY / "scripts", stderr=subprocess.PIPE, text=True)


def finish(data: Path, out: Path, seed: int = 1) -> str:
    """Train to the end and return the log."""
    process = start(data, out, seed)
    errors = process.communicate(timeout=120)[1]
    assert process.returncode == 0, errors
    return (data / "run.log").read_text()


def until(condition: object, what: str) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


@pytest.fixture(scope="module")
def uninterrupted(data: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The weights of a run that nothing happened to."""
    out = tmp_path_factory.mktemp("uninterrupted") / "run"
    finish(data, out)
    assert not (out / "checkpoint.pt").exists()
    return (out / "model.safetensors").read_bytes()


@pytest.fixture
def killed(data: Path, tmp_path: Path) -> Path:
    """A run that was killed with a checkpoint on disk."""
    process = start(data, tmp_path / "run", fresh=True)
    until((tmp_path / "run" / "checkpoint.pt").exists, "no checkpoint was written")
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "run" / "model.safetensors").exists()
    return tmp_path / "run"


@pytest.mark.slow
def test_killed_run_resumes_to_the_same_bits(data: Path, killed: Path, uninterrupted: bytes) -> None:
    assert "resumed after epoch" in finish(data, killed)
    assert (killed / "model.safetensors").read_bytes() == uninterrupted
    assert not (killed / "checkpoint.pt").exists()
    assert len(pd.read_csv(killed / "history.csv")) == 6


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT, signal.SIGHUP], ids=lambda s: s.name)
def test_signal_writes_a_checkpoint_and_the_next_attempt_resumes(
    data: Path, tmp_path: Path, uninterrupted: bytes, number: signal.Signals
) -> None:
    if signal.getsignal(number) is signal.SIG_IGN:
        pytest.skip(f"{number.name} is ignored by these tests, as under nohup")
    out = tmp_path / "run"
    process = start(data, out)
    until((out / "checkpoint.pt").exists, "no checkpoint was written")
    written = (out / "checkpoint.pt").stat().st_mtime_ns
    process.send_signal(number)
    log = process.communicate(timeout=60)[1]
    assert process.returncode == 128 + signal.SIGTERM
    assert "was stopped by a signal" in log
    assert (out / "checkpoint.pt").stat().st_mtime_ns > written
    finish(data, out)
    assert (out / "model.safetensors").read_bytes() == uninterrupted


def test_sighup_stays_ignored_under_nohup() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stop_signals() as stopping:
            signal.raise_signal(signal.SIGHUP)
            assert not stopping()
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.slow
def test_damaged_checkpoint_is_discarded_with_a_warning(data: Path, killed: Path, uninterrupted: bytes) -> None:
    checkpoint = killed / "checkpoint.pt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:-1000])
    log = finish(data, killed)
    assert "discarded the checkpoint" in log
    assert "it is damaged (its SHA-256" in log
    assert "resumed" not in log
    assert (killed / "model.safetensors").read_bytes() == uninterrupted


@pytest.mark.slow
@pytest.mark.parametrize("change", ["seed", "data"])
def test_checkpoint_of_another_run_is_discarded(data: Path, killed: Path, tmp_path: Path, change: str) -> None:
    if change == "data":
        moved = tmp_path / "data"
        moved.mkdir()
        for file in data.iterdir():
            (moved / file.name).write_bytes(file.read_bytes())
        array = np.load(moved / "features.npy")
        array[0] += 1
        np.save(moved / "features.npy", array)
        log = finish(moved, killed)
    else:
        log = finish(data, killed, seed=2)
    assert "another seed, other data or other code" in log
    assert "resumed" not in log


@pytest.mark.slow
def test_two_processes_never_write_one_run(data: Path, tmp_path: Path, uninterrupted: bytes) -> None:
    """The second waits for the orphan, says so, and takes what it has finished."""
    orphan = start(data, tmp_path / "run", fresh=True)
    until((tmp_path / "run" / "checkpoint.pt").exists, "no checkpoint was written")
    orphan.send_signal(signal.SIGSTOP)
    successor = start(data, tmp_path / "run")
    waiting = "another process is training this run; waiting"
    assert any(waiting in line for line in iter(successor.stderr.readline, ""))
    orphan.send_signal(signal.SIGCONT)
    successor.communicate(timeout=60)
    assert "was already finished by an earlier process" in (data / "run.log").read_text()
    assert (orphan.wait(), successor.returncode) == (0, 0)
    assert (tmp_path / "run" / "model.safetensors").read_bytes() == uninterrupted


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few hundred kilobytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = (
        os.geteuid() == 0
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", disk], capture_output=True
        ).returncode
    )
    if not mounted:
        pytest.skip("no small file system: mounting one needs root")
    yield disk
    subprocess.run(["umount", disk], check=True)


@pytest.mark.slow
def test_full_disk_is_a_clear_error_and_earlier_files_remain(data: Path, small_disk: Path) -> None:
    out = small_disk / "run"
    out.mkdir()
    (out / "history.csv").write_text("before")
    free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_bsize
    (small_disk / "filler").write_bytes(b"x" * (free - 12_000))
    process = start(data, out)
    log = process.communicate(timeout=60)[1]
    assert process.returncode == 1
    assert "the disk is full" in log
    assert "Traceback" not in log
    assert (out / "history.csv").read_text() == "before"
    assert not list(out.glob(".*.pt"))
