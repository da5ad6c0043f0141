"""Free disk space and memory, checked before work starts, and the memory that a process has used."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from soundbench.core.errors import InputError

RESERVE = 100_000_000  # bytes of a disk that must remain free


class NoRoomError(InputError):
    """The disk is too small or not writable; the data to be written are correct."""


def free_bytes(path: str | Path) -> int:
    """The free bytes of the disk that holds ``path``, or will hold it."""
    path = Path(path).absolute()
    return shutil.disk_usage(next(folder for folder in (path, *path.parents) if folder.exists())).free


def memory_bytes() -> int:
    """The memory of this machine in bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def peak_megabytes() -> float:
    """The largest memory that this process has had so far (MB, as Snakemake counts them: 2²⁰ bytes)."""
    import resource  # not on Windows, where the workflow does not run

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in kilobytes, on macOS in bytes
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10), 1)


def check_room(what: str, size: int, path: str | Path) -> None:
    """Refuse to write ``size`` bytes if that would fill the disk.

    Raises:
        NoRoomError: they do not fit, or would leave less than :data:`RESERVE` free.
    """
    if size > (free := free_bytes(path)) - RESERVE:
        raise NoRoomError(f"{what}: needs {size / 1e6:,.0f} MB, but {Path(path).parent} has {free / 1e6:,.0f} MB left")
