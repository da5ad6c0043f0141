"""Errors that a user can correct; they are shown as a message without a traceback."""

from __future__ import annotations

from collections.abc import Iterable


class InputError(ValueError):
    """An error in the configuration or the data; ``problems`` holds all problems that were found."""

    def __init__(self, problems: str | Iterable[str], heading: str = "") -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        lines = self.problems if not heading else [heading, *(f"  - {problem}" for problem in self.problems)]
        super().__init__("\n".join(lines))
