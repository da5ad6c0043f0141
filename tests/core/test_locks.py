"""Locks keep other processes out, and end with the process that took them."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from helpers.workflow import REPOSITORY
from soundbench.core.locks import hold, try_lock, wait_for_lock

HOLDER = """
import sys, time
from pathlib import Path
from soundbench.core.locks import hold
print(hold(Path(sys.argv[1])), flush=True)
time.sleep(600)
"""


def test_another_process_has_the_lock_until_it_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "run.lock"
    command = [sys.executable, "-c", HOLDER, str(path)]
    environment = {"PYTHONPATH": str(REPOSITORY / "scripts")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"
        assert try_lock(path) is None
        assert not hold(path)
        threading.Timer(0.2, holder.kill).start()
        with wait_for_lock(path):
            assert holder.wait() == -9
    assert hold(path)
    assert try_lock(path) is None


def test_lock_ends_with_its_block_and_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "file.part"
    path.write_text("what has arrived")
    for _ in range(2):
        taken = try_lock(path)
        assert taken is not None
        with taken:
            assert try_lock(path) is None
    assert path.read_text() == "what has arrived"


def test_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="link"):
        try_lock(tmp_path / "link")
    assert not (tmp_path / "elsewhere").exists()
