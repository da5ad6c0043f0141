"""The source of a user's recordings, guessed from their folder or from their table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import product
from operator import itemgetter
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from soundbench.config.guesses import Field, guess_roles, unused_fields
from soundbench.core.errors import InputError
from soundbench.core.text import shortened_list
from soundbench.data.columns import PART_OF, REQUIRED, column_problems, free_name, may_mean, unused_roles
from soundbench.data.files import AUDIO_SUFFIXES, audio_files, no_audio_problem, path_problem
from soundbench.data.names import normalised
from soundbench.data.readers.csv import read_text

BETWEEN = "[-_. ]+"  # what separates the parts of a file name
PART = "[^-_. /]+"
TABLES = (".csv", ".tsv", ".txt")

Source = dict[str, Any]
Roles = dict[str, Field]
Guess = tuple[Source, Roles, list[str]]


def guess_source(recordings: Path) -> Guess:
    """The keys of a source that reads these recordings, the field of each role, and sentences on fields without one.

    Raises:
        InputError: there are no recordings, or nothing that names their labels.
    """
    if recordings.suffix.lower() in TABLES and recordings.is_file():
        return _source_of_table(recordings)
    if not recordings.is_dir():
        raise InputError(f"{recordings}: should be a folder with recordings, or a table (.csv) that lists them")
    return _source_of_folder(recordings)


def _source_of_folder(folder: Path) -> Guess:
    files, others = audio_files(folder)
    paths = [file.relative_to(folder).as_posix() for file in files]
    inside = [path for path in paths if "/" in path]
    used = inside or paths
    if not used:
        raise InputError(no_audio_problem(folder, others))
    fields = path_fields([normalised(path) for path in used])
    roles = guess_roles(fields)
    if "label" not in roles:
        raise InputError(
            f"{folder}: no label was found in names of folders or files ({shortened_list(used, 3)}); move the "
            "clips of each label into a sub-folder, or write a table with the columns path and label"
        )
    unused = list(unused_fields(fields, roles))
    if list(roles) == ["label"] and roles["label"] is fields[0] and fields[0].kind == "folder":
        return {"reader": "folder", "root": str(folder)}, roles, unused
    source: Source = {"reader": "pattern", "root": str(folder), "pattern": path_pattern(used, roles)}
    if "part" in roles:
        source["codes"] = {"part": {value: PART_OF[value.casefold()] for value in sorted(set(roles["part"].values))}}
    if len(used) < len(paths):
        source["ignore"] = "[^/]+"
    return source, roles, unused


def path_fields(paths: Sequence[str]) -> list[Field]:
    """The folders and the parts of the names that all paths have, in their order."""
    pure = [PurePosixPath(path) for path in paths]
    folders = min(len(path.parts) - 1 for path in pure)
    names = [re.split(BETWEEN, path.stem) for path in pure]
    parts = min(map(len, names)) if all(all(name) for name in names) else 0
    ends = parts if 2 * sum(len(name) == parts for name in names) > len(names) else 0
    found = [Field("folder", n + 1, tuple(path.parts[n] for path in pure)) for n in range(folders)]
    kinds = ["last" if n + 1 == ends else "name" for n in range(parts)]
    return found + [Field(kind, n + 1, tuple(name[n] for name in names)) for n, kind in enumerate(kinds)]


def path_pattern(paths: Sequence[str], roles: Roles) -> str:
    """The regular expression that takes each role from a path."""
    depths = {path.count("/") for path in paths}
    by_place = {(field.kind == "folder", field.place): role for role, field in roles.items()}
    folders = [_captured(by_place.get((True, n)), "[^/]+") + "/" for n in range(1, min(depths) + 1)]
    last = max((int(place) for folder, place in by_place if not folder), default=0)
    parts = [_captured(by_place.get((False, n)), PART) for n in range(1, last + 1)]
    between = "(?:.*/)?" if len(depths) > 1 else ""
    end = f"(?:{BETWEEN}[^/]*)" if last else "[^/]*"
    return "".join(folders) + between + BETWEEN.join(parts) + end


def _captured(role: str | None, what: str) -> str:
    if role == "fold":
        return "(?i:fold)[ _-]?(?P<fold>[0-9]+)"
    return f"(?P<{role}>{what})" if role else what


def _source_of_table(file: Path) -> Guess:
    table = _read_table(file)
    column, path = _path_column(file, table)
    fields = [Field("column", name, tuple(map(normalised, table[name]))) for name in table if name != column]
    roles = guess_roles(fields)
    if "label" not in roles:
        raise InputError(f"{file}: no column holds labels; rename one of its columns to label: {', '.join(table)}")
    columns = {"path": path} | {role: str(field.place) for role, field in roles.items()}
    others = unused_roles(table, columns, {column, *columns.values()})
    columns |= {free_name(name): name for name, _ in others}
    source = {"reader": "csv", "root": str(file.parent), "table": file.name, "columns": columns}
    return source, roles, list(unused_fields(fields, roles))


def _read_table(file: Path) -> pd.DataFrame:
    """The table's text, stripped of blanks around it."""
    table = read_text(file).apply(lambda column: column.str.strip())
    table = table.loc[:, table.columns != ""]  # a comma at the end of each line makes columns without names
    if table.empty:
        raise InputError(f"{file}: has no rows")
    names = list(table.columns)
    if problems := list(column_problems(names, {name: name for name in REQUIRED}, set(names), labelled=False)):
        raise InputError(f"{file}: {problem}" for problem in problems)
    return table


def _path_column(file: Path, table: pd.DataFrame) -> tuple[str, str]:
    """The column that names the files, and how a path follows from it.

    Raises:
        InputError: no column names files, or some of the files do not exist, or the first line names one.
    """
    found = {normalised(path.relative_to(file.parent).as_posix()) for path in audio_files(file.parent)[0]}
    folders = sorted({path.rpartition("/")[0] for path in found}, key=lambda folder: (folder.count("/"), folder))
    prefixes = ["", *(f"{folder}/" for folder in folders if folder)]
    suffixes = ["", *sorted({PurePosixPath(path).suffix for path in found})]
    values = {name: [str(PurePosixPath(normalised(value))) if value else "" for value in table[name]] for name in table}
    best = (0, "", "", "")
    for prefix, suffix, name in product(prefixes, suffixes, values):
        there = sum(f"{prefix}{value}{suffix}" in found for value in values[name])
        best = max(best, (there, name, prefix, suffix), key=itemgetter(0))
        if there == len(table):
            break
    there, column, prefix, suffix = best
    if f"{prefix}{PurePosixPath(column)}{suffix}" in found:
        raise InputError(f"{file}: its first line names the file {column!r}; write the names of the columns above it")
    if there == len(table):
        return column, f"{prefix}{{{column}}}{suffix}" if prefix or suffix else column
    if column := column or next((name for name in table if _may_name_files(name, table[name])), ""):
        missing = [value or "(an empty cell)" for value in values[column] if f"{prefix}{value}{suffix}" not in found]
        raise InputError(f"{file}: {_missing_problem(column, missing)}")
    raise InputError(f"{file}: no column names audio files in {file.parent} or below it; columns: {', '.join(table)}")


def _may_name_files(column: str, values: Iterable[str]) -> bool:
    suffixes = {PurePosixPath(value).suffix.lower() for value in values}
    return may_mean(column, "path") or bool(suffixes & AUDIO_SUFFIXES)


def _missing_problem(column: str, paths: list[str]) -> str:
    """The problem of paths in a column at which there are no files."""
    if refused := [problem for path in paths if (problem := path_problem(path, "the table's folder"))]:
        return refused[0]
    hint = "; write / between folders" if any("\\" in path for path in paths) else ""
    return f"the column {column!r} names files that do not exist: {shortened_list(paths, 5)}{hint}"
