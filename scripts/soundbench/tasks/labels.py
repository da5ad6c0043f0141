"""Labels of a source that a view keeps, drops and merges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from soundbench.core.errors import InputError
from soundbench.core.text import sorted_list

if TYPE_CHECKING:
    import pandas as pd

SEPARATOR = ";"  # between the labels of a clip
TRUE = "true_"  # before the name of a number, the column of its true value
# The columns of tables of predictions beside the labels: of runs, and of transfers, which have seeds and groups too.
RESERVED = ("clip", "fold", "label", "predicted", "seed", "group", "other_group")


def check_names(labels: list[str], reserved: tuple[str, ...] = RESERVED) -> None:
    """Refuse a view with fewer than two labels, or whose labels are named like columns of predictions.

    Raises:
        InputError: naming the labels.
    """
    if len(labels) < 2:
        raise InputError(f"a classifier needs two labels or more, but the view has {', '.join(labels) or 'none'}")
    if taken := sorted(set(reserved) & set(labels)):
        raise InputError(
            f"no label may have the name of a column of the predictions: {', '.join(taken)}; `merge` can rename it"
        )


def select_label_sets(clips: pd.DataFrame, view: Mapping[str, Any]) -> pd.DataFrame:
    """The clips of a source with several labels each, joined by ``;`` in ``label``, with the labels that a view keeps.

    Other labels are removed. A clip that loses all its labels is left out; one that has none in the source stays.

    Raises:
        InputError: labels that no clip has, or that are merged but not kept.
    """
    rows = clips.assign(label=clips["label"].str.split(SEPARATOR)).explode("label")
    labelled = select_labels(rows[rows["label"] != ""], view)
    joined = labelled.groupby(level=0)["label"].agg(lambda names: SEPARATOR.join(sorted(set(names))))
    kept = clips["label"].eq("") | clips.index.isin(joined.index)
    return clips.assign(label=joined.reindex(clips.index, fill_value=""))[kept]


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
        raise InputError(f"merge: these labels are not kept, so they cannot be merged: {', '.join(missing)}")
    clips = clips[clips["label"].isin(kept)]
    if merged:
        clips = clips.assign(label=clips["label"].replace(merged), source_label=clips["label"])
    return clips


def _unknown_labels(clips: pd.DataFrame, view: Mapping[str, Any]) -> Iterator[str]:
    named = {"keep": view.get("keep") or [], "drop": view.get("drop") or []}
    named |= {f"merge.{new}": olds for new, olds in (view.get("merge") or {}).items()}
    known = sorted(set(clips["label"]))
    for key, labels in named.items():
        for unknown in sorted(set(labels) - set(known)):
            near = get_close_matches(unknown, known, n=1)
            yield f"{key}: no clip has the label {unknown}" + (f"; did you mean {near[0]!r}?" if near else "")
