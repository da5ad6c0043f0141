"""Guesses of what describes a recording: columns of a table, or the folders and the parts of file names.

A field has one value per recording. :func:`guess_roles` decides which field is the label, the group, the fold and the
part. Nothing is certain: the caller shows each guess to the user.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from soundbench.core.text import shortened_list
from soundbench.data.columns import MEANT, PART_OF, PARTS, may_mean

LEAST_GROUPS = 3  # of a label: the nested protocol needs one to train, one to validate and one to test
NUMBERED_FOLD = re.compile(r"fold[ _-]?[0-9]+", re.IGNORECASE)
NUMBER = re.compile(r"[0-9]+")
COUNTED = {"take", "trial", "repetition", "rep", "clip", "sample", "segment", "chunk", "part", "utterance", "utt"}
COUNTED |= {"file", "audio", "sound", "number", "no", "nr"}


@dataclass(frozen=True)
class Field:
    """One value per recording.

    Args:
        kind: ``column`` of a table, ``folder``, ``name`` for a part of the file name, or ``last`` for the part at which
            most names end.
        place: the column's name, or the number of the folder or part, counted from 1.
    """

    kind: str
    place: str | int
    values: tuple[str, ...]

    @property
    def described(self) -> str:
        """The field in words, with some of its values."""
        where = {"column": f"the column {self.place!r}", "folder": f"folder {self.place} of the path"}
        examples = shortened_list(sorted(set(self.values) - {""}), 4) or "empty"
        return f"{where.get(self.kind, f'part {self.place} of the file name')} ({examples})"

    @property
    def distinct(self) -> int:
        """The number of different values."""
        return len(set(self.values))

    @property
    def repeats(self) -> bool:
        """Whether there are at least two values, each on two recordings or more in the mean."""
        return 2 <= self.distinct <= len(self.values) / 2

    @property
    def has_words(self) -> bool:
        """Whether no value holds a digit."""
        return not any(re.search(r"\d", value) for value in self.values)

    def means(self, role: str) -> bool:
        """Whether this is a column whose name means a role."""
        return self.kind == "column" and may_mean(str(self.place), role)


def guess_roles(fields: Iterable[Field]) -> dict[str, Field]:
    """The field of each role that was found: ``part`` or ``fold``, ``label`` and ``group``."""
    left = list(fields)
    roles = {}
    for role, candidates in (("part", _parts), ("fold", _folds), ("label", _labels)):
        if field := next(candidates(left), None):
            roles[role] = field
            left.remove(field)
    if "label" in roles and (field := next(_groups(left, roles["label"]), None)):
        roles["group"] = field
    if {"part", "fold"} <= roles.keys():
        del roles["part"]
    return roles


def unused_fields(fields: Iterable[Field], roles: dict[str, Field]) -> Iterator[str]:
    """A sentence on each field that may mean a label, a group, a fold or a part of a split and is not used as one."""
    published = roles.get("fold") or roles.get("part")
    for field in fields:
        numbered = _may_number_folds(field)
        if field in roles.values():
            continue
        if field.means("label"):
            yield f"{field.described}: the labels are those of {roles['label'].described}"
        elif field.means("group"):
            yield f"{field.described}: {_why_no_group(field, roles)}"
        elif published and (numbered or _may_name_parts(field)):
            yield f"{field.described}: the folds are those of {published.described}"
        elif numbered:
            yield f"{field.described}: folds must be numbered 1, 2, … without a gap; number them so to keep them"
        elif _may_name_parts(field):
            yield f"{field.described}: its words must be train, val and test; write these to keep the published parts"


def _why_no_group(field: Field, roles: dict[str, Field]) -> str:
    """The reason why a column that may mean a group is not one."""
    if field.distinct == 1:
        return "all its values are the same"
    group = roles["group"].values
    if len(set(zip(field.values, group, strict=True))) == field.distinct:
        return "clips with the same value are in one group anyway"
    few = "" if _splits(field, roles["label"]) else f"fewer than two labels have {LEAST_GROUPS} of its values, and "
    key = f"`group: {field.place}` under `columns`"
    return f"{few}clips with the same value may be on two sides of a split. If they must not, write {key}"


def _parts(fields: list[Field]) -> Iterator[Field]:
    """Fields that name the parts of a split; a table must name them as soundbench does."""
    for field in filter(_may_name_parts, fields):
        words = set(field.values)
        if words <= set(PARTS) or (field.kind != "column" and {word.casefold() for word in words} <= set(PART_OF)):
            yield field


def _may_name_parts(field: Field) -> bool:
    return {"train", "test"} <= {PART_OF.get(value.casefold()) for value in set(field.values)}


def _folds(fields: list[Field]) -> Iterator[Field]:
    """Fields that number folds from 1."""
    for field in filter(_may_number_folds, fields):
        pattern = NUMBER if field.kind == "column" else NUMBERED_FOLD
        if all(map(pattern.fullmatch, field.values)):
            numbers = {int(re.sub(r"\D", "", value)) for value in field.values}
            if len(numbers) > 1 and numbers == set(range(1, len(numbers) + 1)):
                yield field


def _may_number_folds(field: Field) -> bool:
    return any(field.values) and (field.means("fold") or all(map(NUMBERED_FOLD.fullmatch, field.values)))


def _labels(fields: list[Field]) -> Iterator[Field]:
    """Columns by name, then folders that are not numbered, then words in columns and file names, then any folder.

    Numbers come after words: ESC-50 has both ``target`` and ``category``.
    """
    named = [field for field in fields if field.means("label")]
    yield from sorted(named, key=lambda field: all(map(NUMBER.fullmatch, field.values)))
    several = [field for field in fields if field.distinct > 1]
    yield from (field for field in several if field.kind == "folder" and not _numbered(field))
    free = (field for field in several if field.repeats and field.has_words and field.kind != "folder")
    others = (field for field in free if not any(field.means(role) for role in MEANT))
    yield from sorted(others, key=lambda field: field.distinct)
    yield from (field for field in several if field.kind == "folder")


def _numbered(field: Field) -> bool:
    """Whether values differ in a number only, such as ``Actor_01`` and ``Actor_02``."""
    return all(re.fullmatch(r"\D*\d+", value) for value in field.values) and (
        len({re.sub(r"\d+$", "", value) for value in field.values}) == 1
    )


def _groups(fields: list[Field], label: Field) -> Iterator[Field]:
    """Columns by name; folders and parts of file names that repeat, except a counter at the end.

    Of several columns, the one with the fewest values that can still be split is first: the speaker, not the recording.
    """
    named = [field for field in fields if field.means("group") and field.distinct > 1]
    named.sort(key=lambda field: field.distinct)
    yield from (field for field in named if _splits(field, label))
    yield from reversed(named)
    for field in sorted(fields, key=lambda field: field.kind != "folder"):
        if field.kind != "column" and not _counts(field) and field.repeats and _splits(field, label):
            yield field


def _counts(field: Field) -> bool:
    """Whether names end in a number that counts takes, as in ``7``, ``take7``, and ``(7)`` of Windows."""
    words = (re.fullmatch(r"(\D*)\d+", value.strip("()[]")) for value in field.values)
    return field.kind == "last" and all(word and word[1].casefold() in {"", *COUNTED} for word in words)


def _splits(field: Field, label: Field) -> bool:
    """Whether two labels or more have enough groups to be split."""
    groups = Counter(value for value, _ in set(zip(label.values, field.values, strict=True)))
    return sum(count >= LEAST_GROUPS for count in groups.values()) >= 2
