"""The section of numbers: the scores of each, and the clips with the largest errors."""

from __future__ import annotations

from typing import Any

import pandas as pd

from soundbench.core.storage import read_clip_tables, read_json
from soundbench.report.listening import CLIPS, clip_budget, clip_files, sounds, tested_runs
from soundbench.report.rendering import records, render
from soundbench.report.results import Results
from soundbench.tasks.labels import TRUE

KEYS = {"dataset": "Data set", "model": "Model", "target": "Number"}


def section(results: Results) -> str:
    """The scores and the largest errors of each model and number; the sound of a clip is there once."""
    runs = tested_runs(results, "values")
    parts = [run_values(results, dataset, model, clip_budget(runs)) for dataset, model in runs]
    shown = [clip for part in parts for target in part["targets"] for clip in target["clips"]]
    return render("values.html", parts=parts, keys=KEYS, large=results.large, **sounds(shown)) if parts else ""


def run_values(results: Results, dataset: str, model: str, number: int) -> dict[str, Any]:
    """The scores of each number of a model, and its largest errors with at most ``number`` clips in all."""
    own = results.of(dataset, model)
    task = results.tasks[dataset]
    runs = [read_json(path)["targets"] for path in own.metrics]
    scores = pd.concat(map(pd.DataFrame, runs)).groupby("target", sort=False).mean().reset_index()
    tables = list(read_clip_tables(own.predictions))
    names = task.find_labels(tables[0])
    each = max(1, min(CLIPS, number // len(names)))
    errors = {name: clip_files(largest_errors(tables, name, each), results.clips[dataset]) for name in names}
    return {
        "dataset": dataset,
        "model": model,
        "seeds": len(tables),
        "metrics": task.metrics,
        "rows": records(scores),
        "targets": [{"target": name, "clips": records(table)} for name, table in errors.items()],
    }


def largest_errors(tables: list[pd.DataFrame], name: str, number: int) -> pd.DataFrame:
    """The clips with the largest errors of the mean over seeds, largest first: ``clip, truth, predicted, error``."""
    means = pd.concat(tables).groupby("clip", sort=False)[[TRUE + name, name]].mean()
    found = pd.DataFrame({"truth": means[TRUE + name], "predicted": means[name]})
    found["error"] = found["predicted"] - found["truth"]
    order = found["error"].abs().sort_values(ascending=False, kind="stable").index
    return found.loc[order[:number]].reset_index()
