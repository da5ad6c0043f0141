"""Lists of names as text for messages, tables and pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any


def sorted_list(values: Iterable[Any]) -> str:
    """``a, b, c``: the values in order, each once."""
    return ", ".join(map(str, sorted(set(values))))


def spoken_list(names: Sequence[str]) -> str:
    """``a, b and c``: the names in their own order."""
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


def shortened_list(names: Sequence[str], most: int) -> str:
    """``a, b and 4 more``: at most ``most`` of the names."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
