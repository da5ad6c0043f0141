"""Find the recordings to predict, in files, folders, patterns and lists, and their labels if these are known."""

from __future__ import annotations

import csv
import glob
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from soundbench.core.errors import InputError
from soundbench.data.files import (
    AUDIO_SUFFIXES,
    audio_files,
    files_state,
    folders_below,
    is_plain,
    no_audio_problem,
    path_on_disk,
    separator_problem,
)
from soundbench.data.names import is_utf8, normalised, printable
from soundbench.data.parts import part_path, time_problems


@dataclass(frozen=True)
class Recording:
    """A file, and its label if that is known."""

    path: str
    actual: str = ""


def find_recordings(places: Iterable[str], labels: list[str]) -> list[Recording]:
    """The recordings at these places, in this order, each once.

    A place is a file, a folder (all audio files in it and below, by name), a pattern such as ``field/*.wav``, or a
    list: a CSV file with the column ``path``, relative to its folder, and optionally ``label``, and ``start`` and
    ``end`` (s) of a part of the file. The sub-folders of a folder are used as labels if all recordings lie in
    sub-folders that have the names of labels of the model.

    Raises:
        InputError: naming all places without recordings.
    """
    found: dict[str, Recording] = {}
    problems: list[str] = []
    for place in places:
        try:
            for recording in _at(place, labels):
                found.setdefault(recording.path, recording)
                if not is_utf8(recording.path):
                    problems.append(f"{printable(recording.path)}: the name of the file is not in UTF-8; rename it")
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return list(found.values())


def _at(place: str, labels: list[str]) -> Iterator[Recording]:
    path = Path(place).expanduser()
    if path.is_dir():
        yield from _in_folder(path, labels)
    elif _is_list(path):
        yield from _in_list(path)
    elif path.exists() or not (matches := matching(place)):
        if problem := place_problem(place):
            raise InputError(problem)
        yield Recording(str(path))
    else:
        for match in matches:
            if Path(match).is_dir() or Path(match).suffix.lower() in AUDIO_SUFFIXES:
                yield from _at(match, labels)


def matching(pattern: str) -> list[str]:
    """The files and folders that a pattern names, sorted."""
    # Path.glob() accepts no absolute pattern.
    return sorted(glob.glob(str(Path(pattern).expanduser()), recursive=True))  # noqa: PTH207


def place_problem(place: str) -> str | None:
    """The problem of a place that does not exist; its content is not checked."""
    if Path(place).expanduser().exists() or matching(place):
        return None
    return f"{place}: matches no file" if glob.has_magic(place) else f"{place}: does not exist"


def watched_files(place: str) -> list[str]:
    """The files and folders whose dates show that recordings at a place were changed, added or removed.

    Files whose names hold brackets of wildcards or path variables are predicted, but their dates are not used.
    """
    return [*filter(is_plain, _paths(place)), *folders_below(Path(place).expanduser())]


def files_digests(place: str) -> list[str]:
    """A digest of the recordings in each folder and list at a place.

    It changes if a recording is overwritten in place. The dates of its folder and of its list do not.
    """
    return [files_state(path).digest for path in _paths(place) if Path(path).is_dir() or _is_list(Path(path))]


def _paths(place: str) -> list[str]:
    path = Path(place).expanduser()
    return [str(path)] if path.exists() else matching(place)


def _is_list(path: Path) -> bool:
    return path.suffix.lower() in (".csv", ".tsv") and path.is_file()


def _in_folder(folder: Path, labels: list[str]) -> Iterator[Recording]:
    files, others = audio_files(folder)
    if not files:
        raise InputError(no_audio_problem(folder, others))
    tops = [normalised(file.relative_to(folder).parts[0]) for file in files]
    labelled = all(file.parent != folder for file in files) and set(tops) <= set(labels)
    for file, top in zip(files, tops, strict=True):
        yield Recording(str(file), top if labelled else "")


def _in_list(table: Path) -> Iterator[Recording]:
    try:
        with table.open(encoding="utf-8-sig", newline="") as lines:
            rows = csv.DictReader(lines, skipinitialspace=True)
            names = list(rows.fieldnames or [])
            if "path" not in names:
                lacks = f"lacks the column path; its first line names {', '.join(names)}"
                raise InputError(f"{table}: {separator_problem(names) or lacks}")
            found = [(rows.line_num, row) for row in rows]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{table}: cannot be read as a table of comma-separated values in UTF-8 ({error})") from error
    if problems := [f"{table}, line {line}: {problem}" for line, row in found for problem in _row_problems(row)]:
        raise InputError(problems)
    for _, row in found:
        file = str(table.parent / path_on_disk(table.parent, str(Path(row["path"]).expanduser())))
        path = part_path(file, float(row["start"]), float(row["end"])) if row.get("start") else file
        yield Recording(path, normalised(row.get("label") or "").strip())


def _row_problems(row: dict[str, str | None]) -> Iterator[str]:
    """The problems of a row of a list; whether the file is as long as its part is seen when it is read."""
    if not row["path"]:
        yield "the path is empty"
    if row.get("start") or row.get("end"):
        yield from time_problems(row.get("start") or "", row.get("end") or "", lambda: None)
