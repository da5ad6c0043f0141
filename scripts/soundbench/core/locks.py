"""Locks between processes that write the same files.

They are ``flock``'s: the kernel releases the lock of a process that dies, and file systems that the nodes of a cluster
share pass it on. Where a file system has no ``flock``, taking one is an error.
"""

from __future__ import annotations

from pathlib import Path

from filelock import AcquireReturnProxy, FileLock, Timeout

Taken = AcquireReturnProxy[FileLock]

_held: list[Taken] = []


def _lock(path: Path) -> FileLock:
    return FileLock(path, thread_local=False, fallback_to_soft=False)


def try_lock(path: Path) -> Taken | None:
    """Take the lock on the file ``path``, which is made if there is none; None if another process has it.

    The end of a ``with`` on the result releases the lock.

    Raises:
        OSError: ``path`` is a link, or cannot be opened.
    """
    try:
        return _lock(path).acquire(blocking=False)
    except Timeout:
        return None


def wait_for_lock(path: Path) -> Taken:
    """As :func:`try_lock`, but wait until no other process has the lock; asks once per second."""
    return _lock(path).acquire(poll_interval=1)


def hold(path: Path) -> bool:
    """Take the lock on the file ``path`` until this process ends; False if another process has it."""
    taken = try_lock(path)
    if taken is not None:
        _held.append(taken)
    return taken is not None
