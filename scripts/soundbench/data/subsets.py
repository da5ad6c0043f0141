"""Views on a source: the clips that a data set takes from it, their labels and groups, and limits on their number."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from soundbench.core.errors import InputError
from soundbench.core.storage import read_clip_table
from soundbench.core.text import sorted_list
from soundbench.data.stratification import rarest_stratum
from soundbench.data.view import View
from soundbench.tasks.registry import task_class

# What must never be split. A view may name two columns of its clips for it; then the second has a column of its own.
GROUP_COLUMNS = ("group", "other_group")


def read_view(table: str | Path, view: View) -> pd.DataFrame:
    """The :func:`view_clips` of the clip table of a view's source."""
    return view_clips(read_clip_table(table, named_groups(view)), view)


def named_groups(view: View) -> list[str]:
    """The columns of clips that a view names for its groups; names such as ``007`` are text."""
    return view.get("group") or []


def view_clips(clips: pd.DataFrame, view: View) -> pd.DataFrame:
    """The rows of a clip table that a view takes, as :meth:`soundbench.tasks.task.Task.select` of its task says.

    If the view names columns for its groups, their values are in :data:`GROUP_COLUMNS`.

    Raises:
        InputError: the remaining clips cannot be learned from, or cannot be divided by the columns of groups.
    """
    selected = task_class(view).select(clips, view)
    if problems := [problem for name in named_groups(view) for problem in _group_problems(selected, name)]:
        raise InputError(f"group: {problem}" for problem in problems)
    return with_groups(selected, view)


def with_groups(clips: pd.DataFrame, view: View) -> pd.DataFrame:
    """Clips whose :data:`GROUP_COLUMNS` hold the columns that a view names for its groups, if it names any."""
    columns = zip(GROUP_COLUMNS, named_groups(view), strict=False)
    return clips.assign(**{new: clips[name].astype(str) for new, name in columns})


def group_columns(table: pd.DataFrame) -> list[str]:
    """The columns of a view's clips or of a split table that name groups: one or two."""
    return [name for name in GROUP_COLUMNS if name in table]


def clip_groups(split: pd.DataFrame) -> pd.DataFrame:
    """The groups of each clip of a split table, indexed by clip: one or two columns."""
    return split.set_index("clip")[group_columns(split)]


def _group_problems(clips: pd.DataFrame, name: str) -> Iterator[str]:
    """The reasons why a column cannot name the groups of a view."""
    if name not in clips:
        yield f"the clips have no column {name!r}; their columns are {sorted_list(clips.columns)}"
        return
    if empty := int(clips[name].astype(str).isin(["", "nan"]).sum()):
        yield f"{empty} clips have no {name}, but each clip of a view needs one"
    elif clips[name].nunique() < 2:
        yield f"all clips have the same {name}, {clips[name].iloc[0]}; there is nothing to keep apart"


def limit_clips(split: pd.DataFrame, strata: pd.DataFrame, columns: list[str], limit: dict[str, int]) -> pd.DataFrame:
    """Limit the number of clips in each part of a fold; the roles of the other clips become empty.

    The clips that keep their roles are a stratified sample: every class keeps at least one clip, and nearly its share.
    If a test part has fewer clips than classes, its clips are of different classes. The sample does not depend on the
    seed, so that all seeds with equal folds are tested on the same clips.

    Args:
        strata: the strata of the task, of which each part keeps its share; a clip counts for its rarest stratum.
        columns: the columns of roles, one per fold.
        limit: the largest number of clips by role; a smaller part does not change.

    Raises:
        InputError: a training or validation part has fewer clips than classes.
    """
    split = split.copy()
    problems = []
    rarest = rarest_stratum(strata)
    for number, column in enumerate(columns):
        for role, count in sorted(limit.items()):
            part = rarest[split[column] == role]
            if role != "test" and count < part.nunique():
                problems.append(f"{column}: limit.{role} is {count}, but the part has {part.nunique()} classes")
            stream = np.random.default_rng([number, *role.encode()])
            split.loc[part.index.difference(_stratified(part, count, stream)), column] = ""
    if problems:
        raise InputError(problems, "These parts need at least one clip of each of their classes:")
    return split


def _stratified(labels: pd.Series, count: int, stream: np.random.Generator) -> pd.Index:
    """``count`` clips whose classes have at least one clip each, and the same shares as in ``labels``."""
    shuffled = labels.iloc[stream.permutation(len(labels))]
    rank = shuffled.groupby(shuffled).cumcount()
    # The position of a clip within its class, from 0 to 1; the lowest values hold the same share of every class.
    quantile = (rank + 0.5) / shuffled.groupby(shuffled).transform("size")
    order = np.lexsort([quantile, rank > 0])
    return shuffled.index[order[:count]]
