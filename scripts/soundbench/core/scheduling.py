"""How often Snakemake's scheduler (9.27) checks the waiting jobs.

It submits at most 100 jobs per second, so it checks again one second after each check. It also checks when a job ends.
Each job that ended therefore added a check per second, until no job waited: 240 per second after 240 jobs.
"""

from __future__ import annotations

from threading import Timer
from typing import Any


def wake_later(scheduler: Any, delay: float) -> None:
    """Wake the scheduler after ``delay`` s, unless it will be woken anyway."""
    if getattr(scheduler, "wakes", False):
        return

    def wake() -> None:
        scheduler.wakes = False
        scheduler._open_jobs.release()

    scheduler.wakes = True
    timer = Timer(delay, wake)
    timer.daemon = True  # the end of a study does not wait for it
    timer.start()


def keep_one_timer() -> None:
    """Let Snakemake's scheduler have one timer at a time."""
    from snakemake.scheduling.job_scheduler import JobScheduler

    JobScheduler._schedule_reevalutation = wake_later
