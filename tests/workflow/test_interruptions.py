"""Real interruptions of the workflow on this machine; tests/slurm/test_slurm.py has those on a cluster."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from helpers.interrupted import STUDY, TARGET, LongRun, until
from helpers.workflow import TINY, Workflow

pytestmark = pytest.mark.slow

ARGUMENTS = ("--cores", "1", "--set-resources", "train_model:checkpoint_seconds=0")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=lambda number: number.name)
def test_retry_of_an_interrupted_training_resumes_to_the_same_bits(
    long_run: LongRun, uninterrupted: bytes, number: signal.Signals
) -> None:
    running = long_run.start(*ARGUMENTS, "--retries", "1")
    process = long_run.caught()
    process.send_signal(number)
    process.send_signal(signal.SIGCONT)
    assert long_run.finish(running) == uninterrupted
    assert "resumed after epoch" in long_run.log()


def test_power_cut_then_unlock_and_the_same_command(long_run: LongRun, uninterrupted: bytes) -> None:
    running = long_run.start(*ARGUMENTS)
    process = long_run.caught()
    os.killpg(running.pid, signal.SIGKILL)
    process.kill()
    running.wait()
    assert long_run.start(*ARGUMENTS).wait(timeout=120) != 0
    assert "likely caused by a kill signal or a power loss" in long_run.said()
    assert "can be removed with the --unlock argument" in long_run.said()
    long_run.workflow.run("--unlock", "--configfile", "study.yaml")
    assert long_run.finish(long_run.start(*ARGUMENTS)) == uninterrupted
    assert "resumed after epoch" in long_run.log()


def test_jobs_of_a_killed_snakemake_continue_and_the_next_start_waits_for_them(
    long_run: LongRun, uninterrupted: bytes
) -> None:
    running = long_run.start(*ARGUMENTS)
    orphan = long_run.caught()
    running.kill()
    running.wait()
    long_run.workflow.run("--unlock", "--configfile", "study.yaml")
    running = long_run.start(*ARGUMENTS)
    until(lambda: "another process is training this run; waiting" in long_run.said(), "word of the orphan")
    assert len(long_run.trainings()) == 2
    orphan.send_signal(signal.SIGCONT)
    assert long_run.finish(running) == uninterrupted
    assert "was already finished by an earlier process" in long_run.log()


def test_orphan_that_has_ended_leaves_its_model_to_the_next_start(long_run: LongRun, uninterrupted: bytes) -> None:
    """Snakemake deletes what it did not see finished; the model is not trained again."""
    running = long_run.start(*ARGUMENTS)
    orphan = long_run.caught()
    running.kill()
    running.wait()
    orphan.send_signal(signal.SIGCONT)
    until(lambda: not long_run.trainings(), "the end of the orphan")
    long_run.workflow.run("--unlock", "--configfile", "study.yaml")
    assert long_run.finish(long_run.start(*ARGUMENTS)) == uninterrupted
    assert "was already finished by an earlier process" in long_run.log()
    assert "epoch" not in long_run.log()


def test_job_of_several_folds_goes_on_in_the_fold_that_was_interrupted(long_run: LongRun, uninterrupted: bytes) -> None:
    long_run.workflow.overlay("study", **STUDY | {"benchmark": STUDY["benchmark"] | {"seeds": [1, 2]}})
    run = long_run.weights.parents[1]
    often = ("--set-resources", "train_folds_5:checkpoint_seconds=0")
    target = f"{run.relative_to(long_run.workflow.folder)}/predictions.csv"
    running = long_run.start("--cores", "1", "--retries", "1", *often, targets=(target,))
    until((run / "fold2" / "checkpoint.pt").exists, "a checkpoint of the second fold")
    (process,) = long_run.trainings()
    process.terminate()
    assert running.wait(timeout=400) == 0, long_run.said()[-6000:]
    log = (long_run.workflow.results / "logs" / "train_model" / "synthetic" / "cnn" / "seed1.log").read_text()
    assert "fold1] was already finished by an earlier process" in log
    assert "fold2] resumed after epoch" in log
    assert "fold1] epoch" not in log
    assert long_run.weights.read_bytes() == uninterrupted


def test_keep_going_finishes_what_can_be_finished(workflow: Workflow) -> None:
    """One of two models cannot be trained; the other's predictions are there in the end, and the exit code says so."""
    models = {
        "cnn": {"width": 4, "training": {"epochs": 1}},
        "broken": {
            "family": "cnn",
            "features": "logmel64",
            "training": {"epochs": 2, "learning_rate": 1e30, "optimizer": "sgd", "schedule": "constant"},
        },
    }
    selected = {"datasets": ["synthetic"], "models": ["broken", "cnn"], "seeds": [1]}
    overlay = workflow.overlay("study", **TINY | {"models": models, "benchmark": selected})
    done = workflow.run("--cores", "2", "--keep-going", "--configfile", overlay, check=False)
    assert done.returncode != 0
    assert "finite" in done.stdout
    assert "a lower learning_rate" in done.stdout
    runs: Path = workflow.results / "runs" / "synthetic"
    assert (runs / "cnn" / "seed1" / "predictions.csv").exists()
    assert not list((runs / "broken").glob("**/model.safetensors"))


def test_truncated_features_of_the_same_date_are_made_again_by_the_same_command(tiny_copy: Workflow) -> None:
    weights = tiny_copy.folder / TARGET
    array = tiny_copy.results / "features" / "synthetic" / "logmel64" / "orig.npy"
    trained, whole, date = weights.read_bytes(), array.read_bytes(), array.stat().st_mtime_ns
    array.write_bytes(whole[:-1000])
    os.utime(array, ns=(date, date))
    weights.unlink()
    arguments = (TARGET, "--cores", "2", "--configfile", "tiny.yaml")
    assert "orig.npy: cannot be read as a feature array" in tiny_copy.run(*arguments, check=False).stdout
    tiny_copy.run(*arguments)
    assert array.read_bytes() == whole
    assert weights.read_bytes() == trained
