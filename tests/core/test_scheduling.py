"""How often Snakemake's scheduler checks the waiting jobs."""

from __future__ import annotations

import inspect
from threading import Semaphore
from types import SimpleNamespace

from snakemake.scheduling.job_scheduler import JobScheduler

from soundbench.core.scheduling import wake_later


def test_snakemake_calls_what_is_replaced() -> None:
    assert "self._schedule_reevalutation(" in inspect.getsource(JobScheduler.schedule)


def test_several_requests_wake_the_scheduler_once_and_a_later_one_again() -> None:
    scheduler = SimpleNamespace(_open_jobs=Semaphore(0))
    for _ in range(3):
        wake_later(scheduler, 0.1)
    assert scheduler._open_jobs.acquire(timeout=30)
    assert not scheduler._open_jobs.acquire(timeout=0.3)
    wake_later(scheduler, 0.1)
    assert scheduler._open_jobs.acquire(timeout=30)
