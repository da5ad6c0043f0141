"""The columns of a table of recordings: those that are missing, that may mean another one, or that are composed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher

import pandas as pd

from soundbench.data.names import folded

REQUIRED = ["path", "label"]
OPTIONAL = ["group", "fold", "part"]  # other columns are skipped, and the notes name them
FIELD = re.compile(r"\{([^{}]+)\}")  # the name of a column in a text of the key `columns`
# Names that may mean these columns. If a column of groups were ignored, a speaker could be in training and test.
MEANT = {
    "path": {"path", "file", "filename", "filepath"},
    "label": {"label", "class", "category", "target"},
    "group": {"group", "grp", "speaker", "spk", "subject", "session", "recording", "participant", "patient", "person"},
    "fold": {"fold", "cvfold"},
}
MEANT["group"] |= {"actor", "singer", "talker", "individual", "animal"}
NEAR = 0.75  # the similarity (difflib) from which a name is a misspelling of `group`, such as grp and gruop
ADVICE = {
    "group": "Name it `group` if clips of one {name} must not be on two sides of a split; else give it another name",
    "fold": "Name it `fold` if it numbers the folds, else give it another name",
}


def composed(table: pd.DataFrame, columns: dict[str, str]) -> pd.DataFrame:
    """The columns that ``columns`` makes of those of the table."""
    rows = table.to_dict("records")
    made = {name: [_filled(source, row) for row in rows] for name, source in columns.items()}
    return pd.DataFrame(made, dtype=str)


def _filled(source: str, row: dict[str, str]) -> str:
    return row[source] if source in row else FIELD.sub(lambda field: row[field[1]], source)


def fields(source: str, names: list[str]) -> list[str]:
    """The columns that a text of ``columns`` names: the text is the name of a column, or has names in braces."""
    return [source] if source in names or not set("{}") & set(source) else FIELD.findall(source)


def composition_problems(columns: dict[str, str], names: list[str]) -> Iterator[str]:
    """The problems of ``columns`` that name missing columns of the table, or whose braces enclose no name."""
    for name, source in columns.items():
        if source not in names and set("{}") & set(FIELD.sub("", source)):
            yield f"columns.{name}: braces should enclose names of columns, as in {{file}}.wav, but it is {source!r}"
        else:
            yield from missing_columns(f"columns.{name}", fields(source, names), names)


def missing_columns(key: str, wanted: Iterable[str], names: list[str]) -> Iterator[str]:
    """The problem of a key that names columns which the table lacks."""
    if missing := [name for name in wanted if name not in names]:
        there = ", ".join(map(repr, names))
        yield f"{key}: there is no column {' and '.join(missing)}; the first line names {there}"


def column_problems(names: list[str], named: set[str]) -> Iterator[str]:
    """The problems of columns that are missing, that are repeated, or that may mean another one.

    Args:
        named: the columns that keys of the source name; ``label`` is among them if another column holds the labels.
    """
    counts = Counter(map(str.casefold, filter(None, names)))
    for name in [name for name, count in counts.items() if count > 1]:
        yield f"has several columns named {name}; names must differ, and not only by capital letters"
    free = [name for name in names if name not in named]
    if missing := [name for name in REQUIRED if name not in {*names, *named}]:
        near = [f"; is {name!r} the {known}?" for known in missing for name in free if may_mean(name, known)]
        there = ", ".join(map(repr, names))
        yield f"lacks the column {' and '.join(missing)}; its first line names {there}{''.join(near)}"
    for known in [known for known in ADVICE if known not in names]:
        for name in [name for name in free if may_mean(name, known)]:
            yield f"the column {name!r} would not be used. {ADVICE[known].format(name=name)}"


def may_mean(name: str, known: str) -> bool:
    """Whether a column may mean a ``known`` one: in another case, in the plural, as a synonym or misspelt."""
    bare = "".join(filter(str.isalnum, folded(name)))
    forms = {bare, bare.removesuffix("s"), bare.removesuffix("id"), bare.removesuffix("ids")}
    return bool(forms & MEANT[known]) or (known == "group" and SequenceMatcher(a=bare, b=known).ratio() >= NEAR)
