"""The workflow on a real SLURM of this machine's own, and what happens to training there.

``tests/slurm/cluster install`` and ``start`` (as root) bring the cluster up, ``.ci/run`` does so by itself; without it
these tests are skipped. A training process is stopped (SIGSTOP) once it has a checkpoint, so that what befalls its job
never comes too late, however fast the machine is.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from helpers.interrupted import TARGET, LongRun, until
from helpers.slurmcommands import Commands, commands
from helpers.workflow import REPOSITORY, Workflow

__all__ = ["commands"]

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
    profile["set-resources"]["train_model"] |= {"device": "cpu"} | training  # nothing computes on the cluster's GPUs
    for interval in ("slurm-init-seconds-before-status-checks", "seconds-between-status-checks"):
        profile[interval] = 1  # a small cluster can be asked more often
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


def test_training_goes_to_gpus_the_rest_to_cpus_and_the_results_equal_the_local_ones(
    tiny_copy: Workflow, tiny_study: Workflow
) -> None:
    figure = "explore/synthetic/listen.html"
    predictions = "runs/synthetic/cnn/seed1/predictions.csv"
    weights = [f"runs/synthetic/cnn/seed1/fold{fold}/model.safetensors" for fold in (1, 2)]
    edit_site(tiny_copy)
    for file in [figure, predictions, *weights]:
        (tiny_copy.results / file).unlink()
    targets = [f"results/{file}" for file in (figure, predictions)]
    said = tiny_copy.run(*targets, "--profile", "slurm", "--configfile", "tiny.yaml").stdout
    # The accounting knows the end of a short job before it knows where the job ran.
    until(lambda: all(job["Partition"] for job in accounted(said)), "the partition of each job", 30)
    jobs = accounted(said)
    assert {job["State"] for job in jobs} == {"COMPLETED"}
    trained = [job for job in jobs if job["Partition"] == "gpu"]
    assert len(trained) == 2
    assert all("gres/gpu=1" in job["AllocTRES"] for job in trained)
    others = [job for job in jobs if job not in trained]
    assert len(others) == 2  # figures of the data set, evaluation
    assert all(job["Partition"] == "cpu" and "gpu" not in job["AllocTRES"] for job in others)
    for file in [predictions, *weights]:
        assert (tiny_copy.results / file).read_bytes() == (tiny_study.results / file).read_bytes(), file


@pytest.fixture(scope="module")
def limited(prepared_study: Workflow, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LongRun]:
    """A training in the middle of its work whose job has a time limit of a minute, SLURM's shortest.

    It has no GPU, so that the minute passes beside other tests: the first one asks for it as well.
    """
    run = LongRun(prepared_study, tmp_path_factory.mktemp("limited") / "study")
    start(run, slurm_partition="cpu", gpu=0, runtime="attempt * 1")
    run.caught()
    yield run
    run.end()


def test_gres_instead_of_gpus(limited: LongRun, long_run: LongRun, uninterrupted: bytes) -> None:
    """The one line that a site changes where --gpus is not accepted."""
    assert long_run.finish(start(long_run, gpu=0, gres="gpu:1")) == uninterrupted
    (job,) = states(long_run, ["COMPLETED"])
    assert "gres/gpu=1" in job["AllocTRES"]


def test_runs_beside_each_other_share_an_allocation(long_run: LongRun, uninterrupted: bytes) -> None:
    """What profiles/README.md says about many short runs, with two beside each other."""
    edit_site(long_run.workflow, gpu=0, gres="gpu:1", beside=1, runtime="attempt * 10", mem_mb=2000)
    readme = (REPOSITORY / "profiles" / "README.md").read_text()
    lines = re.search(r"^groups: .*?(?=^```)", readme, re.M | re.S).group()
    with (long_run.workflow.folder / "profiles" / "slurm" / "config.yaml").open("a") as profile:
        profile.write(lines.replace("beside=8", "beside=2"))
    running = long_run.start(
        "--profile", "slurm", targets=[TARGET.replace("fold1", f"fold{fold}") for fold in (1, 2, 3)]
    )
    until(lambda: len(long_run.trainings()) == 2, "two trainings at the same time")
    assert long_run.finish(running) == uninterrupted
    (job,) = states(long_run, ["COMPLETED"])
    assert (job["Partition"], job["TimelimitRaw"], job["ReqMem"]) == ("gpu", "20", "4000M")
    assert "cpu=2" in job["AllocTRES"]
    assert "gres/gpu=1" in job["AllocTRES"]


def test_killed_training_is_retried_and_resumes(long_run: LongRun, uninterrupted: bytes) -> None:
    running = start(long_run)
    long_run.caught().kill()
    assert long_run.finish(running) == uninterrupted
    assert "resumed after epoch" in long_run.log()
    states(long_run, ["FAILED", "COMPLETED"])


def test_out_of_memory_the_next_attempt_has_more(long_run: LongRun, uninterrupted: bytes) -> None:
    assert long_run.finish(start(long_run, mem_mb="400 if attempt == 1 else 2000")) == uninterrupted
    first, second = states(long_run, ["FAILED", "COMPLETED"])  # OUT_OF_MEMORY where SLURM has cgroups
    assert (first["ReqMem"], second["ReqMem"]) == ("400M", "2000M")
    used = call("sacct", "-n", "-P", "-j", f"{first['JobIDRaw']}.0", "-o", "MaxRSS", "--units=M")
    assert float(used.rstrip("M")) > 400


def test_cancelled_job_is_noticed_within_a_minute_and_retried(long_run: LongRun, uninterrupted: bytes) -> None:
    running = start(long_run)
    long_run.caught()
    number = running_job(long_run)
    readme = (REPOSITORY / "profiles" / "README.md").read_text()
    shown = re.search(r'^squeue --me -o "(.*?)"', readme, re.M).group(1)
    assert "rule_train_model_wildcards_synthetic_cnn_1_1" in call("squeue", "-j", number, "-o", shown)
    call("scancel", number)
    cancelled = time.monotonic()
    until(lambda: len(accounted(long_run.said())) == 2, "a second job")
    assert time.monotonic() - cancelled < 60
    assert long_run.finish(running) == uninterrupted
    assert "resumed after epoch" in long_run.log()
    states(long_run, ["CANCELLED", "COMPLETED"])


def test_job_of_a_lost_node_resumes_elsewhere(long_run: LongRun, uninterrupted: bytes) -> None:
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


def test_interrupted_snakemake_cancels_its_jobs_and_the_same_command_resumes(
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


def test_start_after_kill_cancels_remaining_jobs_and_resumes_from_their_checkpoint(
    long_run: LongRun, uninterrupted: bytes
) -> None:
    """One of them runs, one would have started later, and removed the outputs that its successor had made."""
    running = start(long_run)
    long_run.caught()
    running.kill()
    running.wait()
    orphan = running_job(long_run)
    name = call("squeue", "-h", "-j", orphan, "-o", "%j")
    pending = call("sbatch", "--parsable", "-J", name, "--begin=now+1hour", "-o", "/dev/null", "--wrap", "exit")
    long_run.workflow.run("--unlock", "--configfile", "study.yaml")
    assert long_run.finish(start(long_run)) == uninterrupted
    assert f"Cancelling 2 jobs of a Snakemake that was killed: {pending} {orphan}" in long_run.said()
    assert "resumed after epoch" in long_run.log()
    states(long_run, ["CANCELLED", "COMPLETED"])
    assert call("sacct", "-X", "-n", "-P", "-j", pending, "-o", "State").startswith("CANCELLED")


def test_outages_of_slurm_cost_no_attempt_and_no_job(
    long_run: LongRun, uninterrupted: bytes, commands: Commands
) -> None:
    """The controller takes no jobs, then tells nothing, then has forgotten the job; and there is no accounting."""
    squeue = shutil.which("squeue")
    message = "Unable to contact slurm controller (connect failure)"
    commands.write("sacct", "sleep 2; exit 1")
    commands.write("sbatch", f"echo 'sbatch: error: Batch job submission failed: {message}' >&2; exit 1")
    running = start(long_run)
    until(lambda: "is submitted again" in long_run.said(), "word of the refused submission")
    commands.pass_on("sbatch")
    commands.write("squeue", f"sleep 2; echo 'slurm_load_jobs error: {message}' >&2; exit 1")
    training = long_run.caught()
    until(lambda: "No answer from squeue" in long_run.said(), "word of the failed query")
    training.resume()
    until(lambda: not call(squeue, "-h", "-p", "gpu"), "the end of the job")
    commands.write("squeue", "")
    assert long_run.finish(running) == uninterrupted
    commands.pass_on("sacct")
    assert "Trying to restart" not in long_run.said()
    states(long_run, ["COMPLETED"])


def test_time_limit_the_next_attempt_has_more_and_resumes(limited: LongRun, uninterrupted: bytes) -> None:
    assert limited.finish(limited.running) == uninterrupted
    assert "resumed after epoch" in limited.log()
    first, second = states(limited, ["TIMEOUT", "COMPLETED"])
    assert (first["TimelimitRaw"], second["TimelimitRaw"]) == ("1", "2")


def test_profile_is_found_from_the_root_of_a_fresh_clone(tmp_path: Path) -> None:
    if subprocess.run(["git", "rev-parse"], cwd=REPOSITORY, capture_output=True).returncode:
        pytest.skip("not a git checkout")
    call("git", "clone", "-q", REPOSITORY, tmp_path / "clone")
    command = [sys.executable, "-m", "snakemake", "--profile", "slurm", "-n"]
    done = subprocess.run(command, cwd=tmp_path / "clone", capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "slurm_partition=gpu" in done.stdout
    assert "has replaced a whole block" not in done.stdout + done.stderr
