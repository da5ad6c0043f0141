"""From the predictions of a run to its scores: of each fold, of all folds together, of each class and speaker."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from soundbench.evaluation.metrics import (
    METRICS,
    calibration_bins,
    calibration_error,
    class_scores,
    confusion,
    log_loss,
    top_k_accuracy,
)

TOP = 3
MANY_CLASSES = 10  # with more classes than this, top-k accuracy is reported


def scores(table: pd.DataFrame, labels: list[str]) -> dict[str, float]:
    """Every score of one set of predictions, by name.

    Args:
        table: ``label, predicted`` and one column of probabilities per class.
    """
    counts = confusion(table["label"], table["predicted"], labels)
    truth, probabilities = _numbers(table, labels)
    found = {name: float(metric(counts)) for name, metric in METRICS.items()}
    found |= {
        "log_loss": log_loss(truth, probabilities),
        "calibration_error": calibration_error(calibration_bins(truth, probabilities)),
    }
    if len(labels) > MANY_CLASSES:
        found[f"top{TOP}"] = top_k_accuracy(truth, probabilities, TOP)
    return found


def score_run(table: pd.DataFrame, labels: list[str], groups: pd.Series) -> dict[str, Any]:
    """The part of ``metrics.json`` on all folds of a run together.

    Args:
        table: out-of-fold predictions.
        groups: each clip's group, indexed by clip.
    """
    counts = confusion(table["label"], table["predicted"], labels)
    columns = class_scores(counts)
    return {
        "scores": scores(table, labels),
        "classes": [
            {"label": label, **{name: values[number].item() for name, values in columns.items()}}
            for number, label in enumerate(labels)
        ],
        "calibration": calibration_bins(*_numbers(table, labels)),
        "groups": group_scores(table, groups),
        "confusion": counts.tolist(),
    }


def group_scores(table: pd.DataFrame, groups: pd.Series) -> list[dict[str, Any]]:
    """Clips, accuracy and UAR of each group, if most groups hold several classes, as people and places do.

    A recording that was cut into clips holds one class: its score would mean little, and the list is empty.
    """
    named = table.assign(group=groups.loc[table["clip"]].to_numpy())
    parts = named.groupby("group")
    if (parts["label"].nunique() > 1).mean() <= 0.5:
        return []
    labels = sorted(set(named["label"]))
    rows = []
    for group, part in parts:
        counts = confusion(part["label"], part["predicted"], sorted({*labels, *part["predicted"]}))
        found = {name: float(METRICS[name](counts)) for name in ("accuracy", "uar")}
        rows.append({"group": group, "clips": len(part), **found})
    return rows


def _numbers(table: pd.DataFrame, labels: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """True class numbers ``(clips,)`` and probabilities ``(clips, classes)``."""
    return pd.Index(labels).get_indexer(table["label"]), table[labels].to_numpy()
