"""Pages that compare models: scores on all data sets, scores by class, and confusion matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from soundbench.core.storage import write_text
from soundbench.evaluation.breakdowns import by_model, class_order, pooled_confusion
from soundbench.evaluation.leaderboard import run_of
from soundbench.report.rendering import records, render
from soundbench.report.style import model_colours
from soundbench.tasks.registry import metric_title


def write_comparison_page(
    *, leaderboard: str, comparisons: str, classes: str, groups: str, models: list[str], metric: str, path: str
) -> None:
    """Write the matrix of models × data sets, every paired comparison, and the differences class by class."""
    board = pd.read_csv(leaderboard)
    table = pd.read_csv(classes, dtype={"label": str}, keep_default_na=False)
    cells = {(row["dataset"], row["model"]): row for row in records(board)}
    people = pd.read_csv(groups, dtype={"group": str}, keep_default_na=False)
    values = {
        "datasets": board[["dataset", "protocol"]].drop_duplicates().to_dict("records"),
        "models": models,
        "cells": cells,
        "pairs": records(pd.read_csv(comparisons)),
        "classes": class_data(table),
        "people": [
            {"dataset": dataset, "model": model, "rows": records(part)}
            for (dataset, model), part in people.groupby(["dataset", "model"], sort=False)
        ],
        "metric": metric_title(metric),
        "colours": model_colours(models),
    }
    write_text(path, render("compare.html", title="Compare models", **values))


def class_data(table: pd.DataFrame) -> dict[str, Any]:
    """For the page's script: per data set the labels that are tested, their clips, and each model's scores of them."""
    found: dict[str, Any] = {}
    for (dataset, model), part in table[table["support"] > 0].groupby(["dataset", "model"], sort=False):
        entry = found.setdefault(
            dataset, {"labels": part["label"].tolist(), "clips": part["support"].tolist(), "models": {}}
        )
        entry["models"][model] = {name: part[name].round(4).tolist() for name in ("recall", "precision", "f1")}
    return found


def write_confusion_page(metrics: list[str], models: list[str], path: str) -> None:
    """Write the confusion matrices of a data set: two models side by side, as counts or shares."""
    runs = by_model(metrics, models)
    counts = {model: pooled_confusion(own) for model, own in runs.items()}
    order = class_order(np.sum(list(counts.values()), axis=0))
    data = {
        "labels": [next(iter(runs.values()))[0]["labels"][number] for number in order],
        "models": {
            model: {"seeds": len(runs[model]), "counts": table[order][:, order].tolist()}
            for model, table in counts.items()
        },
    }
    write_text(path, render("confusion.html", title=f"Confusion matrices: {run_of(metrics[0])[0]}", data=data))
