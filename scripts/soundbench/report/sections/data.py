"""The section of the recordings: what they are, and what the audit found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from soundbench.core.storage import read_clip_table
from soundbench.data.audit import SEVERITIES
from soundbench.data.splits import left_out
from soundbench.report.media import data_uri
from soundbench.report.rendering import records, render
from soundbench.report.results import Results
from soundbench.report.sections.answer import findings_of

ROWS = 20  # findings on the page; the audit's own page has the others
FIGURES = {"labels": "Labels and lengths", "spectrograms": "Spectrograms"}
LARGEST = 700_000  # bytes of a figure that the page holds; a larger one is an item of the report of its own


def section(results: Results) -> str:
    """The clips, classes and groups of each data set, the audit's findings, and figures of the clips."""
    return render("data.html", parts=[dataset_values(results, name) for name in results.datasets], rows=ROWS)


def dataset_values(results: Results, dataset: str) -> dict[str, Any]:
    """What the section shows of a data set."""
    findings = findings_of(results, dataset)
    worst = findings.iloc[findings["severity"].map(SEVERITIES.index).argsort(kind="stable")]
    splits = results.split_tables.get(dataset)
    clips = splits[0] if splits else read_clip_table(results.clips[dataset])
    return {
        "dataset": dataset,
        "clips": len(clips),
        "labels": len(results.tasks[dataset].find_labels(clips)),
        "labels_name": results.tasks[dataset].labels_name,
        "groups": clips["group"].nunique(),
        "left_out": left_out_range(splits),
        "confounds": records(pd.read_csv(results.confounds[dataset])) if dataset in results.confounds else [],
        "counts": {severity: int((findings["severity"] == severity).sum()) for severity in SEVERITIES},
        "findings": records(worst.head(ROWS)),
        "figures": clip_figures(results.explored.get(dataset)),
    }


def left_out_range(splits: list[pd.DataFrame] | None) -> str:
    """How many clips a fold leaves out because they share a group with test clips; empty if every group is whole."""
    counts = [count for split in splits or () for count in left_out(split)]
    if not any(counts):
        return ""
    return f"{min(counts)}" if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"


def clip_figures(folder: str | None) -> dict[str, str]:
    """Figures of the clips by their titles, as data URIs."""
    files = {title: Path(folder or "", f"{name}.svg") for name, title in FIGURES.items()}
    return {
        title: data_uri("image/svg+xml", file.read_bytes())
        for title, file in files.items()
        if folder and file.exists() and file.stat().st_size <= LARGEST
    }
