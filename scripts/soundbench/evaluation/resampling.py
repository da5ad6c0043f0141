"""Scores of all clips, of those of each fold, and of all but those of one group or fold."""

from __future__ import annotations

import numpy as np
import pandas as pd

from soundbench.tasks.evidence import Evidence


def seed_scores(evidence: Evidence, groups: pd.DataFrame, metric: str) -> np.ndarray:
    """The score of each seed on the clips of all groups, ``(seeds,)``."""
    return evidence.scores(metric, np.ones((1, len(groups)), dtype=int))[:, 0]


def fold_scores(evidence: Evidence, groups: pd.DataFrame, metric: str) -> np.ndarray:
    """The score of each seed on the clips of each fold, ``(seeds, folds)``."""
    return evidence.scores(metric, _members_of_folds(groups).astype(int))


def resampled_scores(evidence: Evidence, groups: pd.DataFrame, metric: str) -> list[np.ndarray]:
    """The arguments of :func:`soundbench.evaluation.estimates.estimate`, without its limits."""
    count = len(groups)
    scores = seed_scores(evidence, groups, metric)
    if count < 2:
        return [scores, np.full((len(scores), count), np.nan), np.empty((len(scores), 0))]
    without_group = evidence.scores_without_each(metric)
    folds = _members_of_folds(groups)
    without_fold = evidence.scores(metric, (~folds).astype(int)) if len(folds) > 1 else np.empty((len(scores), 0))
    kinds = groups.columns.drop("fold")
    crossed = [evidence.scores(metric, (~_members(groups[kind])).astype(int)) for kind in kinds if len(kinds) > 1]
    return [scores, without_group, without_fold, *crossed]


def _members_of_folds(groups: pd.DataFrame) -> np.ndarray:
    """Whether a group is in a fold, ``(folds, groups)``."""
    return _members(groups["fold"])


def _members(names: pd.Series) -> np.ndarray:
    """Whether each row has each of the names, ``(names, rows)``."""
    values = names.to_numpy()
    return np.array([values == name for name in names.unique()])
