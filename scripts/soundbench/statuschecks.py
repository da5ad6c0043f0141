"""How often Snakemake asks SLURM what has become of its jobs."""

from __future__ import annotations


def check_at_even_pace(executor: type) -> None:
    """Never let ``executor`` wait longer than ``--seconds-between-status-checks`` between two looks at the queue.

    The SLURM plugin (2.8) waits 10 s longer after each look at which no job had finished, up to three minutes, and
    has no option against that. A job that somebody has cancelled would be noticed, and tried again, that much later.
    One look is one call of squeue, however many jobs there are.

    Args:
        executor: the plugin's class, whose ``next_seconds_between_status_checks`` holds the pause (s).
    """
    own: property = executor.next_seconds_between_status_checks

    def pause(self: object) -> int:
        return min(own.fget(self), self.workflow.remote_execution_settings.seconds_between_status_checks)

    executor.next_seconds_between_status_checks = property(pause, own.fset)
