"""Splits that leak nothing: which clip trains, validates and tests in which fold.

Two protocols (J. Cawley and N. Talbot, "On over-fitting in model selection", JMLR 2010, on why the first exists):

``nested``      a fold tests, another validates (for early stopping and the best epoch), the rest train;
``literature``  a fold tests, all others train, the last epoch counts; nothing is chosen on the test fold.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from soundbench.errors import InputError
from soundbench.storage import read_clip_table, write_csv
from soundbench.variants import check_labels

PROTOCOLS = ("nested", "literature")
SCHEMES = ("official",)
ROLES = ("train", "val", "test")


def fold_column(fold: int | str) -> str:
    """The column of a split table that holds the roles of one fold."""
    return f"fold{fold}"


def view_clips(clips: pd.DataFrame, keep: list[str] | None) -> pd.DataFrame:
    """The rows of a clip table that a view keeps, by label.

    Raises:
        InputError: a label to keep that no clip has.
    """
    if keep is None:
        return clips
    if unknown := sorted(set(keep) - set(clips["label"])):
        raise InputError(f"keep: no clip has the label {', '.join(unknown)}; there are {_listed(clips['label'])}")
    return clips[clips["label"].isin(keep)]


def assign_roles(clips: pd.DataFrame, folds: int, protocol: str, seed: int) -> pd.DataFrame:
    """Roles from the column ``fold``, whose values are 1 to ``folds``.

    In ``nested``, test fold *i* is validated on another fold; the seed decides which (a rotation), so that each
    fold validates once a seed and the choice of validation fold is part of the spread over seeds.

    Returns:
        ``clip, label, group`` and a column ``fold1`` … of roles, a row a clip.
    """
    published = sorted(clips["fold"].unique())
    if published != list(range(1, folds + 1)):
        raise InputError(f"split: folds 1 to {folds} were asked for, but the clips are in {_listed(clips['fold'])}")
    split = clips[["clip", "label", "group"]].copy()
    for test in range(1, folds + 1):
        roles = clips["fold"].eq(test).map({True: "test", False: "train"})
        if protocol == "nested":
            validation = (test + seed % (folds - 1)) % folds + 1
            roles = roles.mask(clips["fold"].eq(validation), "val")
        split[fold_column(test)] = roles
    return split


def leaks(split: pd.DataFrame, what: list[str]) -> list[str]:
    """What stands on two sides of a split, fold by fold, named with its clips.

    Args:
        what: the columns that name what must not be divided: ``["group"]``, or ``["group", "label"]`` to let
            pass a recording that holds two classes, one on each side.
    """
    problems = []
    for column in _fold_columns(split):
        used = split[split[column].isin(ROLES)]
        sides = used.groupby(what)[column].transform("nunique")
        for names, clips in used[sides > 1].groupby(what):
            named = ", ".join(f"{clip} ({role})" for clip, role in zip(clips["clip"], clips[column], strict=True))
            problems.append(f"{column}: {' '.join(what)} {' '.join(names)} is on several sides: {named}")
    return problems


def gaps(split: pd.DataFrame) -> list[str]:
    """Classes that a part of the split lacks: a model cannot learn, or be judged on, what is not there."""
    labels = set(split["label"])
    problems = []
    for column in _fold_columns(split):
        for role in sorted(set(split[column]) & {"train", "test"}):
            if missing := sorted(labels - set(split.loc[split[column] == role, "label"])):
                problems.append(f"{column}: the {role} part has no clip of {', '.join(missing)}")
    return problems


def split_clips(clips: str | Path, view: dict[str, Any], seed: int, split: str | Path) -> None:
    """Write the split table of a view for one seed, or refuse to.

    Raises:
        InputError: something would leak, or a part would lack a class; everything found, at once.
    """
    table = view_clips(read_clip_table(clips), view.get("keep"))
    check_labels(table, view.get("augment", []))
    settings = view["split"]
    roles = assign_roles(table, settings["folds"], settings["protocol"], seed)
    # Published folds are kept as they are while no class meets one of its own recordings again: four recordings of
    # ESC-50 hold two classes in two folds each.
    if problems := [*leaks(roles, ["group", "label"]), *gaps(roles)]:
        raise InputError(problems, "This split would not be honest:")
    write_csv(split, roles)


def _fold_columns(split: pd.DataFrame) -> list[str]:
    return [name for name in split.columns if name.startswith(fold_column(""))]


def _listed(values: pd.Series) -> str:
    return ", ".join(map(str, sorted(values.unique())))
