"""Labels of a source that a view keeps, drops and merges, for tasks with one label per clip."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from soundbench.core.errors import InputError
from soundbench.core.text import sorted_list


def select_labels(clips: pd.DataFrame, view: Mapping[str, Any]) -> pd.DataFrame:
    """The clips whose ``label`` a view keeps. If it merges labels, ``source_label`` has those of the source.

    ``keep`` and ``drop`` name labels of the source; the remaining labels are merged. The name of a merged label may be
    a label of the source, whose clips then belong to it.

    Raises:
        InputError: labels that no clip has, or that are merged but not kept.
    """
    if problems := list(_unknown_labels(clips, view)):
        raise InputError([*problems, f"the labels are {sorted_list(clips['label'])}"])
    dropped = set(view.get("drop") or ())
    kept = set(view.get("keep") or clips["label"]) - dropped
    merged = {old: new for new, olds in (view.get("merge") or {}).items() for old in olds}
    if missing := sorted(set(merged) - kept):
        raise InputError(f"merge: {', '.join(missing)}: not kept, so there is nothing to merge")
    clips = clips[clips["label"].isin(kept)]
    if merged:
        clips = clips.assign(label=clips["label"].replace(merged), source_label=clips["label"])
    return clips


def _unknown_labels(clips: pd.DataFrame, view: Mapping[str, Any]) -> Iterator[str]:
    named = {"keep": view.get("keep") or [], "drop": view.get("drop") or []}
    named |= {f"merge.{new}": olds for new, olds in (view.get("merge") or {}).items()}
    for key, labels in named.items():
        if unknown := sorted(set(labels) - set(clips["label"])):
            yield f"{key}: no clip has the label {', '.join(unknown)}"
