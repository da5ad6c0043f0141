"""Training that survives: checkpoints that fit or are discarded, one writer a run, and signals that are heard.

A checkpoint stands beside a run's outputs under a name that Snakemake does not know, since it removes the outputs it
does know before every attempt. It carries a fingerprint of everything that decides the result, and ends in the
SHA-256 of its bytes; one that does not match is discarded.
"""

from __future__ import annotations

import fcntl
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

from soundbench.core.storage import atomic_path, canonical_json, file_sha256

logger = logging.getLogger(__name__)

# Writing may take this share of the training time at most, however slow the disk is.
WRITING_SHARE = 0.01

BLOCK = 1024 * 1024  # bytes that are read at a time
DIGEST = hashlib.sha256().digest_size  # bytes at the end of the file; torch.load takes no notice of them

State = dict[str, Any]


class Stopped(Exception):  # noqa: N818 - nothing went wrong
    """A signal asked this process to stop, and its checkpoint is written."""


def fingerprint(*parts: Any, files: tuple[str, ...] = ()) -> str:
    """A digest of settings (anything that JSON holds) and of the contents of files."""
    digest = hashlib.sha256(canonical_json(parts).encode())
    for file in files:
        digest.update(file_sha256(file).encode())
    return digest.hexdigest()


class Checkpoint:
    """The checkpoint of one run: a file that is rewritten every ``seconds`` at most.

    Args:
        path: the file.
        mark: the run's :func:`fingerprint`.
        seconds: the least time between two writes (s).
    """

    def __init__(self, path: Path, mark: str, seconds: float) -> None:
        self.path, self.mark, self.seconds = path, mark, seconds
        self.last, self.cost = time.monotonic(), 0.0

    def load(self) -> State | None:
        """The saved state; a file that is damaged or belongs to another run is removed, and the log says so."""
        if not self.path.exists():
            return None
        try:
            if not _is_whole(self.path):
                raise EOFError("its SHA-256 is another than when it was written")
            saved = torch.load(self.path, map_location="cpu", weights_only=True)
            reason = "" if saved["fingerprint"] == self.mark else "it is from other settings, seed, data or code"
        except (RuntimeError, OSError, EOFError, KeyError, TypeError, pickle.UnpicklingError) as error:
            reason = f"it is damaged ({error or type(error).__name__})"
        if not reason:
            return saved["state"]
        logger.warning("discarded the checkpoint %s: %s", self.path, reason)
        self.remove()
        return None

    def due(self) -> bool:
        """Whether enough time has passed since the last write."""
        return time.monotonic() - self.last >= max(self.seconds, self.cost / WRITING_SHARE)

    def save(self, state: State) -> None:
        """Replace the checkpoint; the previous one stays whole until the new one is."""
        started = time.monotonic()
        with atomic_path(self.path) as temporary:
            torch.save({"fingerprint": self.mark, "state": state}, temporary)
            digest = bytes.fromhex(file_sha256(temporary))
            with temporary.open("ab") as file:
                file.write(digest)
        self.last = time.monotonic()
        self.cost = self.last - started

    def remove(self) -> None:
        """Remove the file, if there is one."""
        self.path.unlink(missing_ok=True)


def _is_whole(path: Path) -> bool:
    """Whether a checkpoint holds the bytes that were written."""
    digest, left = hashlib.sha256(), path.stat().st_size - DIGEST
    with path.open("rb") as file:
        while left > 0 and (block := file.read(min(left, BLOCK))):
            digest.update(block)
            left -= len(block)
        return file.read() == digest.digest()


@contextmanager
def only_writer(path: Path, tag: str) -> Iterator[None]:
    """Hold the run's lock: after ``kill -9`` of Snakemake its jobs run on, and must not meet their successors.

    Waits until the other process has ended, and says so. The kernel releases the lock of a process that dies.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            logger.warning("%s another process is training this run; waiting for it to end", tag)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def stop_signals() -> Iterator[Callable[[], bool]]:
    """Yield a function that tells whether a signal has asked this process to stop."""
    asked: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        asked.append(number)

    watched = [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup asks to go on when the terminal is closed
        watched.append(signal.SIGHUP)
    before = {number: signal.signal(number, note) for number in watched}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
