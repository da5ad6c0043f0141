"""Names and labels in tables for people: as text, whatever a spreadsheet, Markdown or LaTeX would make of them.

A spreadsheet takes a cell that begins with ``=``, ``+``, ``-`` or ``@`` for a formula, whoever named the file or the
label in it. An apostrophe before it makes it text (OWASP, "CSV Injection"). Reading takes the apostrophe away.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

# An apostrophe of the text's own is escaped too, so that reading gives back what was written.
ESCAPED = ("=", "+", "-", "@", "\t", "\r", "\n", "'")


def escape_cell(cell: Any) -> Any:
    """Text with an apostrophe before it where it begins like a formula; anything else, and numbers, unchanged."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(ESCAPED) else cell


def plain_cell(cell: str) -> str:
    """The text that :func:`escape_cell` was given."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(ESCAPED) else cell


def escape_table(table: pd.DataFrame) -> pd.DataFrame:
    """A copy of a table whose text is escaped."""
    return table.map(escape_cell)


def plain_table(table: pd.DataFrame) -> pd.DataFrame:
    """The table that :func:`escape_table` was given, all of whose columns were read as text."""
    return table.map(plain_cell)


LATEX = {"\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}"}
LATEX |= {"<": "\\textless{}", ">": "\\textgreater{}"} | {letter: f"\\{letter}" for letter in "&%$#_{}"}


def latex_text(text: str) -> str:
    """Text for LaTeX, on one line."""
    return "".join(LATEX.get(letter, letter) for letter in " ".join(text.split()))


def markdown_text(text: str) -> str:
    """Text for Markdown, on one line, also in a table; an underscore within a word is one already."""
    text = re.sub(r"([\\`*\[\]<>|~&])", r"\\\1", " ".join(text.split()))
    return re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\\_", text)


def markdown_code(text: str) -> str:
    """Text as a piece of code in Markdown."""
    text = " ".join(text.split())
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}{text}{fence}" if fence == "`" else f"{fence} {text} {fence}"
