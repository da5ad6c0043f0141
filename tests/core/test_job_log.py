"""What holds for every job, whatever it does."""

from __future__ import annotations

import platform
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.workflow import REPOSITORY

JOB = """
{start}
import atexit, gc
atexit.register(lambda: print(gc.get_threshold()[0] > 10_000, gc.get_freeze_count() > 1_000))
from soundbench.core.job_log import logged
with logged("{log}"):
    pass
"""

ENDING = """
{start}
import ctypes
libc = ctypes.CDLL(None)
libc.on_exit(libc.abort, None)  # stands for the destructor of a library
from soundbench.core.job_log import logged
print("printed", end="")
with logged("{log}"):
    assert {succeeds}
"""


def run(script: Path, text: str) -> subprocess.CompletedProcess[str]:
    script.write_text(text)
    environment = {"PYTHONPATH": str(REPOSITORY / "scripts")}
    return subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True)


@pytest.mark.parametrize(("start", "expected"), [("snakemake = 1", "True True"), ("", "False False")])
def test_a_job_does_not_look_for_garbage_in_what_it_imports(start: str, expected: str, tmp_path: Path) -> None:
    done = run(tmp_path / "job.py", JOB.format(start=start, log=tmp_path / "log.txt"))
    assert done.returncode == 0
    assert done.stdout.strip() == expected


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has on_exit")
@pytest.mark.parametrize(
    ("start", "succeeds", "expected"),
    [("snakemake = 1", True, 0), ("snakemake = 1", False, 1), ("", True, -signal.SIGABRT)],
)
def test_a_job_ends_without_the_destructors_of_libraries(
    start: str, succeeds: bool, expected: int, tmp_path: Path
) -> None:
    text = ENDING.format(start=start, succeeds=succeeds, log=tmp_path / "log.txt")
    done = run(tmp_path / "job.py", text)
    assert done.returncode == expected
    assert done.stdout == "printed"
