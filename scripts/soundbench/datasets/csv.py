"""Anyone's recordings in a table: a row a clip, with ``path`` and ``label``, and optionally ``group`` and ``fold``."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pandas as pd

from soundbench.clipfiles import clip_ids, path_problem
from soundbench.errors import InputError

REQUIRED = ["path", "label"]
OPTIONAL = ["group", "fold"]  # other columns are passed over
UNREADABLE = (pd.errors.ParserError, pd.errors.ParserWarning, pd.errors.EmptyDataError)


def read(root: Path) -> pd.DataFrame:
    """The clips of the table ``root``; paths are relative to its folder.

    ``group`` is what must never be split (a recording, a speaker); without it each clip is a group of its own.
    ``fold`` counts from 1.

    Raises:
        InputError: columns are missing, or rows cannot be used; all of them are named.
    """
    table = _read_table(root)
    if problems := sorted(_problems(table), key=lambda problem: problem[0]):
        raise InputError([f"row {row}: {text}" for row, text in problems], f"{root}: rows that cannot be used:")
    clips = clip_ids(list(table["path"]))
    folder = root.parent
    return pd.DataFrame(
        {
            "clip": clips,
            "path": [str(folder / path) for path in table["path"]],
            "label": table["label"],
            "group": table.get("group", pd.Series(clips)),
            "fold": table["fold"].astype(int) if "fold" in table else pd.NA,
        }
    )


def _read_table(root: Path) -> pd.DataFrame:
    """The table's text, stripped of blanks around it; a ``group`` or ``fold`` that is empty throughout is left out."""
    options = {"dtype": str, "keep_default_na": False, "encoding": "utf-8-sig", "skipinitialspace": True}
    try:
        with warnings.catch_warnings(action="error", category=pd.errors.ParserWarning):
            # index_col: else rows that are all longer than the first line would have their first fields taken off.
            table = pd.read_csv(root, index_col=False, **options)
    except (*UNREADABLE, UnicodeDecodeError, OSError) as error:
        raise InputError(f"{root}: cannot be read as a table of comma-separated values in UTF-8 ({error})") from error
    table = table.rename(columns=str.strip)
    if missing := [name for name in REQUIRED if name not in table]:
        there = ", ".join(map(repr, table.columns))
        raise InputError(f"{root}: lacks the column {' and '.join(missing)}; its first line names {there}")
    if table.empty:
        raise InputError(f"{root}: has no rows")
    table = table[[name for name in REQUIRED + OPTIONAL if name in table]].apply(lambda column: column.str.strip())
    return table.drop(columns=[name for name in OPTIONAL if name in table and table[name].eq("").all()])


def _problems(table: pd.DataFrame) -> Iterator[tuple[int, str]]:
    """The number of a row, the first below the column names being 1, and what is wrong with it."""
    paths = [PurePosixPath(path) for path in table["path"]]
    twice = pd.Series(map(str, paths)).duplicated(keep=False)
    for number, row in enumerate(table.to_dict("records")):
        path, shown = paths[number], number + 1
        for name in set(row) - {"fold"}:
            if not row[name]:
                yield shown, f"{name} is empty"
        if problem := path_problem(str(path), "the table's folder"):
            yield shown, problem
        elif twice[number] and row["path"]:
            yield shown, f"the path {path} stands in the table more than once"
        if "fold" in row and not (row["fold"].isdecimal() and int(row["fold"]) > 0):
            yield shown, f"fold should be a whole number from 1, but is {row['fold']!r}"
