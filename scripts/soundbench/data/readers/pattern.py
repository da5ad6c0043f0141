"""Recordings whose file names say what they are: a regular expression takes label, group and fold from each name.

Where a data set is published with lists of its validation and test files, these give each clip its ``part``.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from soundbench.core.errors import InputError
from soundbench.core.text import shortened_list
from soundbench.data.columns import PARTS
from soundbench.data.files import audio_files, clip_ids, folder_with, no_audio_problem, skipped, unread_files
from soundbench.data.targets import LABELLED, Targets

SETTINGS = {
    "root": {
        "description": "The folder that holds the recordings, or a .zip archive of it. Nothing is fetched.",
        "type": ["string", "null"],
        "minLength": 1,
        "default": None,
    },
    "pattern": {
        "description": (
            "A regular expression (Python's) for the whole path of each audio file, relative to `root`, with `/` "
            "between folders. It needs a part named `label`, such as `(?P<label>[a-z]+)`. The parts `group` (what must "
            "not be split), `fold` (1, 2, …) and `part` (`train`, `val`, `test`) mean the same as in a table. Other "
            "named parts become further columns of the clip table. A file that does not match is an error."
        ),
        "type": "string",
        "minLength": 1,
    },
    "codes": {
        "description": (
            'What the codes in file names mean, by named part: `{label: {"05": angry}}`. A code that is not listed is '
            "an error. Write codes that are numbers in quotation marks."
        ),
        "type": "object",
        "default": {},
        "additionalProperties": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {"type": ["string", "integer"]},
        },
    },
    "ignore": {
        "description": "A regular expression for the whole path of audio files that are not clips. They are counted.",
        "type": ["string", "null"],
        "minLength": 1,
        "default": None,
    },
    "lists": {
        "description": (
            "Text files in `root` that list the clips of a part, one path per line, relative to `root`: "
            "`{val: validation_list.txt, test: testing_list.txt}`. Clips in no list are for training."
        ),
        "type": "object",
        "default": {},
        "additionalProperties": False,
        "properties": {part: {"type": "string", "minLength": 1} for part in ("val", "test")},
    },
    **LABELLED,
}

Codes = dict[str, dict[str, Any]]
Names = dict[str, dict[str, str]]  # by path: the text of each named part of the pattern


def read(
    root: Path,
    *,
    pattern: str,
    codes: Codes | None = None,
    ignore: str | None = None,
    lists: dict[str, str] | None = None,
    **labelled: Any,
) -> pd.DataFrame:
    """The audio files below ``root`` whose paths match ``pattern``.

    Each named part of the pattern becomes a column; :data:`SETTINGS` describes the arguments. Without a group each clip
    is its own group. ``attrs["notes"]`` lists what was skipped.

    Raises:
        InputError: there are no audio files; or files, codes or lists are not as the settings say, all of them named.
    """
    codes = codes or {}
    lists = lists or {}
    wanted = Targets(**labelled)
    home = folder_with(root, list(lists.values()))
    files, others = audio_files(home)
    paths = [file.relative_to(home).as_posix() for file in files]
    used = [path for path in paths if not (ignore and re.fullmatch(ignore, path))]
    if not used:
        ignored = f"{root}: holds no audio file that does not match `ignore`"
        raise InputError(ignored if paths else no_audio_problem(root, others))
    matches = {path: re.fullmatch(pattern, path) for path in used}
    names = {path: match.groupdict(default="") for path, match in matches.items() if match}
    listed = {part: _read_list(home / name) for part, name in lists.items()}
    problems = [f"{path}: does not match `pattern`" for path, match in matches.items() if match is None]
    if problems := [*problems, *_name_problems(names, codes, wanted), *_list_problems(listed, lists, paths)]:
        raise InputError(problems, f"{home}: files that do not fit the keys of the source:")
    table = pd.DataFrame(
        {name: _meaning(name, text, codes) for name, text in found.items()} for found in names.values()
    )
    clips = clip_ids(used)
    table = wanted.apply(table).assign(clip=clips, path=[str(home / path) for path in used])
    table["group"] = table.get("group", pd.Series(clips))
    table["fold"] = table["fold"].astype(int) if "fold" in table else pd.NA
    if lists:
        parts = {path: part for part, members in listed.items() for path in members or ()}
        table["part"] = [parts.get(path, "train") for path in used]
    table.attrs["notes"] = [*_notes(root, len(paths) - len(used), others), *_unused(root, names, codes)]
    table.attrs["notes"] += [f"{what}; skipped" for what in skipped(home)]
    return table


def _read_list(file: Path) -> list[str] | None:
    """The paths in a list, one per line; None if it cannot be read."""
    try:
        return [line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError):
        return None


def _name_problems(names: Names, codes: Codes, wanted: Targets) -> Iterator[str]:
    """Codes that mean nothing, parts that are empty, folds and parts of a split that are none, and bad targets."""
    unknown: dict[tuple[str, str], list[str]] = defaultdict(list)
    for path, found in names.items():
        coded = [name for name, text in found.items() if name in codes and text not in codes[name]]
        for name in coded:
            unknown[name, found[name]].append(path)
        meanings = {name: _meaning(name, text, codes) for name, text in found.items() if name not in coded}
        for name, text in meanings.items():
            if problem := _text_problem(name, text, may_lack_label=wanted.replaces_label()):
                yield f"{path}: its {name} {problem}"
        if not coded:
            yield from (f"{path}: its {problem}" for problem in wanted.problems(meanings))
    for (name, text), paths in sorted(unknown.items()):
        yield f"codes.{name}: lacks {text!r}, the {name} of {shortened_list(paths, 1)}"


def _text_problem(name: str, text: str, may_lack_label: bool) -> str | None:
    if name == "fold" and not (text.isdecimal() and int(text) > 0):
        return f"should be a whole number from 1, but is {text!r}"
    if name == "part" and text not in PARTS:
        return f"should be one of {', '.join(PARTS)}, but is {text!r}; `codes.part` can translate it"
    needed = ("group",) if may_lack_label else ("label", "group")
    return "is empty" if name in needed and not text else None


def _meaning(name: str, text: str, codes: Codes) -> str:
    """The meaning of the text of a named part."""
    return str(codes[name][text]) if name in codes else text


def _list_problems(listed: dict[str, list[str] | None], lists: dict[str, str], paths: list[str]) -> Iterator[str]:
    """Lists that cannot be read, or that name no audio file, or that name one twice."""
    found = set(paths)
    times = Counter(path for members in listed.values() for path in members or ())
    for part, members in listed.items():
        if members is None:
            yield f"lists.{part}: {lists[part]} does not exist, or is not a text file"
            continue
        if missing := [path for path in members if path not in found]:
            yield f"lists.{part}: {lists[part]} names files that do not exist: {shortened_list(missing, 1)}"
        yield from (
            f"lists.{part}: {lists[part]} names {path}, which is listed twice" for path in members if times[path] > 1
        )


def _notes(root: Path, ignored: int, others: Counter[str]) -> Iterator[str]:
    """What is no clip."""
    if others:
        yield f"{root}: skipped {unread_files(others)}"
    if ignored:
        yield f"{root}: skipped {ignored} audio files that match `ignore`"


def _unused(root: Path, names: Names, codes: Codes) -> Iterator[str]:
    """Codes that no file has: the recordings may be incomplete."""
    for name, meanings in codes.items():
        if unused := sorted(set(meanings) - {found[name] for found in names.values()}):
            yield f"{root}: no file has the {name} {', '.join(f'{meanings[code]} ({code})' for code in unused)}"
