"""The names of labels, groups and files: a common Unicode form, checks, and a form for messages."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from typing import Any


def normalised(value: Any) -> Any:
    """A text in Unicode's form NFC, in which ``é`` is always one character; also all texts in a list or mapping."""
    match value:
        case str():
            return unicodedata.normalize("NFC", value)
        case list():
            return [normalised(item) for item in value]
        case dict():
            return {normalised(key): normalised(item) for key, item in value.items()}
    return value


def folded(name: str) -> str:
    """A form that is equal for names that differ only in case, in their Unicode form, or in blanks."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def similar_names(names: Iterable[str]) -> list[list[str]]:
    """Lists of different names that :func:`folded` makes equal."""
    by_form = defaultdict(list)
    for name in sorted(set(names)):
        by_form[folded(name)].append(name)
    return [similar for similar in by_form.values() if len(similar) > 1]


def is_utf8(name: str) -> bool:
    """Whether a name from the file system is UTF-8. Python represents other bytes as lone surrogates."""
    return not any("\ud800" <= letter <= "\udfff" for letter in name)


def name_problem(name: str) -> str | None:
    """The reason why a label, a group or a file cannot have this name; None if it can."""
    if not is_utf8(name):
        return "is not in UTF-8"
    if any(unicodedata.category(letter) == "Cc" for letter in name):
        return "holds control characters, which figures and pages cannot show"
    return None


def printable(name: str) -> str:
    """A name for a message: bytes that are not UTF-8 are written as ``\\xe9``, and control characters as ``\\n``."""
    whole = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(repr(letter)[1:-1] if unicodedata.category(letter) == "Cc" else letter for letter in whole)
