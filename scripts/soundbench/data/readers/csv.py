"""Anyone's recordings in a table: one row per clip, with path and label, and optionally group, fold and part."""

from __future__ import annotations

import re
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from soundbench.core.errors import InputError
from soundbench.core.text import shortened_list
from soundbench.data.audio import audio_seconds
from soundbench.data.columns import (
    OPTIONAL,
    REQUIRED,
    UNUSED,
    column_problems,
    composed,
    composition_problems,
    fields,
    may_mean,
    missing_columns,
)
from soundbench.data.files import clip_ids, folder_with, path_on_disk, path_problem, separator_problem
from soundbench.data.parts import part_name, part_path, seconds_of, time_problems
from soundbench.data.targets import LABELLED, Targets

ROOT = "table"
SETTINGS = {
    "root": {
        "description": (
            "The table, in UTF-8. Its columns are `path` (relative to the table's folder), `label`, and optionally "
            "`group` (what must not be split, such as a recording or a speaker), `fold` (1, 2, …) and `part` (`train`, "
            "`val`, `test`). Other columns are listed and not used. A column that may be meant as one of these, such "
            "as `Group` or `speaker`, is refused. With `table`: the folder, or a .zip archive of it."
        ),
        "type": ["string", "null"],
        "minLength": 1,
        "default": None,
    },
    "table": {
        "description": "The table's path in the folder `root`. Then paths in the table are relative to that folder.",
        "type": ["string", "null"],
        "minLength": 1,
        "default": None,
    },
    "columns": {
        "description": (
            "For a `table` with other column names: what each column of the clip table is made of. It is the name of a "
            'column, or a text with names in braces: `{path: "fold{fold}/{file}", label: class, group: speaker}`. '
            "Further names become further columns. Without `group`, a column that is not used and may name groups, "
            "such as `speaker`, is refused, and without `fold` one that may number folds; `speaker: speaker` keeps it "
            "as a further column."
        ),
        "type": "object",
        "default": {},
        "additionalProperties": {"type": "string", "minLength": 1},
    },
    "start": {
        "description": (
            "The column with the start (s) of each clip, if clips are parts of longer files: events in a recording. "
            "With `end`. No audio is copied. Clips of one file are a group, unless there is a `group`."
        ),
        "type": ["string", "null"],
        "minLength": 1,
        "default": None,
    },
    "end": {
        "description": "The column with the end (s) of each clip, with `start`.",
        "type": ["string", "null"],
        "minLength": 1,
        "default": None,
    },
    **LABELLED,
}
TIMES = ["start", "end"]
VALUE = re.compile(r"'.*?'|\S+ s\b|@[\d.-]+")  # a text, a time, or the times of a part in the text of a problem
NAMED = 5  # rows with the same problem in a message
UNREADABLE = (pd.errors.ParserError, pd.errors.ParserWarning, pd.errors.EmptyDataError)


def read(
    root: Path,
    *,
    table: str | None = None,
    columns: dict[str, str] | None = None,
    start: str | None = None,
    end: str | None = None,
    **labelled: Any,
) -> pd.DataFrame:
    """The clips of a table, ``root`` itself or the file ``table`` in it.

    Paths are relative to the folder of ``root``, or to ``root`` if ``table`` is given. ``group`` is what must never be
    split (a recording, a speaker); without it each file is its own group. ``fold`` counts from 1.
    ``attrs["notes"]`` lists the other columns of the table.

    Args:
        columns: what the columns of the clip table are made of, if the table has other names: a column of it, or a text
            with the names of columns in braces.
        start, end: the columns with the times (s) of clips that are parts of files; None if clips are whole files.
        labelled: ``labels``, ``separator`` and ``values``, as in :class:`soundbench.data.targets.Targets`.

    Raises:
        InputError: columns are missing or may be meant otherwise, or rows cannot be used; of many rows with the same
            problem the first are named.
    """
    folder = folder_with(root, [table]) if table else root.parent
    file = folder / table if table else root
    wanted = Targets(**labelled)
    rows = _read_table(file, columns or {}, {"start": start, "end": end} if start and end else {}, wanted)
    rows["path"] = [path_on_disk(folder, path) for path in rows["path"]]
    place = "root" if table else "the table's folder"
    if problems := sorted(_problems(rows, folder, place, wanted), key=lambda problem: problem[0]):
        raise InputError(_examples(problems, list(rows["path"])), f"{file}: rows that cannot be used:")
    files = list(dict.fromkeys(rows["path"]))
    names = rows["path"].map(dict(zip(files, clip_ids(files), strict=True)))
    found = wanted.apply(rows).assign(clip=names, path=[str(folder / path) for path in rows["path"]])
    found["group"] = found.get("group", names)
    found["fold"] = found["fold"].astype(int) if "fold" in found else pd.NA
    if start:
        parts = [(float(first), float(last)) for first, last in rows[TIMES].to_numpy()]
        found["clip"] = [part_name(name, *times) for name, times in zip(names, parts, strict=True)]
        found["path"] = [part_path(path, *times) for path, times in zip(found["path"], parts, strict=True)]
        found = found.drop(columns=TIMES)
    found.attrs["notes"] = rows.attrs["notes"]
    return found


def _read_table(root: Path, columns: dict[str, str], times: dict[str, str], wanted: Targets) -> pd.DataFrame:
    """The table's text, stripped of blanks around it; a ``group`` or ``fold`` that is empty throughout is left out.

    Args:
        times: the columns with the times of parts, by key.
        wanted: the columns with several labels or with numbers.
    """
    table = read_text(root)
    names = list(table.columns)
    keys = {key: [name] for key, name in times.items()} | wanted.columns
    made = columns or {name: name for name in REQUIRED + OPTIONAL if name in names}
    read = {name for each in keys.values() for name in each}
    read |= {name for source in made.values() for name in fields(source, names)}
    problems = list(composition_problems(columns, names))
    problems += column_problems(names, columns, read, wanted.replaces_label())
    problems += [problem for key, each in keys.items() for problem in missing_columns(key, each, names)]
    if problems:
        raise InputError(f"{root}: {problem}" for problem in problems)
    if table.empty:
        raise InputError(f"{root}: has no rows")
    table = table.apply(lambda column: column.str.strip())
    used = composed(table, made)
    used = used.drop(columns=[name for name in OPTIONAL if name in used and used[name].eq("").all()])
    # A file has one name, however its path is written, because the parts of a file are one group.
    used = used.assign(path=[str(PurePosixPath(path)) if path else "" for path in used["path"]])
    used = used.assign(**{key: table[name] for key, name in times.items()})
    used = used.assign(**{name: table[name] for each in wanted.columns.values() for name in each})
    others = table.loc[:, [bool(name) and name not in read for name in names]]
    used.attrs["notes"] = list(_notes(root, others, used))
    return used


def read_text(root: Path) -> pd.DataFrame:
    """The table as it is in the file, without rows that are empty: Excel may write these as commas.

    Raises:
        InputError: it cannot be read.
    """
    options = {"dtype": str, "keep_default_na": False, "encoding": "utf-8-sig", "skipinitialspace": True}
    try:
        with warnings.catch_warnings(action="error", category=pd.errors.ParserWarning):
            # The names are read separately, because pandas would rename a second column with the same name.
            names = [name.strip() for name in pd.read_csv(root, header=None, nrows=1, **options).iloc[0]]
            if problem := separator_problem(names):
                raise InputError(f"{root}: {problem}")
            # Without index_col, the first fields would be lost if all rows are longer than the first line.
            table = pd.read_csv(root, index_col=False, **options)
            table = table[table.ne("").any(axis=1)].reset_index(drop=True)
    except (*UNREADABLE, UnicodeDecodeError, OSError) as error:
        raise InputError(f"{root}: cannot be read as a table of comma-separated values in UTF-8 ({error})") from error
    table.columns = names
    return table


def _notes(root: Path, others: pd.DataFrame, used: pd.DataFrame) -> Iterator[str]:
    """What the user should know of a table, of which some columns are used and ``others`` are not."""
    if len(others.columns):
        yield f"{root}: {UNUSED}: {', '.join(others)}"
    if "group" in used:
        for name, values in [(name, values) for name, values in others.items() if may_mean(str(name), "group")]:
            groups = used["group"].groupby(values[values != ""]).nunique()
            if divided := list(groups.index[groups > 1]):
                several = shortened_list(divided, 5)
                yield f"{root}: clips of one {name} are in several groups, so a split may divide them: {several}"
    elif "start" in used:
        yield f"{root}: names no groups, so the clips of each file are a group"
    else:
        yield f"{root}: names no groups, so each clip is its own group and a split may divide any two clips"


def _problems(table: pd.DataFrame, folder: Path, place: str, wanted: Targets) -> Iterator[tuple[int, str]]:
    """The problems of rows, each with the number of the row; the first row below the column names is 1."""
    length = cache(lambda path: audio_seconds(folder / path))
    rows = table.to_dict("records")
    clips = [_described(row) for row in rows]
    times = Counter(clips)
    filled = ("path", "group") if wanted.replaces_label() else ("path", "label", "group")
    for number, (row, clip) in enumerate(zip(rows, clips, strict=True), start=1):
        for name in [name for name in filled if name in row]:
            if not row[name]:
                yield number, f"{name} is empty"
        if problem := path_problem(row["path"], place):
            yield number, problem
        elif times[clip] > 1 and row["path"]:
            hint = "" if "start" in row else "; name the columns `start` and `end` if clips are parts of files"
            yield number, f"{clip} is in the table more than once{hint}"
        elif "start" in row:
            found = time_problems(row["start"], row["end"], partial(length, row["path"]))
            yield from ((number, problem) for problem in found)
        yield from ((number, problem) for problem in wanted.problems(row))
        if "fold" in row and not (row["fold"].isdecimal() and int(row["fold"]) > 0):
            yield number, f"fold should be a whole number from 1, but is {row['fold']!r}"


def _examples(problems: list[tuple[int, str]], paths: list[str]) -> Iterator[str]:
    """One line per row; of rows whose problems differ only in the path and in values, the first :data:`NAMED`."""
    alike: dict[str, list[str]] = defaultdict(list)
    for row, text in problems:
        lines = alike[VALUE.sub("", text.replace(paths[row - 1], ""))]
        lines.append(f"row {row}: {text}")
        if len(lines) <= NAMED:
            yield lines[-1]
    for lines in alike.values():
        if len(lines) > NAMED:
            yield f"{len(lines) - NAMED} more rows, such as {lines[NAMED]}"


def _described(row: dict[str, str]) -> str:
    """What may be in a table once: a path, or a part of a file with its times to a millisecond."""
    path = f"the path {row['path']}"
    if "start" not in row:
        return path
    start = seconds_of(row["start"])
    end = seconds_of(row["end"])
    if start is None or end is None:
        return f"{path} from {row['start']} to {row['end']}"
    return part_name(path, start, end)
