"""Errors that a user can correct; they are shown as a message without a traceback."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class InputError(ValueError):
    """An error in the configuration or the data; ``problems`` holds all problems that were found."""

    def __init__(self, problems: str | Iterable[str], heading: str = "") -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        self.heading = heading
        lines = self.problems if not heading else [heading, *(f"  - {problem}" for problem in self.problems)]
        super().__init__("\n".join(lines))


@contextmanager
def errors_of(what: str) -> Iterator[None]:
    """Write ``what`` above the problems of an :class:`InputError` that the block raises."""
    try:
        yield
    except InputError as error:
        raise InputError(error.problems, f"{what}: {error.heading}".rstrip()) from error
