"""The page of the audit's findings on a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from soundbench.core.errors import errors_of
from soundbench.core.escaping import escape_table
from soundbench.core.storage import read_json, write_csv, write_text
from soundbench.data.audit import CHECKS, SEVERITIES, find_problems, read_measures
from soundbench.data.fingerprints import load_landmarks
from soundbench.data.subsets import named_groups, view_clips
from soundbench.data.view import View
from soundbench.report.rendering import render
from soundbench.tasks.registry import task_class

ROWS_ON_PAGE = 300


def audit_clips(
    measures: str | Path,
    landmarks: str | Path,
    notes: str | Path,
    dataset: str,
    view: View,
    table: str | Path,
    page: str | Path,
) -> None:
    """Write the findings on a data set as a table and as a page."""
    with errors_of(f"datasets.{dataset}"):
        clips = view_clips(read_measures(measures, named_groups(view)), view)
    points = load_landmarks(landmarks)
    findings = find_problems(clips, [points[row] for row in clips.index], view, read_json(notes))
    write_csv(table, escape_table(findings))
    values = page_values(clips, findings, view)
    write_text(page, render("audit.html", title=f"Audit of {dataset}", dataset=dataset, **values))


def page_values(clips: pd.DataFrame, findings: pd.DataFrame, view: View) -> dict[str, Any]:
    """The values of the page: one row per check, and the first findings of each severity."""
    keys = {"too short": "short", "too long": "long", "near-duplicate": "near_duplicate"}
    count = findings["check"].value_counts()
    checks = [
        {"name": name, "what": what, "threshold": view["audit"].get(keys.get(name, name)), "count": count.get(name, 0)}
        for name, what in CHECKS.items()
    ]
    parts = {severity: findings[findings["severity"] == severity] for severity in SEVERITIES}
    return {
        "checks": checks,
        "parts": {
            name: part.head(ROWS_ON_PAGE).astype(object).fillna("").to_dict("records") for name, part in parts.items()
        },
        "counts": {name: len(part) for name, part in parts.items()},
        "clips": len(clips),
        "left_out": int((clips["problem"] != "").sum()),
        "labels": len(task_class(view).find_labels(clips)),
        "groups": clips["group"].nunique(),
    }
