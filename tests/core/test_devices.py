"""The threads of a process, and the choice between several GPUs, tested without a GPU."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
import torch
import yaml
from threadpoolctl import threadpool_info

from helpers.workflow import REPOSITORY, Workflow
from soundbench.core import devices
from soundbench.core.devices import choose_device, compute_on_one_thread, prepare_process, take_free
from soundbench.core.errors import InputError

PROFILES = ("gpu", "slurm")
TAKE = """
import sys
from pathlib import Path
from soundbench.core.devices import take_free
print(take_free(sys.argv[2].split(","), Path(sys.argv[1])), flush=True)
sys.stdin.read()  # until the process is killed, or the test ends
"""


def taker(folder: Path, names: str = "0,1") -> subprocess.Popen[str]:
    command = [sys.executable, "-c", TAKE, str(folder), names]
    options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=REPOSITORY / "scripts", **options)


@pytest.mark.slow
def test_processes_spread_over_the_gpus_and_a_dead_one_leaves_its_gpu(tmp_path: Path) -> None:
    takers = []
    try:
        for gpu in ("0", "1", "0", "1", "0"):  # more processes than GPUs: shared evenly, not waited for
            takers.append(taker(tmp_path))
            assert takers[-1].stdout.readline() == f"{gpu}\n"
        takers[1].send_signal(signal.SIGKILL)
        takers[1].wait()
        takers.append(taker(tmp_path))
        assert takers[-1].stdout.readline() == "1\n"
    finally:
        for process in takers:
            process.kill()
        said = [process.communicate()[1] for process in takers]
    warned = ["all GPUs (0, 1) are in use; this job shares" in text for text in said]
    assert warned == [False, False, True, True, True, False]


def test_trainings_share_no_gpu_because_of_evaluations(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Evaluations take the GPUs without a training, each another one, and no training sees a difference."""
    jobs = {"evaluation": False, "training": True}
    started = ["evaluation", "evaluation", "training", "evaluation", "training"]
    assert [take_free(["0", "1"], tmp_path, jobs[job]) for job in started] == ["0", "1", "0", "1", "1"]
    assert not caplog.messages
    assert take_free(["0", "1"], tmp_path, reserve=False) == "0"  # both have a training, and 1 has two evaluations
    assert not caplog.messages
    assert take_free(["0", "1"], tmp_path) == "0"
    assert caplog.messages == ["all GPUs (0, 1) are in use; this job shares 0"]


@pytest.mark.parametrize("reserve", [True, False])
def test_only_what_takes_long_reserves_a_gpu(
    tmp_path: Path, no_cuda: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, reserve: bool
) -> None:
    no_cuda.setattr(tempfile, "tempdir", str(tmp_path))
    no_cuda.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    no_cuda.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device(reserve).type == "cuda"
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "0"
    assert choose_device().type == "cuda"
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "0"  # the same, for the functions that a job calls
    (folder,) = tmp_path.iterdir()
    assert take_free(["0"], folder) == "0"
    assert bool(caplog.messages) == reserve
    choose_device.cache_clear()


@pytest.fixture
def no_cuda(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine without CUDA, on which no variable names a GPU."""
    for name in ("CUDA_VISIBLE_DEVICES", "SLURM_STEP_GPUS", "SLURM_JOB_GPUS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    choose_device.cache_clear()
    return monkeypatch


def test_one_gpu_is_not_locked(tmp_path: Path, no_cuda: pytest.MonkeyPatch) -> None:
    no_cuda.setenv("TMPDIR", str(tmp_path))
    no_cuda.setenv("CUDA_VISIBLE_DEVICES", "3")
    no_cuda.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device().type == "cuda"
    assert not list(tmp_path.iterdir())
    choose_device.cache_clear()


@pytest.mark.parametrize("variable", ["CUDA_VISIBLE_DEVICES", "SLURM_STEP_GPUS", "SLURM_JOB_GPUS"])
def test_gpu_that_was_given_and_cannot_be_used_is_an_error(no_cuda: pytest.MonkeyPatch, variable: str) -> None:
    no_cuda.setenv(variable, "0")
    no_cuda.setattr(devices, "driver_version", lambda: "NVRM version: 470.57")
    no_cuda.setattr(torch.version, "cuda", "12.6")
    with pytest.raises(InputError) as raised:
        choose_device()
    message = str(raised.value)
    assert f"{variable}=0" in message
    assert "CUDA 12.6" in message
    assert "NVRM version: 470.57" in message
    assert "device: cpu" in message


@pytest.mark.parametrize("hidden", [None, "", "-1"])
def test_without_a_gpu_the_cpu_is_taken(no_cuda: pytest.MonkeyPatch, hidden: str | None) -> None:
    if hidden is not None:
        no_cuda.setenv("CUDA_VISIBLE_DEVICES", hidden)
        no_cuda.setenv("SLURM_JOB_GPUS", "0")
    assert choose_device().type == "cpu"


def test_device_cpu_hides_a_gpu_that_was_given(no_cuda: pytest.MonkeyPatch) -> None:
    no_cuda.setenv("CUDA_VISIBLE_DEVICES", "0")
    prepare_process(1, torch.get_num_threads(), "cpu")
    assert choose_device().type == "cpu"


def test_processes_that_work_side_by_side_have_one_thread_each() -> None:
    with ProcessPoolExecutor(1, get_context("spawn"), initializer=compute_on_one_thread) as pool:
        libraries = pool.submit(threadpool_info).result()  # among them the one that NumPy computes with
        assert pool.submit(torch.get_num_threads).result() == 1
    assert {library["num_threads"] for library in libraries} == {1}


@pytest.mark.slow
def test_deterministic_algorithms_need_no_compiler() -> None:
    code = """
import sys, torch
from soundbench.core.devices import prepare_process
prepare_process(seed=1, threads=1)
algorithms = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
assert algorithms == (True, True)
assert "torch._dynamo" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY / "scripts", check=True)


def test_profiles_send_training_and_large_models_to_gpus(workflow: Workflow) -> None:
    gpu, slurm = (yaml.safe_load((REPOSITORY / "profiles" / name / "config.yaml").read_text()) for name in PROFILES)
    assert gpu["resources"] == {"gpu": 1}
    assert gpu["set-resources"].keys() == slurm["set-resources"].keys()
    overlay = workflow.overlay("study", benchmark={"datasets": ["synthetic"], "models": ["cnn", "ast"], "seeds": [1]})
    planned = workflow.run("--profile", "profiles/gpu", "-n", "--cores", "8", "--configfile", overlay).stdout
    assert planned.count("gpu=1") == 10 + 1  # training of both, evaluation of ast
    large = re.search(r"rule evaluate_large_model:\n.*?gpu=1", planned, re.S).group()
    assert "runs/synthetic/ast/" in large
    assert "runs/synthetic/cnn/" not in large
