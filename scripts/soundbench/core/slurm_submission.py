"""How Snakemake hands its jobs to SLURM and takes them back, with defects of the SLURM plugin (2.8.0) corrected.

1. A submission that SLURM cannot take at the moment counts as a failed attempt at the work, so that an outage of half
   a minute uses up ``retries``. Here it is tried again until SLURM takes it, and counts as nothing.
2. Ctrl-C cancels only the jobs that the plugin has registered, and submits those that still wait for sbatch. Here
   these are dropped, and all jobs of the run are cancelled by its name.
3. With ``slurm_account`` each submission asks sacctmgr whether the account exists. sbatch checks it anyway.
4. After Snakemake was killed its jobs stay in the queue. They start later, remove the outputs that their successors
   have made, and make them again. Here the next start cancels them.
5. The jobs of a group run one after another, each in two more processes of Snakemake. Here they run beside each other,
   on as many cores as the group has requested.
6. A request that grows with each attempt ends beyond what a partition allows. Here ``max_runtime`` and ``max_mem_mb``
   (resources of the profile) cap it.

A plugin without these defects makes this module unnecessary. tests/core/test_slurm_submission.py tests it with version
2.8.0.
"""

from __future__ import annotations

import logging
import re
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from soundbench.core.locks import hold, try_lock

logger = logging.getLogger("snakemake.logging")  # Snakemake's own

# What sbatch says where the same submission will be taken later: outages of the controller, and full queues.
BUSY = re.compile(
    r"Unable to contact slurm controller|Socket timed out|Zero Bytes were transmitted|Connection (refused|timed out)|"
    r"not responding|in standby mode|temporarily (unable|unavailable)|Unexpected message received|"
    r"\w*MaxSubmitJob\w*|\w*GrpSubmitJob\w*"
)
PAUSE = 10  # s between two attempts; two threads submit, so this is a call of sbatch every 5 s at most
RUNS = Path(".snakemake", "slurm_runs")


def correct_submissions(plugin: Any) -> None:
    """Correct the SLURM plugin's executor class, as the module's docstring says; once in a process."""
    if hasattr(plugin, "submissions_corrected"):  # by another copy of this workflow, used as a module
        return
    plugin.submissions_corrected = True
    plugin.validate_account = lambda account, logger: account
    cap_requests(plugin)
    run_groups_side_by_side(plugin.Executor)
    submit_until_taken(plugin.Executor)
    cancel_leftovers_at_start(plugin.Executor)


def submit_until_taken(executor: Any) -> None:
    """Repeat a submission that SLURM is too busy for; drop it, and cancel all jobs, when Snakemake is interrupted."""
    report, cancel = executor._report_job_error_threadsafe, executor.cancel_jobs
    interrupted = threading.Event()

    def report_or_repeat(self: Any, job_info: Any, msg: str) -> None:
        busy = BUSY.search(msg.partition("sbatch call:")[0])
        if not msg.startswith("SLURM sbatch failed") or not busy or interrupted.is_set():
            report(self, job_info, msg)
            return
        logger.warning(
            f"SLURM takes no jobs now ({busy.group()}); job {job_info.job.jobid} is submitted again in {PAUSE} s."
        )
        if interrupted.wait(PAUSE):
            return
        cancel_twins(self.run_uuid, msg)
        self._job_submission_executor.submit(self.run_job, job_info.job)

    def cancel_jobs(self: Any, active_jobs: list[Any]) -> None:
        interrupted.set()
        self._job_submission_executor.shutdown(wait=True, cancel_futures=True)
        if self._submitted_job_clusters or ask_slurm("scancel", "--name", self.run_uuid) is None:
            cancel(self, active_jobs)

    executor._report_job_error_threadsafe, executor.cancel_jobs = report_or_repeat, cancel_jobs


def ask_slurm(*command: str) -> str | None:
    """The output of one of SLURM's commands; None if it fails or gives no answer within a minute."""
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    except (OSError, subprocess.SubprocessError):
        return None


def cancel_twins(run: str, message: str) -> None:
    """Cancel what a submission left in the queue although sbatch said that it failed: its answer may have been lost."""
    comment = re.search(r"--comment (\S+)", message)
    lines = (ask_slurm("squeue", "-h", "--name", run, "-o", "%i %k") or "").splitlines()
    twins = [number for number, _, job in (line.partition(" ") for line in lines) if comment and job == comment[1]]
    if twins:
        ask_slurm("scancel", *twins)


def cap_requests(plugin: Any) -> None:
    """Keep each job's ``runtime`` (minutes) and ``mem_mb`` (MB) within its ``max_runtime`` and ``max_mem_mb``."""
    command: Callable[..., str] = plugin.get_submit_command

    def capped_command(job: Any, *arguments: Any, **options: Any) -> str:
        caps = {}
        first = next(iter(job.jobs)) if job.is_group() else job  # a group's resources are sums over its jobs
        for name in ("runtime", "mem_mb"):
            asked, most = job.resources.get(name), first.resources.get(f"max_{name}")
            if most and asked and asked > most:
                caps[name] = most
                logger.warning(
                    f"Job {job.jobid} ({job.name}) would ask for {name}={asked}; max_{name} of the profile caps it at "
                    f"{most}. If it ends at this limit again, raise max_{name} or choose another partition."
                )
        resources = type(job.resources)(fromdict=dict(job.resources.items()) | caps)
        return command(SimpleNamespace(resources=resources, threads=job.threads), *arguments, **options)

    plugin.get_submit_command = capped_command


def run_groups_side_by_side(executor: Any) -> None:
    """Let the Snakemake inside the allocation of a group start its jobs itself, and not through srun one by one."""
    own: Callable[[Any, Any], str] = executor.format_job_exec

    def format_job_exec(self: Any, job: Any) -> str:
        command = own(self, job)
        if not job.is_group():
            return command
        return command.replace("--executor slurm-jobstep --jobs 1", f"--executor local --cores {job.threads}")

    executor.format_job_exec = format_job_exec


def cancel_leftovers_at_start(executor: Any) -> None:
    """Let each start cancel the jobs of runs in this folder whose Snakemake has died, before it submits its own."""
    prepare = executor.__post_init__

    def post_init(self: Any, *arguments: Any, **options: Any) -> None:
        prepare(self, *arguments, **options)
        cancel_leftovers(RUNS)
        record_run(RUNS, self.run_uuid)

    executor.__post_init__ = post_init


def record_run(folder: Path, run: str) -> None:
    """Note in ``folder`` that ``run`` is alive: the kernel frees the lock on its file when this process dies."""
    folder.mkdir(parents=True, exist_ok=True)
    hold(folder / run)


def cancel_leftovers(folder: Path, seconds: float = 300) -> None:
    """Cancel the jobs of recorded runs that are no longer alive, and wait until they have ended.

    A training that is cancelled writes a checkpoint first, and its successor goes on from it.

    Args:
        folder: where :func:`record_run` keeps its files.
        seconds: the longest time to wait (s).
    """
    dead = [record for record in folder.glob("*") if _is_free(record)]
    if not dead:
        return
    queue = ("squeue", "-h", "-o", "%i", "--name", ",".join(record.name for record in dead))
    left = ask_slurm(*queue)
    if left:
        numbers = left.split()
        logger.warning(f"Cancelling {len(numbers)} jobs of a Snakemake that was killed: {' '.join(numbers)}")
        ask_slurm("scancel", *numbers)
    deadline = time.monotonic() + seconds
    while left and time.monotonic() < deadline:
        time.sleep(1)
        left = ask_slurm(*queue)
    if left == "":
        for record in dead:
            record.unlink()
    else:
        logger.warning(f"Jobs of a Snakemake that was killed may still be in the queue: see {' '.join(queue)}")


def _is_free(record: Path) -> bool:
    taken = try_lock(record)
    if taken is None:
        return False
    with taken:
        return True
