"""Unpack zip archives completely and safely, or not at all."""

from __future__ import annotations

import errno
import lzma
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath

from soundbench.core.capacity import NoRoomError, check_room
from soundbench.core.errors import InputError
from soundbench.core.storage import replace_on_disk

LARGEST_RATIO = 100  # unpacked bytes per byte of an archive; recordings have about 1.5, and only silence has more
SMALL = 50_000_000  # unpacked bytes up to which the ratio is not checked

Verify = Callable[[Path], None]

# The errors of reading a damaged archive, in addition to OSError.
DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, struct.error, ValueError, RuntimeError)
DISK_FAULTS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO)


def unpack(archive: Path, target: Path, verify: Verify | None = None) -> None:
    """Unpack a zip archive as the folder ``target``, which is replaced; after an error ``target`` is as before.

    Raises:
        NoRoomError: the disk is too small or not writable.
        InputError: the archive is damaged or holds unsafe members, or ``verify`` refuses its content.
    """
    temporary = target.with_name(f".{target.name}.unpacking")
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        _extract(archive, temporary)
        if verify:
            verify(temporary)
        shutil.rmtree(target, ignore_errors=True)
        replace_on_disk(temporary, target)
    except InputError:
        raise
    except OSError as error:
        # Other errors come from the archive, such as names that are too long, or that name a file and a folder.
        kind = NoRoomError if error.errno in DISK_FAULTS else InputError
        raise kind(f"{archive}: cannot be unpacked ({error.strerror or error})") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _extract(archive: Path, folder: Path) -> None:
    try:
        with zipfile.ZipFile(archive) as file:
            if problems := list(unsafe_members(file.infolist())):
                raise InputError(problems, f"{archive}: nothing was unpacked, because some members are unsafe:")
            _check_size(archive, sum(member.file_size for member in file.infolist()), folder)
            file.extractall(folder)
    except InputError:
        raise
    except DAMAGED as error:
        raise InputError(f"{archive}: is damaged, or is not a zip archive ({error})") from error


def _check_size(archive: Path, unpacked: int, folder: Path) -> None:
    """Refuse archives that would fill the disk. Unpacking never writes more bytes than an archive declares."""
    if unpacked > max(SMALL, LARGEST_RATIO * archive.stat().st_size):
        sizes = f"{archive.stat().st_size / 1e6:,.1f} MB would become {unpacked / 1e6:,.0f} MB"
        raise InputError(
            f"{archive}: nothing was unpacked: {sizes}. Audio does not compress so much; the archive may be harmful"
        )
    check_room(f"{archive}, unpacked", unpacked, folder)


def unsafe_members(members: Iterable[zipfile.ZipInfo]) -> Iterator[str]:
    """Members that would be written outside the target or over one another, or that are not files or folders."""
    names: set[str] = set()
    for member in members:
        name = member.filename
        path = PurePosixPath(name.replace("\\", "/"))
        if ".." in path.parts or path.is_absolute() or PureWindowsPath(name).drive:
            yield f"{name}: leads out of the folder"
        if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
            yield f"{name}: is a link or another special file"
        if member.flag_bits & 1:
            yield f"{name}: is encrypted"
        if name in names:
            yield f"{name}: is in the archive twice"
        names.add(name)
