"""The section of confusion matrices: two models side by side."""

from __future__ import annotations

from typing import Any

import numpy as np

from soundbench.evaluation.breakdowns import by_model, class_order, pooled_confusion
from soundbench.report.rendering import render
from soundbench.report.results import Results


def section(results: Results) -> str:
    """Two models of a data set side by side, as counts or shares."""
    data = {name: found for name in results.datasets_with("matrices") if (found := matrices(results, name))}
    return render("confusion.html", data=data) if data else ""


def matrices(results: Results, dataset: str) -> dict[str, Any]:
    """The confusion counts of each model on a data set, with classes that are confused beside each other."""
    runs = by_model(results.of(dataset).metrics, results.models)
    if not runs:
        return {}
    counts = {model: pooled_confusion(own) for model, own in runs.items()}
    order = class_order(np.sum(list(counts.values()), axis=0))
    return {
        "labels": [next(iter(runs.values()))[0]["labels"][number] for number in order],
        "models": {
            model: {"seeds": len(runs[model]), "counts": table[order][:, order].tolist()}
            for model, table in counts.items()
        },
    }
