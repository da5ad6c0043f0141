"""Views on a source: which of its clips a data set takes, what they are called there, and how many are used."""

from __future__ import annotations

import numpy as np
import pandas as pd

from soundbench.core.errors import InputError
from soundbench.data.view import View
from soundbench.tasks.registry import task_class


def view_clips(clips: pd.DataFrame, view: View) -> pd.DataFrame:
    """The rows of a clip table that a view takes, as :meth:`soundbench.tasks.task.Task.select` of its task says.

    Raises:
        InputError: nothing can be learned from what remains.
    """
    return task_class(view).select(clips, view)


def limit_clips(split: pd.DataFrame, strata: pd.DataFrame, columns: list[str], limit: dict[str, int]) -> pd.DataFrame:
    """Empty the role of clips beyond the number that a part of a fold may have.

    Those that stay are drawn stratified: every class keeps a clip, and else its share as nearly as may be. Where
    fewer clips may test than there are classes, each of them is of another class. The draw is the same for every
    seed, so that seeds are tested on the same clips wherever their folds are the same.

    Args:
        strata: what each part must have its share of, from the task; a clip counts for its rarest stratum.
        columns: the columns of roles, one a fold.
        limit: the largest number of clips by role; a smaller part stays as it is.

    Raises:
        InputError: fewer clips than classes in a part that is trained or validated on.
    """
    split, problems = split.copy(), []
    rarest = (strata / strata.sum()).idxmax(axis=1)
    for number, column in enumerate(columns):
        for role, count in sorted(limit.items()):
            part = rarest[split[column] == role]
            if role != "test" and count < part.nunique():
                problems.append(f"{column}: limit.{role} is {count}, but the part has {part.nunique()} classes")
            stream = np.random.default_rng([number, *role.encode()])
            split.loc[part.index.difference(_stratified(part, count, stream)), column] = ""
    if problems:
        raise InputError(problems, "These parts need a clip of each of their classes:")
    return split


def _stratified(labels: pd.Series, count: int, stream: np.random.Generator) -> pd.Index:
    """``count`` clips whose classes have the shares that they have in ``labels``, and at least one clip each."""
    shuffled = labels.iloc[stream.permutation(len(labels))]
    rank = shuffled.groupby(shuffled).cumcount()
    # Where in its class a clip stands, from 0 to 1: taking the lowest takes the same share of every class.
    quantile = (rank + 0.5) / shuffled.groupby(shuffled).transform("size")
    order = np.lexsort([quantile, rank > 0])
    return shuffled.index[order[:count]]
