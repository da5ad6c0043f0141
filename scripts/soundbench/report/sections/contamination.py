"""The section of test clips that may have been in the training data of pretrained models."""

from __future__ import annotations

from soundbench.report.rendering import records, render
from soundbench.report.results import Results
from soundbench.tasks.registry import all_metrics


def section(results: Results) -> str:
    """One row per data set and model with lists: the listed test clips, and the scores with and without them."""
    if "contamination" not in results.tables:
        return ""
    rows = records(results.table("contamination"))
    return render("contamination.html", rows=rows, metrics=all_metrics()) if rows else ""
