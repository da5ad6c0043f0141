"""Names that people give to labels, groups and files: in one form each, and fit for tables, figures and messages."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from typing import Any


def normalised(value: Any) -> Any:
    """A text in Unicode's form NFC, where ``é`` is one character however it was typed; or all in a list or mapping."""
    match value:
        case str():
            return unicodedata.normalize("NFC", value)
        case list():
            return [normalised(item) for item in value]
        case dict():
            return {normalised(key): normalised(item) for key, item in value.items()}
    return value


def folded(name: str) -> str:
    """What names share that differ only in case, in their Unicode form, or in blanks."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def look_alikes(names: Iterable[str]) -> list[list[str]]:
    """The names, each once, that :func:`folded` makes equal, together with each other."""
    alike = defaultdict(list)
    for name in sorted(set(names)):
        alike[folded(name)].append(name)
    return [same for same in alike.values() if len(same) > 1]


def is_utf8(name: str) -> bool:
    """Whether a name from the file system is text. Python keeps other bytes as lone surrogates."""
    return not any("\ud800" <= letter <= "\udfff" for letter in name)


def name_problem(name: str) -> str | None:
    """Why a label or a group cannot have this name."""
    if not is_utf8(name):
        return "is not in UTF-8"
    if any(unicodedata.category(letter) == "Cc" for letter in name):
        return "holds control characters, which figures and pages cannot show"
    return None


def shown(name: str) -> str:
    """A name for a message, with what is no text in it as ``\\xe9``, and control characters as ``\\n``."""
    whole = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(repr(letter)[1:-1] if unicodedata.category(letter) == "Cc" else letter for letter in whole)
