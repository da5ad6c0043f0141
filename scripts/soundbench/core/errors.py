"""Errors that a user can mend: shown as a message, without a traceback."""

from __future__ import annotations

from collections.abc import Iterable


class InputError(ValueError):
    """Something in the configuration or the data is wrong; ``problems`` holds every finding at once."""

    def __init__(self, problems: str | Iterable[str], heading: str = "") -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        lines = self.problems if not heading else [heading, *(f"  - {problem}" for problem in self.problems)]
        super().__init__("\n".join(lines))
