"""Self-contained HTML pages for the report: no network, no file beside them, and readable in an iframe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

TEMPLATES = Path(__file__).resolve().parent / "templates"


def percent(value: float | None, digits: int = 1) -> str:
    """A share as a percentage without its sign; a dash for a missing value."""
    return "–" if value is None or pd.isna(value) else f"{100 * value:.{digits}f}"


def quantity(value: float | None) -> str:
    """A number of any size with three significant digits: ``98,900``, ``10.3``, ``0.12``."""
    if value is None or pd.isna(value):
        return "–"
    return f"{float(f'{value:.3g}'):,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def render(template: str, **values: Any) -> str:
    """Fill a template of ``templates/``; all values are escaped."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    environment.policies["json.dumps_kwargs"] = {"sort_keys": False}  # models in the order of the configuration
    environment.filters |= {"percent": percent, "quantity": quantity}
    return environment.get_template(template).render(**values)


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table for a page: missing values are None in columns of every type."""
    return table.astype(object).where(table.notna(), None).to_dict("records")
