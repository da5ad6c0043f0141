"""Anyone's recordings in a table: one row per clip, with path and label, and optionally group, fold and part."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator
from difflib import SequenceMatcher
from pathlib import Path, PurePosixPath
from string import Formatter

import pandas as pd

from soundbench.core.errors import InputError
from soundbench.data.files import clip_ids, folder_with, path_problem
from soundbench.data.names import folded

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
            "Further names become further columns."
        ),
        "type": "object",
        "default": {},
        "additionalProperties": {"type": "string", "minLength": 1},
    },
}
REQUIRED = ["path", "label"]
OPTIONAL = ["group", "fold", "part"]  # other columns are skipped, and the notes name them
# Names that may mean these columns. If a column of groups were ignored, a speaker could be in training and test.
MEANT = {
    "path": {"path", "file", "filename", "filepath"},
    "label": {"label", "class", "category", "target"},
    "group": {"group", "grp", "speaker", "spk", "subject", "session", "recording", "participant", "patient", "person"},
    "fold": {"fold", "cvfold"},
}
MEANT["group"] |= {"actor", "singer", "talker", "individual", "animal"}
NEAR = 0.75  # the similarity (difflib) from which a name is a misspelling of `group`, such as grp and gruop
UNREADABLE = (pd.errors.ParserError, pd.errors.ParserWarning, pd.errors.EmptyDataError)


def read(root: Path, *, table: str | None = None, columns: dict[str, str] | None = None) -> pd.DataFrame:
    """The clips of a table, ``root`` itself or the file ``table`` in it.

    Paths are relative to the folder of ``root``, or to ``root`` if ``table`` is given. ``group`` is what must never be
    split (a recording, a speaker); without it each clip is its own group. ``fold`` counts from 1.
    ``attrs["notes"]`` lists the other columns of the table.

    Args:
        columns: what the columns of the clip table are made of, if the table has other names: a column of it, or a text
            with the names of columns in braces.

    Raises:
        InputError: columns are missing or may be meant otherwise, or rows cannot be used; all of them are named.
    """
    folder = folder_with(root, [table]) if table else root.parent
    file = folder / table if table else root
    rows = _read_table(file, columns or {})
    if problems := sorted(_problems(rows, "root" if table else "the table's folder"), key=lambda problem: problem[0]):
        raise InputError([f"row {row}: {text}" for row, text in problems], f"{file}: rows that cannot be used:")
    clips = clip_ids(list(rows["path"]))
    found = rows.assign(clip=clips, path=[str(folder / path) for path in rows["path"]])
    found["group"] = found.get("group", pd.Series(clips))
    found["fold"] = found["fold"].astype(int) if "fold" in found else pd.NA
    found.attrs["notes"] = rows.attrs["notes"]
    return found


def _read_table(root: Path, columns: dict[str, str]) -> pd.DataFrame:
    """The table's text, stripped of blanks around it; a ``group`` or ``fold`` that is empty throughout is left out."""
    options = {"dtype": str, "keep_default_na": False, "encoding": "utf-8-sig", "skipinitialspace": True}
    try:
        with warnings.catch_warnings(action="error", category=pd.errors.ParserWarning):
            # The names are read separately, because pandas would rename a second column with the same name.
            names = [name.strip() for name in pd.read_csv(root, header=None, nrows=1, **options).iloc[0]]
            # Without index_col, the first fields would be lost if all rows are longer than the first line.
            table = pd.read_csv(root, index_col=False, **options)
    except (*UNREADABLE, UnicodeDecodeError, OSError) as error:
        raise InputError(f"{root}: cannot be read as a table of comma-separated values in UTF-8 ({error})") from error
    if problems := list(_composition_problems(columns, names) if columns else _column_problems(names)):
        raise InputError(f"{root}: {problem}" for problem in problems)
    table.columns = names
    if table.empty:
        raise InputError(f"{root}: has no rows")
    table = table.apply(lambda column: column.str.strip())
    known = [name for name in REQUIRED + OPTIONAL if name in table]
    used = _composed(table, columns) if columns else table[known]
    used = used.drop(columns=[name for name in OPTIONAL if name in used and used[name].eq("").all()])
    used.attrs["notes"] = list(_notes(root, [] if columns else names, used))
    return used


def _composed(table: pd.DataFrame, columns: dict[str, str]) -> pd.DataFrame:
    """The columns that ``columns`` makes of those of the table."""
    rows = table.to_dict("records")
    made = {name: [_template(source).format_map(row) for row in rows] for name, source in columns.items()}
    return pd.DataFrame(made, dtype=str)


def _template(source: str) -> str:
    """A column's name as a text with braces: ``fold`` becomes ``{fold}``."""
    return source if "{" in source else f"{{{source}}}"


def _composition_problems(columns: dict[str, str], names: list[str]) -> Iterator[str]:
    """The problems of ``columns`` that name missing columns of the table."""
    there = ", ".join(map(repr, names))
    for name, source in columns.items():
        fields = [field for _, field, _, _ in Formatter().parse(_template(source)) if field is not None]
        if missing := [field for field in fields if field not in names]:
            yield f"columns.{name}: there is no column {' and '.join(missing)}; the first line names {there}"


def _column_problems(names: list[str]) -> Iterator[str]:
    """The problems of columns that are missing, that are repeated, or that may mean another one."""
    counts = Counter(map(str.casefold, filter(None, names)))
    for name in [name for name, count in counts.items() if count > 1]:
        yield f"has several columns named {name}; names must be unique, also regardless of case"
    if missing := [name for name in REQUIRED if name not in names]:
        near = [f"; is {name!r} the {known}?" for known in missing for name in names if may_mean(name, known)]
        there = ", ".join(map(repr, names))
        yield f"lacks the column {' and '.join(missing)}; its first line names {there}{''.join(near)}"
    for known in [known for known in ADVICE if known not in names]:
        for name in [name for name in names if may_mean(name, known)]:
            yield f"the column {name!r} would not be used. {ADVICE[known].format(name=name)}"


ADVICE = {
    "group": "Name it `group` if clips of one {name} must not be on two sides of a split; else give it another name",
    "fold": "Name it `fold` if it numbers the folds, else give it another name",
}


def may_mean(name: str, known: str) -> bool:
    """Whether a column may mean a ``known`` one: in another case, in the plural, as a synonym or misspelt."""
    bare = "".join(filter(str.isalnum, folded(name)))
    forms = {bare, bare.removesuffix("s"), bare.removesuffix("id"), bare.removesuffix("ids")}
    return bool(forms & MEANT[known]) or (known == "group" and SequenceMatcher(a=bare, b=known).ratio() >= NEAR)


def _notes(root: Path, names: list[str], used: pd.DataFrame) -> Iterator[str]:
    if others := [name for name in names if name and name not in REQUIRED + OPTIONAL]:
        yield f"{root}: columns that are not used: {', '.join(others)}"
    if "group" not in used:
        yield f"{root}: names no groups, so each clip is its own group and a split may divide any two clips"


def _problems(table: pd.DataFrame, place: str) -> Iterator[tuple[int, str]]:
    """The problems of rows, each with the number of the row; the first row below the column names is 1."""
    paths = [PurePosixPath(path) for path in table["path"]]
    repeated = pd.Series(map(str, paths)).duplicated(keep=False)
    for number, row in enumerate(table.to_dict("records")):
        path = paths[number]
        row_number = number + 1
        for name in [name for name in ("path", "label", "group") if name in row]:
            if not row[name]:
                yield row_number, f"{name} is empty"
        if problem := path_problem(str(path), place):
            yield row_number, problem
        elif repeated[number] and row["path"]:
            yield row_number, f"the path {path} is in the table more than once"
        if "fold" in row and not (row["fold"].isdecimal() and int(row["fold"]) > 0):
            yield row_number, f"fold should be a whole number from 1, but is {row['fold']!r}"
