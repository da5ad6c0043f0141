"""What Snakemake prints on the terminal: one line per finished job, with the time left, and the result at the end.

Warnings, errors and the logs of failed jobs are printed as Snakemake prints them, and its own log file (under
.snakemake/log) holds everything. Snakemake's option ``--quiet rules`` would hide errors as well (9.27).
"""

from __future__ import annotations

import logging
import textwrap
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

# Snakemake's events and messages that are not shown: the lines of this module hold what matters of them.
HIDDEN_EVENTS = frozenset(
    {"WORKFLOW_STARTED", "RESOURCES_INFO", "JOB_STARTED", "JOB_INFO", "JOB_FINISHED", "GROUP_INFO", "SHELLCMD"}
)
HIDDEN_MESSAGES = (
    "Assuming unrestricted shared filesystem",
    "Building DAG of jobs",
    "Conda environments: ignored",
    "Execute ",
    "Select jobs to execute",
    "Using shell: ",
)
PLAIN_OPTIONS = ("quiet", "verbose", "debug_dag", "dryrun")


@dataclass
class Progress:
    """How long jobs took, and from that how long the remaining ones will take. All times are in seconds."""

    planned: Counter[str] = field(default_factory=Counter)  # jobs by rule
    done: Counter[str] = field(default_factory=Counter)
    spent: dict[str, float] = field(default_factory=dict)  # by the finished jobs of a rule
    began: float = field(default_factory=time.monotonic)

    def finish(self, rule: str, seconds: float) -> None:
        """Count a job of ``rule`` that took ``seconds``."""
        self.done[rule] += 1
        self.spent[rule] = self.spent.get(rule, 0.0) + seconds

    def left(self, now: float) -> float | None:
        """Seconds until the end, if as many jobs run side by side as did so far; None while the most frequent rule,
        which is mostly the training, has no finished job."""
        if not self.planned or self.planned.most_common(1)[0][0] not in self.done:
            return None
        spent = sum(self.spent.values())
        means = {rule: self.spent[rule] / self.done[rule] for rule in self.done}
        # The median, because a rule with long jobs, such as a training, says little about the others.
        usual = median(means.values())
        waiting = sum((jobs - self.done[rule]) * means.get(rule, usual) for rule, jobs in self.planned.items())
        return waiting * (now - self.began) / max(spent, 1e-9)


class BriefFormatter(logging.Formatter):
    """One line per finished job; everything else that is shown, as ``full`` formats it."""

    def __init__(self, full: logging.Formatter) -> None:
        super().__init__()
        self.full = full
        self.running: dict[int, tuple[str, str, float]] = {}  # rule, its wildcards, start
        self.finished: list[tuple[str, float]] = []  # rule with its wildcards, seconds
        self.progress = Progress()

    def shows(self, record: logging.LogRecord) -> bool:
        """Whether the terminal shows ``record``; as a filter, this also reads when jobs begin and end."""
        event = event_name(record)
        if event == "JOB_INFO":
            self._start(record)
        elif event == "JOB_FINISHED":
            self._finish(record)
        if record.levelno >= logging.WARNING:
            return True
        return event not in HIDDEN_EVENTS and not str(record.msg).startswith(HIDDEN_MESSAGES)

    def _start(self, record: Any) -> None:
        wildcards = (record.wildcards or {}).items()
        names = "/".join(f"{name}{value}" if str(value).isdigit() else str(value) for name, value in wildcards)
        self.running[record.jobid] = (record.rule_name, names, time.monotonic())

    def _finish(self, record: Any) -> None:
        if job := self.running.pop(record.job_id, None):
            rule, names, start = job
            seconds = time.monotonic() - start
            self.progress.finish(rule, seconds)
            self.finished.append((f"{rule} {names}".rstrip(), seconds))

    def format(self, record: logging.LogRecord) -> str:
        """The lines of the jobs that have finished since the last call, or the record as it is."""
        event = event_name(record)
        if event == "PROGRESS":
            return self._finished_jobs(record)
        if event == "RUN_INFO":
            return self._planned_jobs(record)
        return self.full.format(record)

    def _finished_jobs(self, record: Any) -> str:
        jobs = self.finished
        self.finished = []
        left = self.progress.left(time.monotonic())
        rest = "" if left is None or record.done == record.total else f"  ({duration(left)} left)"
        count = f"{record.done:{len(str(record.total))}} of {record.total}"
        return "\n".join(f"{count}  {job}  {duration(seconds)}{rest}" for job, seconds in jobs)

    def _planned_jobs(self, record: Any) -> str:
        self.progress = Progress(Counter({rule: jobs for rule, jobs in record.stats.items() if rule != "total"}))
        counts = ", ".join(f"{jobs} {rule}" for rule, jobs in self.progress.planned.most_common())
        return textwrap.fill(f"{self.progress.planned.total()} jobs: {counts}", 120, subsequent_indent="    ")


def event_name(record: logging.LogRecord) -> str:
    """The name of Snakemake's event that ``record`` holds; empty for a message."""
    return getattr(getattr(record, "event", None), "name", "")


def duration(seconds: float) -> str:
    """``8 s``, ``3 min 20 s`` or ``2 h 5 min``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes_left = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes_left} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def show_one_line_per_job(logger: logging.Logger, options: Any) -> None:
    """Let Snakemake's handler for the terminal show one line per job.

    Nothing changes in a dry run, where an option asks for more or less output (``--verbose``, ``--quiet``), or where
    a logger plugin writes to the terminal.

    Args:
        logger: Snakemake's logger.
        options: Snakemake's output settings.
    """
    if any(getattr(options, name, None) for name in PLAIN_OPTIONS):
        return
    for handler in logger.handlers:
        if handler.name == "DefaultStreamHandler" and not isinstance(handler.formatter, BriefFormatter):
            brief = BriefFormatter(handler.formatter or logging.Formatter())
            handler.setFormatter(brief)
            handler.addFilter(brief.shows)


def result(summary: str | Path, arguments: str) -> str:
    """What the terminal shows at the end of a study: the leaderboard, and where the report is.

    Args:
        summary: the folder of the study's tables; without a leaderboard there, the text is empty.
        arguments: the arguments after ``snakemake`` that name this study.
    """
    board = Path(summary, "leaderboard.md")
    if not board.exists():
        return ""
    page = Path(summary, "report.html")
    report = page if page.exists() else f"snakemake {arguments} --report report.html".replace("  ", " ")
    return f"\n{board.read_text()}\nReport: {report}\n"
