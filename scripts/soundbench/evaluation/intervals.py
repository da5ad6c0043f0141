"""Every score of a set of predictions with its interval, defined as in the leaderboard."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from soundbench.evaluation.estimates import estimate_score
from soundbench.evaluation.resampling import group_evidence
from soundbench.tasks.task import Task


def interval_scores(
    task: type[Task], tables: list[pd.DataFrame], groups: pd.DataFrame | pd.Series
) -> dict[str, dict[str, float]]:
    """Each metric's mean over tables, its deviation (NaN for one table), and the 95 % interval over groups.

    Args:
        tables: predictions, one table per seed.
        groups: each clip's group, indexed by clip.

    Returns:
        ``{metric: {"mean", "spread", "low", "high"}}``.
    """
    evidence = group_evidence(task, tables, groups)
    found = {}
    for name, metric in task.metrics.items():
        scores = evidence.scores(name)
        low, high = estimate_score(evidence, name, metric).interval()
        spread = float(scores.std(ddof=1)) if len(scores) > 1 else np.nan
        found[name] = {"mean": float(scores.mean()), "spread": spread, "low": low, "high": high}
    return found


def score_columns(found: dict[str, dict[str, float]]) -> dict[str, Any]:
    """The same as columns of a table: ``accuracy, accuracy_spread, accuracy_low, accuracy_high, uar, …``."""
    return {
        name if key == "mean" else f"{name}_{key}": value
        for name, values in found.items()
        for key, value in values.items()
    }
