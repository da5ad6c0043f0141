"""Views on a source: which of its clips a data set takes, what they are called there, and how many are used."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from soundbench.core.errors import InputError
from soundbench.data.view import View

RESERVED = ("clip", "fold", "label", "predicted")  # columns of predictions.csv beside the labels


def view_clips(clips: pd.DataFrame, view: View) -> pd.DataFrame:
    """The rows of a clip table that a view keeps, with the labels that it merges, and what the source calls them.

    ``keep`` and ``drop`` name labels of the source; what remains is merged. A merged label may be one that the
    source has already: then its clips join those. Where labels are merged, ``source_label`` holds those of the source.

    Raises:
        InputError: labels that no clip has, or fewer than two labels in the end.
    """
    if problems := list(_unknown_labels(clips, view)):
        raise InputError([*problems, f"the labels are {', '.join(sorted(set(clips['label'])))}"])
    dropped = set(view.get("drop") or ())
    kept = set(view.get("keep") or clips["label"]) - dropped
    merged = {old: new for new, olds in (view.get("merge") or {}).items() for old in olds}
    if gone := sorted(set(merged) - kept):
        raise InputError(f"merge: {', '.join(gone)}: not kept, so there is nothing to merge")
    clips = clips[clips["label"].isin(kept)]
    if merged:
        clips = clips.assign(label=clips["label"].replace(merged), source_label=clips["label"])
    if clips["label"].nunique() < 2:
        raise InputError(f"two labels are needed to tell apart, but the view has {_listed(clips['label']) or 'none'}")
    if taken := sorted(set(RESERVED) & set(clips["label"])):
        raise InputError(
            f"a label cannot be named {', '.join(taken)}, like a column of the predictions; `merge` can rename it"
        )
    return clips


def _unknown_labels(clips: pd.DataFrame, view: View) -> Iterator[str]:
    named = {"keep": view.get("keep") or [], "drop": view.get("drop") or []}
    named |= {f"merge.{new}": olds for new, olds in (view.get("merge") or {}).items()}
    for key, labels in named.items():
        if unknown := sorted(set(labels) - set(clips["label"])):
            yield f"{key}: no clip has the label {', '.join(unknown)}"


def _listed(values: pd.Series) -> str:
    return ", ".join(map(str, sorted(values.unique())))


def limit_clips(split: pd.DataFrame, columns: list[str], limit: dict[str, int]) -> pd.DataFrame:
    """Empty the role of clips beyond the number that a part of a fold may have.

    Those that stay are drawn stratified: every class keeps a clip, and else its share as nearly as may be. Where
    fewer clips may test than there are classes, each of them is of another class. The draw is the same for every
    seed, so that seeds are tested on the same clips wherever their folds are the same.

    Args:
        columns: the columns of roles, one a fold.
        limit: the largest number of clips by role; a smaller part stays as it is.

    Raises:
        InputError: fewer clips than classes in a part that is trained or validated on.
    """
    split, problems = split.copy(), []
    for number, column in enumerate(columns):
        for role, count in sorted(limit.items()):
            part = split.loc[split[column] == role, "label"]
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
