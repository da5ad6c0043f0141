"""The columns of a table of recordings: those that are missing, that may mean another one, or that are composed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterable, Iterator
from difflib import SequenceMatcher
from functools import reduce
from operator import add

import pandas as pd

from soundbench.data.names import folded

REQUIRED = ["path", "label"]
OPTIONAL = ["group", "fold", "part"]  # other columns are skipped, and the notes name them
PARTS = ("train", "val", "test")
# The words that name a part: https://huggingface.co/docs/datasets/repository_structure, and `development`.
PART_OF = dict.fromkeys(("train", "training"), "train")
PART_OF |= dict.fromkeys(("val", "valid", "validation", "dev", "development"), "val")
PART_OF |= dict.fromkeys(("test", "testing", "eval", "evaluation"), "test")
FIELD = re.compile(r"\{([^{}]+)\}")  # the name of a column in a text of the key `columns`
# Names that may mean these columns. If a column of groups were ignored, a speaker could be in training and test.
MEANT = {
    "path": {"path", "file", "filename", "filepath"},
    "label": {"label", "class", "category", "target"},
    "group": {"group", "grp", "speaker", "spk", "subject", "session", "recording", "participant", "patient", "person"},
    "fold": {"fold", "cvfold"},
}
MEANT["group"] |= {"actor", "singer", "talker", "individual", "animal"}
NEAR = 0.75  # the similarity (difflib) from which a name is a misspelling, such as grp and gruop of `group`
UNUSED = "columns that are not used"  # the beginning of a note that needs no attention
WHY = {"group": "clips of one {name} must not be on two sides of a split", "fold": "it numbers the folds"}


def composed(table: pd.DataFrame, columns: dict[str, str]) -> pd.DataFrame:
    """The columns that ``columns`` makes of those of the table."""
    made = {name: table[source] if source in table else _filled(table, source) for name, source in columns.items()}
    return pd.DataFrame(made, dtype=str)


def _filled(table: pd.DataFrame, source: str) -> pd.Series:
    parts = [table[part] if number % 2 else part for number, part in enumerate(FIELD.split(source))]
    return reduce(add, parts)


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


def column_problems(names: list[str], columns: dict[str, str], used: set[str], labelled: bool) -> Iterator[str]:
    """The problems of columns that are missing, that are repeated, or that may mean another one.

    Args:
        columns: the key ``columns``; empty if the table has the names :data:`REQUIRED` and :data:`OPTIONAL` itself.
        used: the columns that are read.
        labelled: whether other columns replace ``label``.
    """
    counts = Counter([name for name in names if name in used] if columns else map(str.casefold, filter(None, names)))
    for name in [name for name, count in counts.items() if count > 1]:
        yield f"has several columns named {name}; names must differ, and not only by capital letters"
    given = {*(columns or names), *(["label"] if labelled else [])}
    if missing := [name for name in REQUIRED if name not in given]:
        free = [name for name in names if name not in used]
        near = [(name, known) for known in missing for name in free if may_mean(name, known, misspelt=True)]
        hints = "".join(f"; is {name!r} the {known}?" for name, known in near)
        there = ", ".join(map(repr, names))
        yield f"lacks the column {' and '.join(missing)}; its first line names {there}{hints}"
    for name, known in unused_roles(names, given, used):
        advice = f"Write `{known}: {name}` into `columns`" if columns else f"Name it `{known}`"
        other = f"keep it as `{free_name(name)}: {name}`" if columns else "give it another name"
        yield f"the column {name!r} would not be used. {advice} if {WHY[known].format(name=name)}, else {other}"


def unused_roles(names: Iterable[str], given: Container[str], used: set[str]) -> Iterator[tuple[str, str]]:
    """The columns that are not used although they may mean ``group`` or ``fold``, which is not ``given``; and which."""
    for known in [known for known in WHY if known not in given]:
        yield from ((name, known) for name in names if name not in used and may_mean(name, known))


def free_name(name: str) -> str:
    """The name of a further column of the clip table that holds a column of this name."""
    return f"own_{name}" if name in REQUIRED + OPTIONAL else name


def may_mean(name: str, known: str, misspelt: bool = False) -> bool:
    """Whether a column may mean a ``known`` one: in another case, in the plural or as a synonym.

    Args:
        misspelt: also if its name is misspelt. A misspelt ``group`` always counts.
    """
    bare = "".join(filter(str.isalnum, folded(name)))
    forms = {bare, bare.removesuffix("s"), bare.removesuffix("id"), bare.removesuffix("ids")}
    similar = SequenceMatcher(a=bare, b=known).ratio() >= NEAR
    return bool(forms & MEANT[known]) or (similar and (misspelt or known == "group"))
