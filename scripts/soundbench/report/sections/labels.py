"""The section of labels: the scores of each label, and the clips where a model misses it or raises a false alarm."""

from __future__ import annotations

from typing import Any

import pandas as pd

from soundbench.core.storage import read_clip_tables, read_json
from soundbench.evaluation.label_errors import choose_errors, label_errors, labels_beside
from soundbench.report.listening import clip_budget, clip_files, sounds, tested_runs
from soundbench.report.rendering import records, render
from soundbench.report.results import Results

KEYS = {"dataset": "Data set", "model": "Model", "label": "Label"}
KINDS = {True: "Misses", False: "False alarms"}
BESIDE = {True: "False alarms on these clips", False: "Labels of these clips"}
MOST_BESIDE = 3


def section(results: Results) -> str:
    """The scores and the most confident errors of each model and label; the sound of a clip is there once."""
    runs = tested_runs(results, "labels")
    parts = [run_labels(results, dataset, model, clip_budget(runs)) for dataset, model in runs]
    shown = [clip for part in parts for label in part["labels"] for kind in label["kinds"] for clip in kind["clips"]]
    return render("labels.html", parts=parts, keys=KEYS, large=results.large, **sounds(shown)) if parts else ""


def run_labels(results: Results, dataset: str, model: str, number: int) -> dict[str, Any]:
    """The scores of each label, and its errors with at most ``number`` clips in all; the worst label is first."""
    own = results.of(dataset, model)
    scores = results.tasks[dataset].class_scores([read_json(path) for path in own.metrics])
    scores = scores.sort_values("average_precision", kind="stable")
    errors = label_errors(list(read_clip_tables(own.predictions)))
    chosen = clip_files(choose_errors(errors, list(scores["label"]), number), results.clips[dataset])
    rows = scores.assign(
        misses=scores["support"] - scores["correct"], false_alarms=scores["predicted"] - scores["correct"]
    )
    labels = [label_values(label, errors, chosen) for label in scores["label"] if label in set(chosen["label"])]
    return {
        "dataset": dataset,
        "model": model,
        "seeds": len(own.predictions),
        "rows": records(rows),
        "labels": labels,
    }


def label_values(label: str, errors: pd.DataFrame, chosen: pd.DataFrame) -> dict[str, Any]:
    """What the section shows of the errors of one label."""
    kinds = []
    for missed, title in KINDS.items():
        own = errors[errors["label"].eq(label) & errors["missed"].eq(missed)]
        if own.empty:
            continue
        shown = chosen[chosen["label"].eq(label) & chosen["missed"].eq(missed)]
        kinds.append(
            {
                "title": title,
                "clips_in_all": own["clip"].nunique(),
                "beside": dict(labels_beside(own, errors, missed).head(MOST_BESIDE)),
                "beside_title": BESIDE[missed],
                "clips": records(shown),
            }
        )
    return {"label": label, "kinds": kinds}
