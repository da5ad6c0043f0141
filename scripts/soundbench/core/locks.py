"""Locks between processes that write the same files.

They use ``flock``: the kernel releases the lock of a process that dies, and shared file systems of clusters support it.
On a file system without ``flock``, taking a lock raises an error.
"""

from __future__ import annotations

from pathlib import Path

from filelock import AcquireReturnProxy, FileLock, Timeout

Taken = AcquireReturnProxy[FileLock]

_held: list[Taken] = []


def _lock(path: Path) -> FileLock:
    return FileLock(path, thread_local=False, fallback_to_soft=False)


def try_lock(path: Path) -> Taken | None:
    """Take the lock on the file ``path``, which is made if it does not exist; None if another process has the lock.

    The end of a ``with`` block on the result releases the lock.

    Raises:
        OSError: ``path`` is a link, or cannot be opened.
    """
    try:
        return _lock(path).acquire(blocking=False)
    except Timeout:
        return None


def wait_for_lock(path: Path) -> Taken:
    """As :func:`try_lock`, but wait until no other process has the lock; it is tried once per second."""
    return _lock(path).acquire(poll_interval=1)


def hold(path: Path) -> bool:
    """Take the lock on the file ``path`` until this process ends; False if another process has it."""
    taken = try_lock(path)
    if taken is not None:
        _held.append(taken)
    return taken is not None
