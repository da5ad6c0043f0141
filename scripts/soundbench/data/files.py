"""Helpers of readers: audio files in folders, digests of files, and names of clips."""

from __future__ import annotations

import csv
import hashlib
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from soundbench.data.names import is_utf8

# The suffixes of the formats that libsndfile 1.2 reads and recognises from the file itself.
AUDIO_SUFFIXES = {".aif", ".aifc", ".aiff", ".au", ".caf", ".flac", ".mp3", ".oga", ".ogg", ".opus", ".rf64", ".snd"}
AUDIO_SUFFIXES |= {".sph", ".voc", ".w64", ".wav", ".wave"}
UNREAD_SUFFIXES = {".3gp", ".aac", ".amr", ".m4a", ".mka", ".mp4", ".webm", ".wma"}  # of recordings in other formats
HIDDEN = {".": ".", "_": "__"}  # the beginnings of hidden names, by their first letter
LONGEST_NAME = 100  # characters; a file name may have 255 bytes, and copies of a clip get a suffix


def is_hidden(path: Path) -> bool:
    """Whether a name is hidden: it comes from a file manager (``.DS_Store``, ``__MACOSX``), or should be skipped."""
    return path.name.startswith(tuple(HIDDEN.values()))


def audio_files(folder: Path, underscores: bool = False) -> tuple[list[Path], Counter[str]]:
    """The audio files below ``folder``, sorted, and a count by suffix of the other files.

    Args:
        underscores: also those whose names begin with two underscores, as names of videos may.
    """
    hidden = "." if underscores else tuple(HIDDEN.values())
    files: list[Path] = []
    others: Counter[str] = Counter()
    for base, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(hidden)]
        for path in (Path(base, name) for name in names if not name.startswith(hidden)):
            if path.suffix.lower() in AUDIO_SUFFIXES:
                files.append(path)
            else:
                others[path.suffix.lower() or "no suffix"] += 1
    return sorted(files), others


def unread_files(others: Counter[str]) -> str:
    """The files that :func:`audio_files` counts by suffix, and what to do with recordings among them."""
    kinds = ", ".join(f"{count} × {suffix}" for suffix, count in sorted(others.items()))
    convert = "; convert recordings, for example with ffmpeg" if UNREAD_SUFFIXES & others.keys() else ""
    return f"files that libsndfile does not read as audio ({kinds}{convert})"


def no_audio_problem(folder: Path, others: Counter[str]) -> str:
    """The problem of a folder in which :func:`audio_files` finds no audio, but these other files."""
    return f"{folder}: holds no audio file" + (f", but {unread_files(others)}" if others else "")


def folder_with(root: Path, names: Sequence[str]) -> Path:
    """``root``, or the first folder in it that holds all these files: an archive often contains one folder."""
    inside = sorted(path for path in root.glob("*") if path.is_dir())
    return next((folder for folder in (root, *inside) if all((folder / name).is_file() for name in names)), root)


def shards(root: Path) -> list[Path]:
    """The Parquet and Arrow files below a folder, sorted, without the cache of the package datasets."""
    found = (path for kind in ("*.parquet", "*.arrow") for path in root.rglob(kind))
    return sorted(path for path in found if not is_hidden(path) and not path.name.startswith("cache-"))


def skipped(folder: Path) -> Iterator[str]:
    """The paths that :func:`audio_files` skips although they may hold recordings, with the reason; without the ``._*``
    of macOS."""
    for base, folders, names in os.walk(folder):
        for path in (Path(base, name) for name in sorted(folders)):
            if path.is_symlink():
                yield f"{path}: is a link to a folder"
            elif is_hidden(path) and audio_files(path)[0]:
                yield f"{path}: its name begins with {HIDDEN[path.name[0]]}"
        folders[:] = [name for name in folders if not is_hidden(Path(name))]
        for path in (Path(base, name) for name in sorted(names)):
            if is_hidden(path) and path.suffix.lower() in AUDIO_SUFFIXES and not path.name.startswith("._"):
                yield f"{path}: its name begins with {HIDDEN[path.name[0]]}"


def is_plain(path: str) -> bool:
    """Whether Snakemake can use a path: it is UTF-8, and holds no brackets of wildcards and path variables."""
    return not set("{}<>") & set(path) and is_utf8(path)


def folders_below(root: str | Path) -> list[str]:
    """The folders below ``root`` whose paths are plain; their dates show Snakemake that files were added or removed."""
    found = (str(Path(base, name)) for base, folders, _ in os.walk(root) for name in folders)
    return sorted(filter(is_plain, found))


class FilesState(NamedTuple):
    """The number of a source's files, and a digest of their names, sizes and dates."""

    number: int
    digest: str


@cache
def files_state(root: str) -> FilesState:
    """The state of a source's files; the digest changes if a file is overwritten in place.

    It is found when a study is planned. So no file except the table is opened, and each source is read only once.

    Args:
        root: a folder with the files, or a table that lists them. There are no files for an archive, and for a source
            without recordings of the user.
    """
    files = _files_below(root) if root and Path(root).is_dir() else _listed_files(root)
    lines = [f"{path} {found.st_size} {found.st_mtime_ns}" if found else f"{path} missing" for path, found in files]
    text = "\n".join(sorted(lines))
    return FilesState(len(lines), hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16])


def _files_below(folder: str, above: tuple[str, ...] = ()) -> Iterator[tuple[str, os.stat_result | None]]:
    """The files below a folder; links are followed, except to a folder above.

    Names that begin with a dot are left out. Two underscores hide a file from some readers, but not from all.
    """
    above = (*above, os.path.realpath(folder))
    try:
        entries = [entry for entry in os.scandir(folder) if not entry.name.startswith(".")]
    except OSError:
        return  # the reader of the source reports that the folder cannot be read
    for entry in entries:
        if not entry.is_dir():
            yield entry.path, _stat(entry)
        elif not entry.is_symlink() or os.path.realpath(entry.path) not in above:
            yield from _files_below(entry.path, above)


def _listed_files(table: str) -> Iterator[tuple[str, os.stat_result | None]]:
    """The files that a table lists; none if the table cannot be read, which the reader reports."""
    folder = Path(table).parent
    try:
        with open(table, encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file, skipinitialspace=True)
            column = [name.strip() for name in next(rows, [])].index("path")
            paths = [row[column].strip() for row in rows if len(row) > column]
    except (ValueError, OSError, csv.Error):
        return
    for path in paths:
        # Lists of recordings to predict may begin with ~. Path.expanduser() raises an error if there is no such user.
        yield path, _stat(folder / path_on_disk(folder, os.path.expanduser(path)))  # noqa: PTH111


def _stat(file: os.DirEntry[str] | Path) -> os.stat_result | None:
    try:
        return file.stat()
    except (OSError, ValueError):
        return None


def path_on_disk(folder: Path, path: str) -> str:
    """The Unicode form of a path in ``folder`` that names a file; the path itself if none does.

    macOS writes é as two characters, most tables as one.
    """
    if path.isascii():
        return path
    forms = (path, unicodedata.normalize("NFC", path), unicodedata.normalize("NFD", path))
    return next((form for form in forms if _stat(folder / form)), path)


def separator_problem(header: Sequence[str]) -> str | None:
    """The problem of a table whose columns are not separated by commas, from the fields of its first line."""
    marks = {";": "semicolons", "\t": "tabs"}
    found = [name for mark, name in marks.items() if len(header) == 1 and mark in header[0]]
    return f"its columns are separated by {found[0]}; save it with commas between them" if found else None


def path_problem(path: str, folder: str) -> str | None:
    """The problem of a path in a table, if it is absolute or leads out of ``folder``."""
    parts = PurePosixPath(path)
    if parts.is_absolute():
        return f"the path {path} is absolute; it should be relative to {folder}"
    if ".." in parts.parts:
        return f"the path {path} leads out of {folder}"
    return None


def clip_ids(paths: Sequence[str]) -> list[str]:
    """A name for each clip, from its path without suffix, that can be part of a file name on any system.

    ``dog/back yard/1.wav`` becomes ``dog-back_yard-1``. If two names would be equal, or differ only in case, both get a
    digest of their path, so that names do not depend on the order of clips.
    """
    stems = [PurePosixPath(path).with_suffix("").as_posix().replace("/", "-") for path in paths]
    names = [re.sub(r"[^A-Za-z0-9._-]+", "_", stem).strip("._-") for stem in stems]
    counts = Counter(name.casefold() for name in names)
    return [
        name
        if name and counts[name.casefold()] == 1 and len(name) <= LONGEST_NAME
        else f"{name[:LONGEST_NAME]}-{hashlib.sha256(os.fsencode(path)).hexdigest()[:8]}".lstrip("-")
        for name, path in zip(names, paths, strict=True)
    ]
