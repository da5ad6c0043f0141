"""What becomes of SLURM jobs while its commands fail, with the real plugin and commands that are scripts.

tests/slurm/test_slurm.py does the same on a real SLURM.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import snakemake_executor_plugin_slurm as plugin

from helpers.slurmcommands import Commands, commands
from soundbench.core.slurm_polling import correct_status_checks

__all__ = ["commands"]

Look = Callable[[], tuple[list[str], dict[str, str]]]


def test_the_plugin_is_the_one_that_these_modules_correct() -> None:
    """Another version may have mended a defect, or moved what is replaced."""
    assert version("snakemake-executor-plugin-slurm") == "2.8.0"


@pytest.fixture
def look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, commands: Commands) -> Look:
    """One look at the queue: the numbers of the jobs 1 and 2 that are kept, and what is reported of the others."""
    monkeypatch.setattr(plugin, "query_job_status", plugin.query_job_status)
    for name in ("check_active_jobs", "next_seconds_between_status_checks"):
        monkeypatch.setattr(plugin.Executor, name, getattr(plugin.Executor, name))
    monkeypatch.delattr(plugin, "status_checks_corrected", raising=False)
    correct_status_checks(plugin)
    correct_status_checks(plugin)  # as another copy of the workflow does that is used as a module
    commands.write("scontrol", "echo 'MinJobAge = 300 sec'")
    settings = SimpleNamespace(status_command="squeue", status_attempts=5, init_seconds_before_status_checks=10)
    remote = SimpleNamespace(seconds_between_status_checks=30)
    settings.keep_successful_logs = True
    reported: dict[str, str] = {}
    watching: Any = plugin.Executor.__new__(plugin.Executor)
    watching.workflow = SimpleNamespace(executor_settings=settings, remote_execution_settings=remote)
    watching.logger, watching.run_uuid = logging.getLogger("snakemake"), "run"
    watching.status_rate_limiter = contextlib.nullcontext()
    watching._status_query_failures = watching._status_query_calls = 0
    watching._status_query_total_seconds, watching._status_query_max_seconds = 0.0, 0.0
    watching._status_query_min_seconds, watching._status_query_cycle_rows = None, []
    watching._next_seconds_between_status_checks, watching._preemption_warning = None, False
    watching.report_job_success = lambda job: reported.update({job.external_jobid: "succeeded"})
    watching.report_job_error = lambda job, **_: reported.update({job.external_jobid: "failed"})
    jobs = [SimpleNamespace(external_jobid=n, aux={"slurm_logfile": tmp_path / f"{n}.log"}) for n in ("1", "2")]

    async def kept() -> list[str]:
        return [job.external_jobid async for job in watching.check_active_jobs(jobs)]

    return lambda: (asyncio.run(kept()), reported)


def test_jobs_are_kept_while_squeue_fails(commands: Commands, look: Look) -> None:
    commands.write("squeue", "exit 1")
    assert look() == (["1", "2"], {})
    commands.write("squeue", "echo '1|COMPLETED'; echo '2|RUNNING'")
    assert look() == (["2"], {"1": "succeeded"})


@pytest.mark.parametrize(("state", "outcome"), [("COMPLETED", "succeeded"), ("CANCELLED by 1000", "failed")])
def test_job_that_squeue_has_forgotten_is_looked_up_in_sacct(
    commands: Commands, look: Look, state: str, outcome: str
) -> None:
    commands.write("squeue", "echo '2|RUNNING'")
    commands.write("sacct", f"echo '1|{state}'; echo '2|RUNNING'")
    assert look() == (["2"], {"1": outcome})


@pytest.mark.parametrize(
    ("log", "outcome"),
    [("1 of 1 steps (100%) done\n", "succeeded"), ("0 of 1 steps (0%) done\n", "failed"), (None, "failed")],
)
def test_without_accounting_the_log_has_the_outcome_of_a_forgotten_job(
    commands: Commands, look: Look, tmp_path: Path, log: str | None, outcome: str
) -> None:
    commands.write("squeue", "echo '2|RUNNING'")
    commands.write("sacct", "echo 'Slurm accounting storage is disabled' >&2; exit 1")
    if log is not None:
        (tmp_path / "1.log").write_text(f"srun: some warning\n{log}Complete log(s): x\n")
    assert look() == (["1", "2"], {})  # once is not enough: the controller may have lost its thread for a moment
    assert look() == (["2"], {"1": outcome})


def test_job_that_sacct_does_not_know_yet_is_in_the_queue(commands: Commands, look: Look) -> None:
    """With sacct as status command: it hears of a new job seconds after sbatch."""
    commands.write("scontrol", "echo 'MinJobAge = 2 sec'")  # the plugin then asks sacct first
    commands.write("sacct", "echo '1|COMPLETED'")
    commands.write("squeue", "exit 1")
    assert look() == (["2"], {"1": "succeeded"})
    commands.write("squeue", "echo '2|PENDING'")
    assert look() == (["2"], {"1": "succeeded"})
