"""Guesses of what describes a recording: columns of a table, or the folders and the parts of file names.

A field has one value per recording. :func:`guess_roles` decides which field is the label, the group, the fold and the
part. Nothing is certain: the caller shows each guess to the user.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from soundbench.data.columns import MEANT, may_mean

LEAST_GROUPS = 3  # of a label: the nested protocol needs one to train, one to validate and one to test
PARTS = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "dev", "development"),
    "test": ("test", "testing", "evaluation"),
}
PART_OF = {word: part for part, words in PARTS.items() for word in words}
NUMBERED_FOLD = re.compile(r"fold[ _-]?0*[1-9][0-9]*", re.IGNORECASE)
NUMBER = re.compile(r"0*[1-9][0-9]*")
COUNTED = {"take", "trial", "repetition", "rep", "clip", "sample", "segment", "chunk", "part", "utterance", "utt"}
COUNTED |= {"file", "audio", "sound", "number", "no", "nr"}


@dataclass(frozen=True)
class Field:
    """One value per recording.

    Args:
        kind: ``column`` of a table, ``folder``, ``name`` for a part of the file name, or ``last`` for its last part.
        place: the column's name, or the number of the folder or part, counted from 1.
    """

    kind: str
    place: str | int
    values: tuple[str, ...]

    @property
    def described(self) -> str:
        """The field in words."""
        if self.kind == "column":
            return f"the column {self.place!r}"
        return f"folder {self.place} of the path" if self.kind == "folder" else f"part {self.place} of the file name"

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


def _parts(fields: list[Field]) -> Iterator[Field]:
    """Fields that name the parts of a split; a table must name them as soundbench does."""
    for field in fields:
        words = {value.casefold() for value in field.values}
        known = set(PARTS) if field.kind == "column" else set(PART_OF)
        if words <= known and {"train", "test"} <= {PART_OF[word] for word in words}:
            yield field


def _folds(fields: list[Field]) -> Iterator[Field]:
    """Fields that number folds from 1."""
    for field in fields:
        pattern = NUMBER if field.kind == "column" else NUMBERED_FOLD
        if (field.kind != "column" or field.means("fold")) and all(map(pattern.fullmatch, field.values)):
            numbers = {int(re.sub(r"\D", "", value)) for value in field.values}
            if len(numbers) > 1 and numbers == set(range(1, len(numbers) + 1)):
                yield field


def _labels(fields: list[Field]) -> Iterator[Field]:
    """Columns by name, then folders that are not numbered, then words in columns and file names, then any folder."""
    yield from (field for field in fields if field.means("label"))
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
    """Columns by name; folders and parts of file names that repeat, except a counter at the end."""
    for field in sorted(fields, key=lambda field: field.kind != "folder"):
        free = field.kind != "column" and not _counts(field)
        if field.means("group") or (free and field.repeats and _splits(field, label)):
            yield field


def _counts(field: Field) -> bool:
    """Whether names end in a number that counts takes, as in ``7`` and ``take7``."""
    words = (re.fullmatch(r"(\D*)\d+", value) for value in field.values)
    return field.kind == "last" and all(word and word[1].casefold() in {"", *COUNTED} for word in words)


def _splits(field: Field, label: Field) -> bool:
    """Whether two labels or more have enough groups to be split."""
    groups = Counter(value for value, _ in set(zip(label.values, field.values, strict=True)))
    return sum(count >= LEAST_GROUPS for count in groups.values()) >= 2
