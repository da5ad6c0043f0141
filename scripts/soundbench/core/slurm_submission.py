"""Corrections of defects in how the SLURM plugin (2.8.0) of Snakemake submits and cancels jobs.

1. A submission that SLURM cannot accept at the moment counts as a failed attempt of the job, so an outage of half a
   minute uses up ``retries``. Here the submission is repeated until SLURM accepts it, and does not count.
2. Ctrl-C cancels only the jobs that the plugin has registered, and submits those that still wait for sbatch. Here the
   waiting jobs are dropped, and all jobs of the run are cancelled by its name.
3. With ``slurm_account``, each submission asks sacctmgr whether the account exists. sbatch checks it anyway.
4. If Snakemake is killed, its jobs stay in the queue. They start later, remove the outputs that newer jobs have made,
   and make them again. Here the next start cancels them.
5. The jobs of a group run one after another, each in two more processes of Snakemake. Here they run at the same time,
   on as many cores as the group has requested.
6. A request that grows with each attempt can exceed the limits of a partition. Here ``max_runtime`` and ``max_mem_mb``
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

# Messages of sbatch after which the same submission can succeed later: outages of the controller and full queues.
BUSY = re.compile(
    r"Unable to contact slurm controller|Socket timed out|Zero Bytes were transmitted|Connection (refused|timed out)|"
    r"not responding|in standby mode|temporarily (unable|unavailable)|Unexpected message received|"
    r"\w*MaxSubmitJob\w*|\w*GrpSubmitJob\w*"
)
PAUSE = 10  # seconds between two attempts; two threads submit, so sbatch is called every 5 s at most
RUNS = Path(".snakemake", "slurm_runs")


def correct_submissions(plugin: Any) -> None:
    """Correct the executor class of the SLURM plugin, as the module's docstring describes; once per process."""
    if hasattr(plugin, "submissions_corrected"):  # by another copy of this workflow that is used as a module
        return
    plugin.submissions_corrected = True
    plugin.validate_account = lambda account, logger: account
    cap_requests(plugin)
    run_groups_side_by_side(plugin.Executor)
    submit_until_taken(plugin.Executor)
    cancel_leftovers_at_start(plugin.Executor)


def submit_until_taken(executor: Any) -> None:
    """Repeat a submission while SLURM is too busy; drop it and cancel all jobs if Snakemake is interrupted."""
    report = executor._report_job_error_threadsafe
    cancel = executor.cancel_jobs
    interrupted = threading.Event()

    def report_or_repeat(self: Any, job_info: Any, msg: str) -> None:
        busy = BUSY.search(msg.partition("sbatch call:")[0])
        if not msg.startswith("SLURM sbatch failed") or not busy or interrupted.is_set():
            report(self, job_info, msg)
            return
        logger.warning(
            f"SLURM accepts no jobs now ({busy.group()}); job {job_info.job.jobid} is submitted again in {PAUSE} s."
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

    executor._report_job_error_threadsafe = report_or_repeat
    executor.cancel_jobs = cancel_jobs


def ask_slurm(*command: str) -> str | None:
    """The output of a command of SLURM; None if it fails or does not answer within a minute."""
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    except (OSError, subprocess.SubprocessError):
        return None


def cancel_twins(run: str, message: str) -> None:
    """Cancel the jobs of a submission that sbatch reported as failed; they are in the queue if only its answer was
    lost."""
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
            requested = job.resources.get(name)
            cap = first.resources.get(f"max_{name}")
            if cap and requested and requested > cap:
                caps[name] = cap
                logger.warning(
                    f"Job {job.jobid} ({job.name}) would ask for {name}={requested}; max_{name} of the profile limits "
                    f"it to {cap}. If it ends at this limit again, raise max_{name} or choose another partition."
                )
        resources = type(job.resources)(fromdict=dict(job.resources.items()) | caps)
        return command(SimpleNamespace(resources=resources, threads=job.threads), *arguments, **options)

    plugin.get_submit_command = capped_command


def run_groups_side_by_side(executor: Any) -> None:
    """Make the Snakemake in the allocation of a group start its jobs directly, instead of one by one through srun."""
    own: Callable[[Any, Any], str] = executor.format_job_exec

    def format_job_exec(self: Any, job: Any) -> str:
        command = own(self, job)
        if not job.is_group():
            return command
        return command.replace("--executor slurm-jobstep --jobs 1", f"--executor local --cores {job.threads}")

    executor.format_job_exec = format_job_exec


def cancel_leftovers_at_start(executor: Any) -> None:
    """At each start, cancel the jobs of runs in this folder whose Snakemake has died, before jobs are submitted."""
    prepare = executor.__post_init__

    def post_init(self: Any, *arguments: Any, **options: Any) -> None:
        prepare(self, *arguments, **options)
        cancel_leftovers(RUNS)
        record_run(RUNS, self.run_uuid)

    executor.__post_init__ = post_init


def record_run(folder: Path, run: str) -> None:
    """Record in ``folder`` that ``run`` is alive: the kernel releases the lock on its file when this process dies."""
    folder.mkdir(parents=True, exist_ok=True)
    hold(folder / run)


def cancel_leftovers(folder: Path, seconds: float = 300) -> None:
    """Cancel the jobs of recorded runs that are no longer alive, and wait until they have ended.

    A training that is cancelled writes a checkpoint first, and the next attempt resumes from it.

    Args:
        folder: the folder of the files of :func:`record_run`.
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
