"""Escape names and labels in tables, so that spreadsheets, Markdown and LaTeX show them as plain text.

A spreadsheet treats a cell that begins with ``=``, ``+``, ``-`` or ``@`` as a formula. An apostrophe before it makes it
text (OWASP, "CSV Injection"). Reading removes the apostrophe.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

# Text that begins with an apostrophe is escaped too, so that reading restores what was written.
ESCAPED = ("=", "+", "-", "@", "\t", "\r", "\n", "'")


def escape_cell(cell: Any) -> Any:
    """Text that begins like a formula, with an apostrophe before it; other text and numbers do not change."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(ESCAPED) else cell


def plain_cell(cell: str) -> str:
    """The text that :func:`escape_cell` was given."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(ESCAPED) else cell


def escape_table(table: pd.DataFrame) -> pd.DataFrame:
    """A copy of a table whose text is escaped."""
    return table.map(escape_cell)


def plain_table(table: pd.DataFrame) -> pd.DataFrame:
    """The table that :func:`escape_table` was given; all columns must have been read as text."""
    return table.map(plain_cell)


LATEX = {"\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}"}
LATEX |= {"<": "\\textless{}", ">": "\\textgreater{}"} | {letter: f"\\{letter}" for letter in "&%$#_{}"}


def latex_text(text: str) -> str:
    """Text for LaTeX, on one line."""
    return "".join(LATEX.get(letter, letter) for letter in " ".join(text.split()))


def markdown_text(text: str) -> str:
    """Text for Markdown, on one line, also in a table; an underscore within a word needs no escape."""
    text = re.sub(r"([\\`*\[\]<>|~&])", r"\\\1", " ".join(text.split()))
    return re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\\_", text)


def markdown_code(text: str) -> str:
    """Text as code in Markdown."""
    text = " ".join(text.split())
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}{text}{fence}" if fence == "`" else f"{fence} {text} {fence}"


def rst_text(text: str) -> str:
    """Text for reStructuredText, on one line."""
    return re.sub(r"([^\w\s.,;%()+–-])", r"\\\1", " ".join(text.split())).replace("_", "\\_")
