"""The workflow on a real SLURM of this machine's own, and what happens to training there.

``tests/slurm/cluster install`` and ``start`` (as root) bring the cluster up, ``.ci/run`` does so by itself; without it
these tests are skipped. A training process is stopped (SIGSTOP) once it has a checkpoint, so that what befalls its job
never comes too late, however fast the machine is.
"""

from __future__ import annotations

import re
import signal
import subprocess
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml

from interrupted import LongRun, until
from workflow import REPOSITORY, TINY, Workflow

pytestmark = [pytest.mark.slow, pytest.mark.slurm]

CLUSTER = REPOSITORY / "tests" / "slurm" / "cluster"
Job = dict[str, str]


@pytest.fixture(scope="module", autouse=True)
def cluster() -> None:
    """The running cluster."""
    if subprocess.run([CLUSTER, "status"]).returncode:
        pytest.skip("no SLURM: as root, tests/slurm/cluster install, then tests/slurm/cluster start")


def call(*command: object) -> str:
    return subprocess.run([*map(str, command)], check=True, capture_output=True, text=True).stdout.strip()


def edit_site(workflow: Workflow, **training: object) -> None:
    """Edit the profile as a site would: what training asks for."""
    path = workflow.folder / "profiles" / "slurm" / "config.yaml"
    profile = yaml.safe_load(path.read_text())
    profile["set-resources"]["train_model"] |= training
    for interval in ("slurm-init-seconds-before-status-checks", "seconds-between-status-checks"):
        profile[interval] = 3  # a small cluster can be asked more often
    path.write_text(yaml.safe_dump(profile))


def accounted(said: str) -> list[Job]:
    """What sacct knows about the jobs that Snakemake says it has submitted, in the order of submission."""
    numbers = re.findall(r"submitted with SLURM jobid (\d+)", said)
    columns = ["JobIDRaw", "Partition", "State", "AllocTRES", "NodeList", "TimelimitRaw", "ReqMem"]
    table = call("sacct", "-X", "-n", "-P", "-j", ",".join(numbers), "-o", ",".join(columns))
    return [dict(zip(columns, line.split("|"), strict=True)) for line in table.splitlines()]


def states(long_run: LongRun, expected: list[str]) -> list[Job]:
    """The jobs of the run, once the accounting knows how they ended."""
    short = lambda: [job["State"].split()[0] for job in accounted(long_run.said())]  # noqa: E731
    until(lambda: short() == expected, f"{expected}, but {short()}", 30)
    return accounted(long_run.said())


def start(long_run: LongRun, **training: object) -> subprocess.Popen[bytes]:
    edit_site(long_run.workflow, **{"checkpoint_seconds": 0, "mem_mb": 2000} | training)
    return long_run.start("--profile", "slurm")


def running_job(long_run: LongRun) -> str:
    """The number of the job that was submitted last."""
    return accounted(long_run.said())[-1]["JobIDRaw"]


def start_now(number: str) -> None:
    """Do not let a requeued job wait for the two minutes that SLURM holds it back."""
    call("scontrol", "update", f"JobId={number}", "StartTime=now")


def test_benchmark_trains_on_gpus_does_the_rest_on_cpus_and_equals_the_local_run(
    workflow: Workflow, tiny_study: Workflow
) -> None:
    edit_site(workflow)
    workflow.overlay("tiny", **TINY | {"benchmark": {"datasets": ["synthetic"], "models": ["cnn"], "seeds": [1]}})
    said = workflow.run("--profile", "slurm", "--configfile", "tiny.yaml").stdout
    jobs = accounted(said)
    assert {job["State"] for job in jobs} == {"COMPLETED"}
    trained = [job for job in jobs if job["Partition"] == "gpu"]
    assert len(trained) == 5
    assert all("gres/gpu=1" in job["AllocTRES"] for job in trained)
    others = [job for job in jobs if job not in trained]
    assert len(others) == 6  # clips, audit, first look, split, features, evaluation; Snakemake itself makes the report
    assert all(job["Partition"] == "cpu" and "gpu" not in job["AllocTRES"] for job in others)
    assert len(pd.read_csv(workflow.results / "summary" / "scores.csv")) == 5
    for pattern in ("clips/*", "splits/*/seed1.csv", "features/**/*.*", "runs/*/cnn/seed1/**/*.[cs]*"):
        ours = sorted(workflow.results.glob(pattern))
        assert ours
        for path in ours:
            assert path.read_bytes() == (tiny_study.results / path.relative_to(workflow.results)).read_bytes(), path


def test_gres_instead_of_gpus(long_run: LongRun, uninterrupted: bytes) -> None:
    """The one line that a site changes where --gpus is not accepted."""
    assert long_run.finish(start(long_run, gpu=0, gres="gpu:1")) == uninterrupted
    (job,) = states(long_run, ["COMPLETED"])
    assert "gres/gpu=1" in job["AllocTRES"]


def test_folds_of_a_run_share_an_allocation(long_run: LongRun, uninterrupted: bytes) -> None:
    """What profiles/README.md says about many small runs."""
    edit_site(long_run.workflow, runtime="attempt * 10", mem_mb=2000)
    readme = (REPOSITORY / "profiles" / "README.md").read_text()
    lines = re.search(r"^groups: .*?(?=^```)", readme, re.M | re.S).group()
    with (long_run.workflow.folder / "profiles" / "slurm" / "config.yaml").open("a") as profile:
        profile.write(lines)
    target = "results/runs/synthetic/cnn/seed1/predictions.csv"
    said = long_run.workflow.run(target, "--profile", "slurm", "--configfile", "study.yaml").stdout
    training, evaluation = accounted(said)
    assert (training["Partition"], training["TimelimitRaw"]) == ("gpu", "50")
    assert "gres/gpu=1" in training["AllocTRES"]
    assert evaluation["Partition"] == "cpu"
    assert long_run.weights.read_bytes() == uninterrupted


def test_killed_training_is_retried_and_resumes(long_run: LongRun, uninterrupted: bytes) -> None:
    running = start(long_run)
    long_run.caught().kill()
    assert long_run.finish(running) == uninterrupted
    assert "resumed after epoch" in long_run.log()
    states(long_run, ["FAILED", "COMPLETED"])


def test_time_limit_the_next_attempt_has_more_and_resumes(long_run: LongRun, uninterrupted: bytes) -> None:
    running = start(long_run, runtime="attempt * 1")
    long_run.caught()
    assert long_run.finish(running) == uninterrupted
    assert "resumed after epoch" in long_run.log()
    first, second = states(long_run, ["TIMEOUT", "COMPLETED"])
    assert int(first["TimelimitRaw"]) < int(second["TimelimitRaw"])


def test_out_of_memory_the_next_attempt_has_more(long_run: LongRun, uninterrupted: bytes) -> None:
    assert long_run.finish(start(long_run, mem_mb="400 if attempt == 1 else 2000")) == uninterrupted
    first, second = states(long_run, ["FAILED", "COMPLETED"])  # OUT_OF_MEMORY where SLURM has cgroups
    assert (first["ReqMem"], second["ReqMem"]) == ("400M", "2000M")
    used = call("sacct", "-n", "-P", "-j", f"{first['JobIDRaw']}.0", "-o", "MaxRSS", "--units=M")
    assert float(used.rstrip("M")) > 400


def test_cancelled_job_is_noticed_within_a_minute_and_retried(long_run: LongRun, uninterrupted: bytes) -> None:
    running = start(long_run)
    long_run.caught()
    call("scancel", running_job(long_run))
    cancelled = time.monotonic()
    until(lambda: len(accounted(long_run.said())) == 2, "a second job")
    assert time.monotonic() - cancelled < 60
    assert long_run.finish(running) == uninterrupted
    assert "resumed after epoch" in long_run.log()
    states(long_run, ["CANCELLED", "COMPLETED"])


def test_job_of_a_lost_node_goes_on_elsewhere(long_run: LongRun, uninterrupted: bytes) -> None:
    running = start(long_run)
    long_run.caught()
    number = running_job(long_run)
    node = call("squeue", "-h", "-j", number, "-o", "%N")
    call(CLUSTER, "lose", node)
    lost = time.monotonic()
    try:
        state = lambda: call("squeue", "-h", "-j", number, "-o", "%T %N").split()  # noqa: E731
        until(lambda: state()[0] == "PENDING" or state() not in (["RUNNING", node], ["COMPLETING", node]), "a requeue")
        assert time.monotonic() - lost < 60
        start_now(number)
        assert long_run.finish(running) == uninterrupted
    finally:
        call(CLUSTER, "restore", node)
    assert "resumed after epoch" in long_run.log()
    (job,) = states(long_run, ["COMPLETED"])  # SLURM ran the same job again
    assert job["NodeList"] != node


def test_preempted_job_is_requeued_and_resumes(long_run: LongRun, uninterrupted: bytes) -> None:
    running = start(long_run, slurm_partition="spare")
    long_run.caught()
    number = running_job(long_run)
    nodes = call("sinfo", "-h", "-p", "gpu", "-o", "%D")
    urgent = call(
        "sbatch", "--parsable", "-p", "gpu", "-N", nodes, "--exclusive", "-o", "/dev/null", "--wrap", "sleep 1"
    )
    until(lambda: "PREEMPTED" in call("sacct", "-X", "-n", "-D", "-j", number, "-o", "State"), "a preemption", 120)
    until(lambda: call("squeue", "-h", "-j", number, "-o", "%T") == "PENDING", "a requeue")
    start_now(number)
    assert long_run.finish(running) == uninterrupted
    assert "resumed after epoch" in long_run.log()
    states(long_run, ["COMPLETED"])  # SLURM ran the same job again
    assert call("sacct", "-X", "-n", "-j", urgent, "-o", "State") == "COMPLETED"


def test_interrupted_snakemake_cancels_its_jobs_and_the_same_command_goes_on(
    long_run: LongRun, uninterrupted: bytes
) -> None:
    running = start(long_run)
    long_run.caught()
    number = running_job(long_run)
    running.send_signal(signal.SIGINT)
    assert running.wait(timeout=120) != 0
    until(lambda: not call("squeue", "-h", "-j", number, "-t", "running"), "an empty queue", 60)
    assert long_run.finish(start(long_run)) == uninterrupted
    assert "resumed after epoch" in long_run.log()
    states(long_run, ["CANCELLED", "COMPLETED"])


def test_killed_snakemake_leaves_a_job_and_the_next_start_waits_for_it(long_run: LongRun, uninterrupted: bytes) -> None:
    running = start(long_run)
    orphan = long_run.caught()
    running.kill()
    running.wait()
    long_run.workflow.run("--unlock", "--configfile", "study.yaml")
    running = start(long_run)
    until(lambda: "another process is training this run; waiting" in long_run.log(), "word of the orphan")
    assert len(long_run.trainings()) == 2
    orphan.resume()
    assert long_run.finish(running) == uninterrupted
    assert "was finished by the process before" in long_run.log()
    states(long_run, ["COMPLETED", "COMPLETED"])


def test_profile_is_found_from_the_root_of_a_fresh_clone(tmp_path: Path) -> None:
    if subprocess.run(["git", "rev-parse"], cwd=REPOSITORY, capture_output=True).returncode:
        pytest.skip("not a git checkout")
    call("git", "clone", "-q", REPOSITORY, tmp_path / "clone")
    command = ["python", "-m", "snakemake", "--profile", "slurm", "-n"]
    done = subprocess.run(command, cwd=tmp_path / "clone", capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "slurm_partition=gpu" in done.stdout
