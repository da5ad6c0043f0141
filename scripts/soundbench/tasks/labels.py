"""Labels of a source that a view keeps, drops and merges, for tasks with one label per clip."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from soundbench.core.errors import InputError


def select_labels(clips: pd.DataFrame, view: Mapping[str, Any]) -> pd.DataFrame:
    """The clips whose ``label`` a view keeps. Where it merges labels, ``source_label`` holds those of the source.

    ``keep`` and ``drop`` name labels of the source; what remains is merged. A merged label may be one that the
    source has already: then its clips join those.

    Raises:
        InputError: labels that no clip has, or that are merged but not kept.
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
    return clips


def _unknown_labels(clips: pd.DataFrame, view: Mapping[str, Any]) -> Iterator[str]:
    named = {"keep": view.get("keep") or [], "drop": view.get("drop") or []}
    named |= {f"merge.{new}": olds for new, olds in (view.get("merge") or {}).items()}
    for key, labels in named.items():
        if unknown := sorted(set(labels) - set(clips["label"])):
            yield f"{key}: no clip has the label {', '.join(unknown)}"
