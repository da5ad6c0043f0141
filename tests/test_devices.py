"""Which of several GPUs a job takes, tried without any."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import torch
import yaml

from soundbench.devices import choose_device
from workflow import REPOSITORY, Workflow

TAKE = """
import sys, time
from pathlib import Path
from soundbench.devices import take_free
print(take_free(sys.argv[2].split(","), Path(sys.argv[1])), flush=True)
time.sleep(60)
"""


def taker(folder: Path, names: str = "0,1") -> subprocess.Popen[str]:
    command = [sys.executable, "-c", TAKE, str(folder), names]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=REPOSITORY / "scripts", **options)


def test_each_process_takes_a_gpu_of_its_own_and_a_dead_one_leaves_its_gpu(tmp_path: Path) -> None:
    first = taker(tmp_path)
    assert first.stdout.readline() == "0\n"
    second, third = taker(tmp_path), None
    try:
        assert second.stdout.readline() == "1\n"
        third = taker(tmp_path)
        assert third.stdout.readline() in ("0\n", "1\n")  # more processes than GPUs: shared, not waited for
        first.send_signal(signal.SIGKILL)
        first.wait()
        third.kill()
        third.wait()
        assert "all of the GPUs 0, 1 are taken; sharing" in third.stderr.read()
        third = taker(tmp_path)
        assert third.stdout.readline() == "0\n"
    finally:
        for process in (first, second, third):
            process.kill()
            process.communicate()


def test_one_gpu_or_none_is_not_locked(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    choose_device.cache_clear()
    assert choose_device().type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert not list(tmp_path.iterdir())


def test_gpu_profile_runs_as_many_training_jobs_as_there_are_gpus(workflow: Workflow) -> None:
    profile = yaml.safe_load((REPOSITORY / "profiles" / "gpu" / "config.yaml").read_text())
    assert profile["resources"] == {"gpu": 1}
    planned = workflow.run("--profile", "profiles/gpu", "-n", "--cores", "8").stdout
    assert planned.count("gpu=1") == 40 + 8  # training, evaluation
