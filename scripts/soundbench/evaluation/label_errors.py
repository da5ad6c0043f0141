"""Misses and false alarms of models that predict several labels per clip."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd

from soundbench.tasks.labels import SEPARATOR
from soundbench.tasks.multi_label import tagged, value_columns

EACH = 4  # misses, and false alarms, that are chosen of a label


def label_errors(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """One row per clip and label that some seed has wrong: ``clip, label, missed, wrong, probability, truth``.

    ``missed`` says whether the clip has the label; else it is a false alarm. ``wrong`` counts the seeds,
    ``probability`` is the mean over all seeds, ``truth`` has the labels of the clip.

    Args:
        tables: predictions, one table per seed.
    """
    labels = value_columns(tables[0])
    parts = []
    for table in tables:
        clips = tagged(table, labels)
        rows, columns = np.nonzero(clips.truth != clips.decided)
        missed = clips.truth[rows, columns] > 0
        wrong = {"clip": table["clip"].to_numpy()[rows], "label": np.array(labels)[columns], "missed": missed}
        parts.append(pd.DataFrame(wrong))
    keys = ["clip", "label", "missed"]
    errors = pd.concat(parts).astype({"missed": bool}).groupby(keys, sort=False).size().rename("wrong").reset_index()
    every = pd.concat(tables)
    means = every.groupby("clip", sort=False)[labels].mean()
    truth = every.drop_duplicates("clip").set_index("clip")["label"]
    cells = (means.index.get_indexer(errors["clip"]), means.columns.get_indexer(errors["label"]))
    return errors.assign(probability=means.to_numpy()[cells], truth=errors["clip"].map(truth))


def choose_errors(errors: pd.DataFrame, labels: list[str], number: int) -> pd.DataFrame:
    """The errors to hear: of each label the most confident misses and false alarms, in turn until ``number`` clips.

    Errors of most seeds come first, then those whose probability is furthest off.

    Args:
        errors: as of :func:`label_errors`.
        labels: in the order of their turn.
    """
    off = errors["probability"].where(~errors["missed"], 1 - errors["probability"])
    ordered = errors.assign(off=off).sort_values(["wrong", "off"], ascending=False, kind="stable")
    turn = ordered.groupby(["label", "missed"]).cumcount()
    ordered = ordered.assign(turn=turn, place=ordered["label"].map(labels.index))[turn < EACH]
    ordered = ordered.sort_values(["turn", "place", "missed"], ascending=[True, True, False], kind="stable")
    clips = (~ordered["clip"].duplicated()).cumsum()
    return ordered[clips <= number].drop(columns=["off", "turn", "place"])


def labels_beside(own: pd.DataFrame, errors: pd.DataFrame, missed: bool) -> pd.Series:
    """What a label is mistaken for, the most frequent first: the number of clips by label.

    Args:
        own: the misses of one label, or its false alarms.
        errors: all errors.
        missed: which of both; false alarms of other labels stand beside misses, and true labels beside false alarms.
    """
    if missed:
        others = errors[~errors["missed"] & errors["clip"].isin(own["clip"])]["label"]
    else:
        others = own["truth"].str.split(SEPARATOR).explode().replace("", np.nan).dropna()
    return pd.Series(dict(Counter(others).most_common()), dtype=int)
