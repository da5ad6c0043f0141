"""Corrections of three defects in how the SLURM plugin (2.8.0) of Snakemake queries the states of jobs.

1. If a query fails five times within a second, the plugin returns no job at all, and Snakemake waits forever. Here such
   a query counts as an answer without jobs, and the plugin asks again later.
2. The plugin does not find a finished job that the controller has forgotten (``MinJobAge``). Here the accounting is
   asked and, if it has no answer twice in a row, the log of the job is read.
3. The plugin does not recognise sacct's ``CANCELLED by 1000``, because it compares it with ``CANCELLED``. Here only the
   first word counts.

A plugin without these defects makes this module unnecessary. tests/core/test_slurm_polling.py tests it with version
2.8.0.
"""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

States = dict[str, str]

# The last line of a Snakemake whose jobs have all succeeded; each job on the cluster is a Snakemake process.
DONE = re.compile(r"^\d+ of \d+ steps \(100%\) done$", re.MULTILINE)


def correct_status_checks(plugin: Any) -> None:
    """Correct the executor class and the queries of the SLURM plugin, as the module's docstring describes; once per
    process."""
    if hasattr(plugin, "status_checks_corrected"):  # by another copy of this workflow that is used as a module
        return
    plugin.status_checks_corrected = True
    check_at_even_pace(plugin.Executor)
    keep_unanswered_jobs(plugin)


def check_at_even_pace(executor: Any) -> None:
    """Limit the pause between two queries to ``--seconds-between-status-checks``.

    The SLURM plugin (2.8) lengthens the pause by 10 s after each query at which no job had finished, up to three
    minutes, and has no option against that. A cancelled job would be noticed, and tried again, that much later. One
    query is one call of squeue for all jobs.

    Args:
        executor: the plugin's class, whose ``next_seconds_between_status_checks`` holds the pause (s).
    """
    own: Any = executor.next_seconds_between_status_checks  # a property

    def pause(self: Any) -> int:
        longest: int = self.workflow.remote_execution_settings.seconds_between_status_checks
        paused: int = own.fget(self)
        return min(paused, longest)

    executor.next_seconds_between_status_checks = property(pause, own.fset)


def keep_unanswered_jobs(plugin: Any) -> None:
    """Keep the jobs for which SLURM gives no answer, and look up finished jobs that it has forgotten."""
    check = plugin.Executor.check_active_jobs
    ask = plugin.query_job_status
    missed: set[str] = set()  # the jobs without a state at the previous query

    async def check_active_jobs(self: Any, active_jobs: list[Any]) -> AsyncIterator[Any]:
        async def query(command: str, logger: logging.Logger) -> tuple[States, float]:
            states, seconds = await ask(command, logger)
            if states is None:
                logger.warning(f"No answer from {command.split()[0]}; all jobs are kept, and the query is repeated.")
                return {}, 0.0
            if missing(active_jobs, states):
                states = await look_up(command, states, logger)
            return {number: state.split()[0] for number, state in states.items()}, seconds

        async def look_up(command: str, states: States, logger: logging.Logger) -> States:
            """Add the states of the jobs that ``command`` did not list, from the other command and from their logs."""
            from_queue = command.startswith("squeue")
            other = plugin.query_job_status_sacct if from_queue else plugin.query_job_status_squeue
            more, _ = await ask(other(self.run_uuid), logger)
            if more is None and not from_queue:
                return states  # sacct lists new jobs late: without the queue it is unknown whether they have ended
            states = (more or {}) | states
            gone = {job.external_jobid: job for job in missing(active_jobs, states)}
            ended = {number: state_in_log(job) for number, job in gone.items() if number in missed}
            missed.clear()
            missed.update(gone)
            return states | ended

        plugin.query_job_status = query
        async for job in check(self, active_jobs):
            yield job

    plugin.Executor.check_active_jobs = check_active_jobs


def missing(jobs: Iterable[Any], states: States) -> list[Any]:
    """The submitted ``jobs`` without a state; a task of a job array may be listed under the number of the array."""
    return [job for job in jobs if not {job.external_jobid, job.external_jobid.split("_")[0]} & states.keys()]


def state_in_log(job: Any) -> str:
    """The state of a job that has ended and that SLURM no longer knows, by the last line of its log."""
    log: Path = job.aux["slurm_logfile"]
    return "COMPLETED" if log.exists() and DONE.search(log.read_text(errors="replace")) else "FAILED"
