"""Whether disk and memory have room for something, known before it is begun."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from soundbench.core.errors import InputError

RESERVE = 100_000_000  # bytes of a disk that stay free


class NoRoomError(InputError):
    """The disk, and not what should be written, is what is wrong."""


def free_bytes(path: str | Path) -> int:
    """The free bytes of the disk that ``path`` is on, or will be on."""
    path = Path(path).absolute()
    return shutil.disk_usage(next(place for place in (path, *path.parents) if place.exists())).free


def memory_bytes() -> int:
    """The memory of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def check_room(what: str, size: int, path: str | Path) -> None:
    """Refuse to write ``size`` bytes where that would fill the disk.

    Raises:
        NoRoomError: they do not fit, or would leave less than :data:`RESERVE`.
    """
    if size > (free := free_bytes(path)) - RESERVE:
        raise NoRoomError(f"{what}: needs {size / 1e6:,.0f} MB, but {Path(path).parent} has {free / 1e6:,.0f} MB left")
