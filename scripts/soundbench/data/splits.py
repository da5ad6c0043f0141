"""Split tables: a view is divided as its scheme says, and nothing is written if something would leak."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from soundbench.core.errors import InputError
from soundbench.core.integrity import write_split
from soundbench.core.storage import read_clip_table
from soundbench.data.copies import check_labels
from soundbench.data.duplicates import divided_copies, read_findings, report_copies, tested_noise
from soundbench.data.schemes import AS_PUBLISHED, ROLES, SCHEMES, fold_column
from soundbench.data.subsets import limit_clips, view_clips
from soundbench.data.view import Split, View
from soundbench.tasks.registry import task_class


def leaks(split: pd.DataFrame, what: list[str]) -> list[str]:
    """What stands on two sides of a split, fold by fold, named with its clips.

    Args:
        what: the columns that name what must not be divided: ``["group"]``, or ``["group", "label"]`` to let
            pass a recording that holds two classes, one on each side.
    """
    problems = []
    for column in fold_columns(split):
        used = split[split[column].isin(ROLES)]
        sides = used.groupby(what)[column].transform("nunique")
        for names, clips in used[sides > 1].groupby(what):
            named = ", ".join(f"{clip} ({role})" for clip, role in zip(clips["clip"], clips[column], strict=True))
            problems.append(f"{column}: {' '.join(what)} {' '.join(names)} is on several sides: {named}")
    return problems


def gaps(split: pd.DataFrame, strata: pd.DataFrame, roles: tuple[str, ...] = ROLES) -> list[str]:
    """Classes that a part of the split lacks: a model cannot learn, or be judged on, what is not there.

    Args:
        strata: the classes of each clip, from the task.
    """
    problems = []
    for column in fold_columns(split):
        for role in sorted(set(split[column]) & set(roles)):
            if missing := [name for name, clips in strata[split[column] == role].sum().items() if not clips]:
                problems.append(f"{column}: the {role} part has no clip of {', '.join(missing)}")
    return problems


def crossing_groups(split: pd.DataFrame, truth: list[str], settings: Split) -> list[str]:
    """What :func:`leaks` says of groups, but for those that the view lets pass.

    Published folds are kept as they are: the view names the groups that are in several of them. Such a group may still
    not have one label on two sides.

    Args:
        truth: the columns that hold the label.
    """
    named = split["group"].isin(settings.get("crossing_groups", [])) & (settings["scheme"] in AS_PUBLISHED)
    problems = [*leaks(split[~named], ["group"]), *leaks(split[named], ["group", *truth])]
    if problems and settings["scheme"] == "official":
        problems.append(
            "split: scheme `repaired` keeps these folds but moves each such group to one side; `crossing_groups` in "
            "the view's split names those that may have different labels on different sides"
        )
    return problems


def split_clips(
    clips: str | Path,
    audit: str | Path,
    view: View,
    seed: int,
    split: str | Path,
    noise: Iterable[str | Path] = (),
) -> None:
    """Write the split table of a view for one seed, or refuse to.

    Its columns are ``clip``, the truth of the view's task, ``source_label`` where the view merges labels, ``group``,
    and one column of roles per fold.

    Args:
        audit: the findings on the view's clips, for the copies among them.
        noise: which clips are copies of the recordings that the view's variants take noise from.

    Raises:
        InputError: something would leak, or a part would lack a class; everything found, at once.
    """
    table = view_clips(read_clip_table(clips), view)
    check_labels(table, view.get("augment", []))
    settings = view["split"]
    scheme = settings["scheme"]
    task = task_class(view)
    truth = task.truth_columns(table)
    strata = task.strata(table)
    whole = table[["clip", *truth, "group"]].join(SCHEMES[scheme](table, strata, settings, seed))
    roles = limit_clips(whole, strata, fold_columns(whole), view.get("limit") or {})
    problems = crossing_groups(roles, truth, settings)
    divided = divided_copies(roles, fold_columns(roles), read_findings(audit))
    problems += report_copies(divided, settings.get("duplicates", "fail"))
    problems += tested_noise(roles, fold_columns(roles), noise)
    # A speaker need not have spoken every class; to train, every class is needed. A limit may leave classes untested.
    if lacking := gaps(whole, strata, ("train",) if scheme == "leave-one-group-out" else ROLES):
        problems += [*lacking, "split: drop or merge rare labels, take fewer folds, or protocol literature if nested"]
    if problems:
        raise InputError(problems, "This split would not be honest:")
    if "source_label" in table:
        roles.insert(1 + len(truth), "source_label", table["source_label"])
    write_split(split, roles)


def fold_columns(split: pd.DataFrame) -> list[str]:
    """The columns of a split table that hold roles, one a fold."""
    return [name for name in split.columns if name.startswith(fold_column(""))]
