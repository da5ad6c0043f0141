"""Compiled functions of librosa: one process compiles them, and all others load them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.workflow import REPOSITORY

PITCH = """
import numpy as np
from helpers.library import front_end
from soundbench.features.front_ends import functionals
print(functionals.compute(np.sin(np.arange(8000) / 9), 16000, front_end("functionals")).sum().item())
"""


def start(**environment: str) -> subprocess.Popen[str]:
    """A process that needs the compiled functions."""
    paths = os.pathsep.join(str(REPOSITORY / name) for name in ("scripts", "tests"))
    known = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", PITCH], env=known | {"PYTHONPATH": paths} | environment, **pipes)


@pytest.mark.slow
def test_processes_that_start_at_once_leave_functions_that_all_can_load(tmp_path: Path) -> None:
    processes = [start(XDG_CACHE_HOME=str(tmp_path)) for _ in range(3)]
    answers = [process.communicate() for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], answers
    assert len({found for found, _ in answers}) == 1
    (folder,) = (path for path in (tmp_path / "soundbench").iterdir() if path.is_dir())
    compiled = {path: path.stat().st_mtime_ns for path in folder.rglob("*.nb?")}
    assert any("_pi_wrapper" in path.name for path in compiled)
    (tmp_path / "soundbench" / f"{folder.name}.lock").unlink()
    later = start(XDG_CACHE_HOME=str(tmp_path))
    assert later.communicate()[0] == answers[0][0]
    assert [path.name for path in (tmp_path / "soundbench").iterdir()] == [folder.name]  # no lock: none waits again
    assert compiled.items() <= {path: path.stat().st_mtime_ns for path in folder.rglob("*.nb?")}.items()


def test_an_unusable_folder_is_named_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("this is no folder")
    process = start(NUMBA_CACHE_DIR=str(tmp_path / "file"))
    message = process.communicate()[1]
    assert process.returncode == 1
    assert "InputError" in message
    assert str(tmp_path / "file") in message
    assert "set NUMBA_CACHE_DIR to a folder that you can write" in message


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become a user without a name")
def test_a_user_without_a_home_folder_is_told_what_to_set() -> None:
    code = "import os; from soundbench.features import compiled_librosa as c; os.setuid(54321); c._user_caches()"
    environment = {name: value for name, value in os.environ.items() if name not in ("HOME", "XDG_CACHE_HOME")}
    environment["PYTHONPATH"] = str(REPOSITORY / "scripts")
    process = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert "InputError: compiled functions of librosa: this user has no home folder; set NUMBA" in process.stderr
