"""What holds for every job, whatever it does."""

from __future__ import annotations

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
print(not gc.isenabled())
with logged("{log}"):
    print(gc.get_freeze_count() > 1_000)
    assert gc.isenabled()
"""


@pytest.mark.parametrize(("start", "expected"), [("snakemake = 1", "True"), ("", "False")])
def test_a_job_does_not_look_for_garbage_in_what_it_imports(start: str, expected: str, tmp_path: Path) -> None:
    script = tmp_path / "job.py"
    script.write_text(JOB.format(start=start, log=tmp_path / "log.txt"))
    environment = {"PYTHONPATH": str(REPOSITORY / "scripts")}
    done = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == {expected}
