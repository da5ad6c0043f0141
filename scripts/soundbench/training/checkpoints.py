"""Interrupted training: checkpoints, the lock of a run, and the signals that stop a job.

Snakemake removes the outputs of a job before every attempt. A checkpoint is not one of these outputs, so it remains.
It holds a fingerprint of everything that decides the result, and ends with the SHA-256 of its bytes. A checkpoint with
another fingerprint or other bytes is discarded.
"""

from __future__ import annotations

import hashlib
import logging
import pickle
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from soundbench.core.locks import try_lock, wait_for_lock
from soundbench.core.storage import atomic_path, canonical_json, file_sha256

logger = logging.getLogger(__name__)

WRITING_SHARE = 0.01  # the largest share of the training time that writing may take, even on a slow disk

BLOCK = 1024 * 1024  # bytes that are read at once
DIGEST = hashlib.sha256().digest_size  # bytes at the end of the file; torch.load ignores them

State = dict[str, Any]


class Stopped(Exception):  # noqa: N818 - nothing went wrong
    """A signal stopped this process; its checkpoint is written."""


def compute_fingerprint(*parts: Any, files: tuple[str, ...] = ()) -> str:
    """A digest of settings (anything that JSON can hold) and of the contents of files."""
    digest = hashlib.sha256(canonical_json(parts).encode())
    for file in files:
        digest.update(file_sha256(file).encode())
    return digest.hexdigest()


class Checkpoint:
    """The checkpoint of one run.

    Args:
        path: the file.
        fingerprint: the run's, from :func:`compute_fingerprint`.
        seconds: the shortest time between two writes (s).
    """

    def __init__(self, path: Path, fingerprint: str, seconds: float) -> None:
        self.path = path
        self.fingerprint = fingerprint
        self.seconds = seconds
        self.last_write = time.monotonic()
        self.write_seconds = 0.0

    def load(self) -> State | None:
        """The saved state. A file that is damaged or belongs to another run is removed and a warning is logged."""
        if not self.path.exists():
            return None
        try:
            if not _is_intact(self.path):
                raise EOFError("its SHA-256 has changed since it was written")
            saved = torch.load(self.path, map_location="cpu", weights_only=True)
            same_run = saved["fingerprint"] == self.fingerprint
            reason = "" if same_run else "it is from other settings, another seed, other data or other code"
        except (RuntimeError, OSError, EOFError, KeyError, TypeError, pickle.UnpicklingError) as error:
            reason = f"it is damaged ({str(error) or type(error).__name__})"
        if not reason:
            return saved["state"]
        logger.warning("discarded the checkpoint %s: %s", self.path, reason)
        self.remove()
        return None

    def due(self) -> bool:
        """Whether enough time has passed since the last write."""
        return time.monotonic() - self.last_write >= max(self.seconds, self.write_seconds / WRITING_SHARE)

    def save(self, state: State) -> None:
        """Replace the checkpoint; the previous one remains until the new one is complete."""
        started = time.monotonic()
        with atomic_path(self.path) as temporary:
            torch.save({"fingerprint": self.fingerprint, "state": state}, temporary)
            digest = bytes.fromhex(file_sha256(temporary))
            with temporary.open("ab") as file:
                file.write(digest)
        self.last_write = time.monotonic()
        self.write_seconds = self.last_write - started

    def remove(self) -> None:
        """Remove the file, if it exists."""
        self.path.unlink(missing_ok=True)


def _is_intact(path: Path) -> bool:
    """Whether a checkpoint still holds the bytes that were written."""
    digest = hashlib.sha256()
    remaining = path.stat().st_size - DIGEST
    with path.open("rb") as file:
        while remaining > 0 and (block := file.read(min(remaining, BLOCK))):
            digest.update(block)
            remaining -= len(block)
        return file.read() == digest.digest()


@contextmanager
def run_lock(path: Path, tag: str) -> Iterator[None]:
    """Hold the lock of a run, so that only one process trains it.

    After ``kill -9`` of Snakemake its jobs continue. A new job for the same run waits until the old one has ended, and
    logs a warning. The kernel releases the lock of a process that dies.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    taken = try_lock(path)
    if taken is None:
        logger.warning("%s another process is training this run; waiting for it to end", tag)
        taken = wait_for_lock(path)
    with taken:
        yield


@contextmanager
def stop_signals() -> Iterator[Callable[[], bool]]:
    """Yield a function that returns whether a signal has requested this process to stop."""
    received: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        received.append(number)

    handled = [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # under nohup, training continues without the terminal
        handled.append(signal.SIGHUP)
    previous_handlers = {number: signal.signal(number, note) for number in handled}
    try:
        yield lambda: bool(received)
    finally:
        for number, handler in previous_handlers.items():
            signal.signal(number, handler)
