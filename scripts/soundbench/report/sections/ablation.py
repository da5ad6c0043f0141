"""The section of an ablation: what each step adds, and what it costs."""

from __future__ import annotations

from soundbench.evaluation.ablation import step_gains
from soundbench.report.rendering import records, render
from soundbench.report.results import Results


def section(results: Results) -> str:
    """One row per data set and step; nothing where the models of the study are no steps."""
    if not results.steps:
        return ""
    rows = step_gains(results.table("comparisons"), results.table("costs"), results.steps)
    metrics = {name: results.metric_of(name) for name in results.datasets}
    return render("ablation.html", rows=records(rows), metrics=metrics)
