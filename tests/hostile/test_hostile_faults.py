"""Faults of disks, clocks and arithmetic: each is noticed, named, and leaves nothing wrong behind."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
import torch

from soundbench.checkpoints import Checkpoint
from soundbench.storage import atomic_folder, atomic_path

BITS = 100


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    """A checkpoint on disk."""
    one = Checkpoint(tmp_path / "checkpoint.pt", "mark", 0.0)
    one.save({"network": {"weight": torch.arange(2000.0)}, "epoch": 3})
    return one


def test_checkpoint_with_any_flipped_bit_is_discarded(checkpoint: Checkpoint, caplog: pytest.LogCaptureFixture) -> None:
    whole, draw = checkpoint.path.read_bytes(), random.Random(0)
    assert checkpoint.load()["epoch"] == 3
    for _ in range(BITS):
        damaged = bytearray(whole)
        damaged[draw.randrange(len(whole))] ^= 1 << draw.randrange(8)
        checkpoint.path.write_bytes(damaged)
        assert checkpoint.load() is None
        assert not checkpoint.path.exists()
    assert caplog.text.count("it is damaged (its SHA-256") == BITS


@pytest.mark.parametrize("size", [0, 1, 31, 32, 33, 1000, -1])
def test_truncated_checkpoint_is_discarded(checkpoint: Checkpoint, size: int) -> None:
    checkpoint.path.write_bytes(checkpoint.path.read_bytes()[:size])
    assert checkpoint.load() is None


@pytest.fixture
def flushed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was flushed to the disk, and what was renamed, in their order."""
    found: list[str] = []
    rename, names = Path.replace, lambda opened: Path(f"/proc/self/fd/{opened}").readlink().name
    monkeypatch.setattr(os, "fsync", lambda opened: found.append(f"flush {names(opened)}"))
    monkeypatch.setattr(
        Path, "replace", lambda self, target: found.append(f"rename to {target.name}") or rename(self, target)
    )
    return found


def test_file_is_on_disk_before_it_gets_its_name(tmp_path: Path, flushed: list[str]) -> None:
    with atomic_path(tmp_path / "model.bin") as temporary:
        temporary.write_bytes(b"weights")
    assert flushed == [f"flush {temporary.name}", "rename to model.bin", f"flush {tmp_path.name}"]


def test_folder_is_on_disk_before_it_gets_its_name(tmp_path: Path, flushed: list[str]) -> None:
    with atomic_folder(tmp_path / "audio") as temporary:
        (temporary / "copy.wav").write_bytes(b"sound")
    assert flushed == ["flush copy.wav", f"flush {temporary.name}", "rename to audio", f"flush {tmp_path.name}"]
