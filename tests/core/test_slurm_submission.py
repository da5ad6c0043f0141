"""What becomes of submissions that SLURM refuses, with the real plugin and commands that are scripts.

tests/slurm/test_slurm.py does the same on a real SLURM.
"""

from __future__ import annotations

import logging
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import snakemake_executor_plugin_slurm as plugin
import yaml
from snakemake.iocontainers import ResourceList

from helpers.interrupted import until
from helpers.slurmcommands import Commands, commands
from helpers.workflow import REPOSITORY
from soundbench.core import slurm_submission as submissions
from soundbench.core.slurm_submission import cancel_leftovers, correct_submissions, record_run

__all__ = ["commands"]

OUTAGE = "echo 'sbatch: error: Batch job submission failed: Unable to contact slurm controller' >&2; exit 1"
FULL = "echo 'sbatch: error: QOSMaxSubmitJobPerUserLimit' >&2; exit 1"


@pytest.fixture
def executor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The plugin's executor, corrected; ``submitted`` and ``failed`` hold what it reports."""
    for name in ("validate_account", "get_submit_command"):
        monkeypatch.setattr(plugin, name, getattr(plugin, name))
    for name in ("_report_job_error_threadsafe", "cancel_jobs", "__post_init__", "format_job_exec"):
        monkeypatch.setattr(plugin.Executor, name, getattr(plugin.Executor, name))
    monkeypatch.setattr(submissions, "PAUSE", 0.05)
    monkeypatch.delattr(plugin, "submissions_corrected", raising=False)
    correct_submissions(plugin)
    prepare = plugin.Executor.__post_init__
    correct_submissions(plugin)  # as another copy of the workflow does that is used as a module
    assert plugin.Executor.__post_init__ is prepare  # it would wait for its own lock
    found: Any = plugin.Executor.__new__(plugin.Executor)
    options = dict.fromkeys(("requeue", "no_requeue", "qos", "reservation", "pass_command_as_script"))
    found.workflow = SimpleNamespace(executor_settings=SimpleNamespace(**options), workdir_init=str(tmp_path))
    found.logger, found.run_uuid, found.slurm_logdir = logging.getLogger("snakemake"), "run", tmp_path / "logs"
    found._failed_nodes, found._submitted_job_clusters, found._main_event_loop = set(), set(), None
    found._job_submission_executor = ThreadPoolExecutor(2)
    found._partitions, found._fallback_account_arg = None, ""
    found.submitted, found.failed = [], []
    found.format_job_exec = lambda job: "true"
    found.report_job_submission = lambda info: found.submitted.append(info.external_jobid)
    found.report_job_error = lambda info, msg: found.failed.append(msg)
    yield found
    found._job_submission_executor.shutdown(cancel_futures=True)


def job(**resources: Any) -> Any:
    """A job of the rule ``work``."""
    listed = ResourceList(fromdict={"slurm_partition": "cpu", "runtime": 60, "mem_mb": 1000} | resources)
    rule = SimpleNamespace(name="work")
    return SimpleNamespace(
        jobid=1, name="work", rule=rule, wildcards=["a"], resources=listed, threads=1, is_group=lambda: False
    )


@pytest.mark.parametrize("refusal", [OUTAGE, FULL], ids=["controller", "limit"])
def test_refused_submission_is_repeated_and_is_no_failed_attempt(
    executor: Any, commands: Commands, refusal: str
) -> None:
    commands.write("squeue", "")
    commands.write("sbatch", refusal)
    executor.run_job(job())
    until(lambda: len(commands.calls("sbatch")) > 2, "repeated submissions", 20)
    commands.write("sbatch", "echo 17")
    until(lambda: executor.submitted, "a submission", 20)
    assert (executor.submitted, executor.failed) == (["17"], [])


def test_submission_that_can_never_work_fails_at_once(executor: Any, commands: Commands) -> None:
    commands.write("sbatch", "echo 'sbatch: error: invalid partition specified: cpu' >&2; exit 1")
    executor.run_job(job())
    assert len(commands.calls("sbatch")) == 1
    assert "invalid partition" in executor.failed[0]


def test_job_whose_number_was_lost_is_cancelled_before_it_is_submitted_again(executor: Any, commands: Commands) -> None:
    """The controller took the job, and its answer came too late for sbatch."""
    commands.write("sbatch", "echo 'sbatch: error: Socket timed out on send/recv operation' >&2; exit 1")
    commands.write("squeue", "echo '16 rule_other_wildcards_a'; echo '17 rule_work_wildcards_a'")
    commands.write("scancel", "")
    executor.run_job(job())
    until(lambda: commands.calls("scancel"), "a cancelled job", 20)
    assert commands.calls("scancel")[0] == "17"


def test_interrupted_snakemake_submits_nothing_more_and_cancels_by_the_name_of_the_run(
    executor: Any, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submissions, "PAUSE", 60)
    commands.write("sbatch", OUTAGE)
    commands.write("scancel", "")
    waiting = threading.Thread(target=executor.run_job, args=[job()])
    waiting.start()
    until(lambda: commands.calls("sbatch"), "a submission", 20)
    executor.cancel_jobs([])
    waiting.join(timeout=20)
    assert not waiting.is_alive()
    assert len(commands.calls("sbatch")) == 1
    assert commands.calls("scancel") == ["--name run"]


def test_growing_request_is_capped_with_a_message(
    executor: Any, commands: Commands, caplog: pytest.LogCaptureFixture
) -> None:
    commands.write("sbatch", "echo 17")
    executor.run_job(job(runtime=120, max_runtime=90, mem_mb=4000, max_mem_mb=8000))
    (call,) = commands.calls("sbatch")
    assert " -t 90 " in call
    assert " --mem 4000 " in call
    assert "would ask for runtime=120; max_runtime of the profile limits it to 90" in caplog.text
    assert "mem_mb" not in caplog.text


def test_account_is_left_for_sbatch_to_check(executor: Any, commands: Commands) -> None:
    commands.write("sbatch", "echo 17")
    commands.write("sacctmgr", "exit 1")
    commands.write("sshare", "exit 1")
    executor.run_job(job(slurm_account="mine"))
    assert " -A mine " in commands.calls("sbatch")[0]
    assert not commands.calls("sacctmgr")


def test_commented_lines_of_the_profile_are_options_that_sbatch_gets(executor: Any, commands: Commands) -> None:
    text = (REPOSITORY / "profiles" / "slurm" / "config.yaml").read_text()
    profile = yaml.safe_load(re.sub(r"^( *)# ([\w-]+: )", r"\1\2", text, flags=re.MULTILINE))
    asked = profile["default-resources"] | profile["set-resources"]["train_model"]
    commands.write("sbatch", "echo 17")
    executor.run_job(job(**{name: value for name, value in asked.items() if "attempt" not in str(value)}))
    (call,) = commands.calls("sbatch")
    options = ("-A my-account", "--qos=normal", "-p gpu", "--gres=gpu:1", "--gpus=a100:1")
    assert [option for option in options if option not in call] == []
    assert "avx512|amx" in call
    assert "--nice=100" in call
    known = {f"slurm-{field.replace('_', '-')}" for field in plugin.ExecutorSettings.__dataclass_fields__}
    assert {key for key in profile if key.startswith("slurm-")} <= known


def test_next_start_cancels_the_jobs_of_a_dead_run_and_of_no_other(
    tmp_path: Path, commands: Commands, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "runs"
    record_run(folder, "alive")
    (folder / "dead").touch()
    # The queue is empty once scancel was called.
    commands.write("squeue", f'[ -e "{commands.folder}/scancel.calls" ] || printf "3\\n4\\n"')
    commands.write("scancel", "")
    # flock distinguishes opened files, so this process stands for another one.
    cancel_leftovers(folder)
    assert all("--name dead" in call for call in commands.calls("squeue"))
    assert commands.calls("scancel") == ["3 4"]
    assert "Cancelling 2 jobs of a Snakemake that was killed: 3 4" in caplog.text
    assert [record.name for record in folder.iterdir()] == ["alive"]


def test_dead_run_is_remembered_while_slurm_does_not_answer(
    tmp_path: Path, commands: Commands, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "runs"
    folder.mkdir()
    (folder / "dead").touch()
    commands.write("squeue", "exit 1")
    cancel_leftovers(folder)
    assert (folder / "dead").exists()
    assert "may still be in the queue" in caplog.text
