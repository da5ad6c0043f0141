"""The terminal shows one line per job, the time left, every warning and error, and the result."""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from snakemake.logging import DefaultFormatter, LogEvent

from soundbench.core import terminal
from soundbench.core.job_log import Terminal
from soundbench.core.terminal import BriefFormatter, Progress, duration, result, show_one_line_per_job

HIDDEN = ("Select jobs to execute...", "Execute 2 jobs...", "Building DAG of jobs...")


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Lines that the handler for the terminal prints of what ``say`` logs; the clock goes on by 10 s a look."""
    lines: list[str] = []
    clock = iter(range(0, 100_000, 10))
    monkeypatch.setattr(terminal.time, "monotonic", lambda: next(clock))

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    handler = Handler()
    handler.name = "DefaultStreamHandler"
    handler.setFormatter(DefaultFormatter(show_failed_logs=True))
    logger = logging.getLogger("snakemake.test")
    monkeypatch.setattr(logger, "handlers", [handler])
    monkeypatch.setattr(logger, "propagate", False)
    logger.setLevel(logging.INFO)
    show_one_line_per_job(logger, SimpleNamespace(quiet=None, verbose=False, debug_dag=False, dryrun=False))
    return lines


def say(message: str | None, event: LogEvent | None = None, level: int = logging.INFO, **fields: Any) -> None:
    logging.getLogger("snakemake.test").log(level, message, extra={"event": event, **fields} if event else fields)


def run_job(number: int, rule: str, **wildcards: str) -> None:
    say(f" Rule: {rule}", LogEvent.JOB_INFO, jobid=number, rule_name=rule, wildcards=wildcards)
    say(f"Finished jobid: {number}", LogEvent.JOB_FINISHED, job_id=number)


def test_one_line_per_job_and_none_for_what_leads_to_it(printed: list[str]) -> None:
    say("Job stats: ...", LogEvent.RUN_INFO, stats={"split_clips": 1, "train_model": 2, "total": 3})
    for message in HIDDEN:
        say(message)
    run_job(7, "split_clips", dataset="own", seed="1")
    say(None, LogEvent.PROGRESS, done=1, total=3)
    run_job(8, "train_model", dataset="own", model="cnn", seed="1", fold="2")
    say(None, LogEvent.PROGRESS, done=2, total=3)
    assert printed[:2] == ["3 jobs: 2 train_model, 1 split_clips", "1 of 3  split_clips own/seed1  10 s"]
    assert printed[2].startswith("2 of 3  train_model own/cnn/seed1/fold2  10 s  (") and printed[2].endswith(" left)")
    assert len(printed) == 3


def test_errors_and_logs_of_failed_jobs_stay(printed: list[str], tmp_path: Path) -> None:
    (tmp_path / "job.log").write_text("error: clip a.wav: is empty\n")
    fields = {"rule_name": "train_model", "rule_msg": None, "jobid": 3, "input": [], "output": ["model"], "aux": {}}
    fields |= {"log": [str(tmp_path / "job.log")], "conda_env": None, "shellcmd": None, "container_img": None}
    say("Error in rule", LogEvent.JOB_ERROR, logging.ERROR, indent=False, **fields)
    say("Exiting because a job execution failed.", level=logging.ERROR)
    say("Nothing to be done.")
    assert "Error in rule train_model:" in printed[0] and "error: clip a.wav: is empty" in printed[0]
    assert printed[1:] == ["Exiting because a job execution failed.", "Nothing to be done."]


@pytest.mark.parametrize("option", ["quiet", "verbose", "debug_dag", "dryrun"])
def test_verbose_and_quiet_options_restore_the_output_of_snakemake(option: str) -> None:
    handler = logging.StreamHandler()
    handler.name = "DefaultStreamHandler"
    logger = logging.Logger("snakemake")
    logger.addHandler(handler)
    show_one_line_per_job(logger, SimpleNamespace(**{option: True}))
    assert handler.formatter is None
    show_one_line_per_job(logger, SimpleNamespace())
    assert isinstance(handler.formatter, BriefFormatter)


def test_time_left_counts_jobs_by_rule_and_side_by_side() -> None:
    progress = Progress(Counter(train=10, page=2, split=1), began=0)
    progress.finish("split", 1)
    assert progress.left(1) is None  # nothing is known of the training, which decides
    for _ in range(4):
        progress.finish("train", 20)
    # 81 s of jobs within 40.5 s: two side by side. Six trainings of 20 s, and two pages of (1 + 20) / 2 s.
    assert progress.left(40.5) == pytest.approx((6 * 20 + 2 * 10.5) / 2)


def test_a_long_training_does_not_make_the_remaining_jobs_long() -> None:
    progress = Progress(Counter(train=1, index=1, split=1, evaluate=1, page=1), began=0)
    for rule, seconds in (("index", 10), ("split", 1), ("train", 7200)):
        progress.finish(rule, seconds)
    assert progress.left(7211) == pytest.approx(2 * 10)


@pytest.mark.parametrize(
    ("seconds", "text"), [(7.6, "8 s"), (200, "3 min 20 s"), (7500, "2 h 5 min"), (59.7, "1 min 0 s")]
)
def test_durations_are_read_at_a_glance(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_job_shows_warnings_and_one_other_line_a_minute() -> None:
    shown = Terminal(pause=60)
    line = logging.LogRecord("soundbench", logging.INFO, "", 0, "epoch 1/30", None, None)
    warning = logging.LogRecord("soundbench", logging.WARNING, "", 0, "asked to stop", None, None)
    assert not shown.filter(line)
    assert shown.filter(warning)
    shown.shown -= 61
    assert shown.filter(line)
    assert not shown.filter(line)


def test_the_result_is_the_leaderboard_and_the_report(tmp_path: Path) -> None:
    assert result(tmp_path, "") == ""  # a run of some other target
    (tmp_path / "leaderboard.md").write_text("| 1 | cnn |\n")
    said = result(tmp_path, "--configfile own.yaml")
    assert said == "\n| 1 | cnn |\n\nReport: snakemake --configfile own.yaml --report report.html\n"
    (tmp_path / "report.html").touch()
    assert f"Report: {tmp_path / 'report.html'}" in result(tmp_path, "")
