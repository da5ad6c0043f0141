"""Split tables: a view is divided by its scheme, and the table is written only if nothing leaks."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from soundbench.core.errors import InputError, errors_of
from soundbench.core.integrity import write_split
from soundbench.data.columns import PARTS
from soundbench.data.copies import check_labels
from soundbench.data.duplicates import divided_copies, read_findings, report_copies, tested_noise
from soundbench.data.schemes import AS_PUBLISHED, FEW_TESTED, SCHEMES, fold_column
from soundbench.data.subsets import GROUP_COLUMNS, group_columns, limit_clips, read_view
from soundbench.data.view import Split, View
from soundbench.tasks.registry import task_class


def leaks(split: pd.DataFrame, what: list[str]) -> list[str]:
    """The problems of groups of clips that are on two sides of a split, fold by fold, with their clips.

    Args:
        what: the columns that define the groups: ``["group"]``; or ``["group", "label"]`` to allow a recording with
            two classes on different sides.
    """
    problems = []
    for column in fold_columns(split):
        used = split[split[column].isin(PARTS)]
        sides = used.groupby(what)[column].transform("nunique")
        for names, clips in used[sides > 1].groupby(what):
            named = ", ".join(f"{clip} ({role})" for clip, role in zip(clips["clip"], clips[column], strict=True))
            problems.append(f"{column}: {' '.join(what)} {' '.join(map(str, names))} is on several sides: {named}")
    return problems


def missing_classes(split: pd.DataFrame, strata: pd.DataFrame, roles: tuple[str, ...] = PARTS) -> list[str]:
    """The problems of parts that lack a class: a model cannot be trained on, or evaluated on, a missing class.

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
    """The problems of groups on two sides, except those that the view allows.

    Published folds do not change. The view names the groups that may be in several of them; even such a group must not
    have the same label on two sides.

    Args:
        truth: the columns that hold the label.
    """
    named = split["group"].isin(settings.get("crossing_groups", [])) & (settings["scheme"] in AS_PUBLISHED)
    problems = [*leaks(split[~named], ["group"]), *leaks(split[named], ["group", *truth])]
    if (other := GROUP_COLUMNS[1]) in split:
        # The validation clips share these with training clips, but no test clip does with either.
        problems += leaks(split.replace({column: {"val": "train"} for column in fold_columns(split)}), [other])
    if problems and settings["scheme"] == "official":
        problems.append(
            "split: scheme `repaired` keeps these folds but moves each such group to one side; `crossing_groups` in "
            "the view's split names the groups that may have different labels on different sides"
        )
    return problems


def split_clips(
    clips: str | Path,
    audit: str | Path,
    name: str,
    view: View,
    seed: int,
    split: str | Path,
    noise: Iterable[str | Path] = (),
) -> None:
    """Write the split table of a view for one seed.

    Its columns are ``clip``, the truth of the view's task, ``source_label`` if the view merges labels, ``group``,
    ``other_group`` if the view has two kinds of groups, and one column of roles per fold.

    Args:
        audit: the findings on the view's clips, which name copies among them.
        name: of the view.
        noise: tables of the clips that are copies of recordings for noise.

    Raises:
        InputError: clips would leak, or a part would lack a class; naming all problems.
    """
    with errors_of(f"datasets.{name}"):
        table = read_view(clips, view)
        check_labels(table, view.get("augment", []))
        whole, roles = draw_split(table, view, seed)
    settings = view["split"]
    scheme = settings["scheme"]
    task = task_class(view)
    truth = task.truth_columns(table)
    strata = task.strata(table)
    problems = crossing_groups(roles, truth, settings)
    divided = divided_copies(roles, fold_columns(roles), read_findings(audit))
    problems += report_copies(divided, settings.get("duplicates", "fail"), f"{name}, seed {seed}")
    problems += tested_noise(roles, fold_columns(roles), noise)
    # A left-out speaker may lack classes, but training needs all. A limit may leave classes untested.
    if lacking := missing_classes(whole, strata, ("train",) if scheme in FEW_TESTED else PARTS):
        problems += [*lacking, "split: drop or merge rare labels, use fewer folds, or protocol literature if nested"]
    if problems:
        raise InputError(problems, f"The split of {name} would not be honest:")
    if "source_label" in table:
        roles.insert(1 + len(truth), "source_label", table["source_label"])
    write_split(split, roles)


def draw_split(clips: pd.DataFrame, view: View, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The roles of a view's clips in each fold, as its scheme draws them, and the same with its limits.

    Nothing is checked for leaks.

    Raises:
        InputError: the scheme does not suit the clips, or a limit is too small.
    """
    task = task_class(view)
    strata = task.strata(clips)
    settings = view["split"]
    drawn = SCHEMES[settings["scheme"]](clips, strata, settings, seed)
    whole = clips[["clip", *task.truth_columns(clips), *group_columns(clips)]].join(drawn)
    return whole, limit_clips(whole, strata, fold_columns(whole), view.get("limit") or {})


def left_out(split: pd.DataFrame) -> list[int]:
    """The number of clips per fold that are in no part because they share a group with test clips."""
    counts = []
    for column in fold_columns(split):
        tested = split[split[column] == "test"]
        shared = [split[name].isin(tested[name]) for name in group_columns(split)]
        counts.append(int((np.logical_or.reduce(shared) & split[column].eq("")).sum()))
    return counts


def fold_columns(split: pd.DataFrame) -> list[str]:
    """The columns of a split table that hold roles, one per fold."""
    return [name for name in split.columns if name.startswith(fold_column(""))]
