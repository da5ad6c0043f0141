"""Splits that leak nothing: which clip trains, validates and tests in which fold.

Two protocols (J. Cawley and N. Talbot, "On over-fitting in model selection", JMLR 2010, on why the first exists):

``nested``      a fold tests, another validates (for early stopping and the best epoch), the rest train;
``literature``  a fold tests, all others train, the last epoch counts; nothing is chosen on the test fold.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from soundbench.core.errors import InputError
from soundbench.core.integrity import write_split
from soundbench.core.storage import read_clip_table
from soundbench.data.copies import check_labels
from soundbench.data.duplicates import divided_copies, read_findings, report_copies, tested_noise
from soundbench.data.stratification import divide_groups, too_few_groups
from soundbench.data.subsets import limit_clips, view_clips

logger = logging.getLogger(__name__)

PROTOCOLS = ("nested", "literature")
ROLES = ("train", "val", "test")


def fold_column(fold: int | str) -> str:
    """The column of a split table that holds the roles of one fold."""
    return f"fold{fold}"


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


def published_folds(clips: pd.DataFrame) -> pd.Series:
    """The folds that a source comes with, as numbers.

    Raises:
        InputError: some clips have none.
    """
    folds = pd.to_numeric(clips["fold"], errors="coerce")
    if folds.isna().any():
        raise InputError("split: this source has no folds of its own; use scheme kfold, leave-one-group-out or holdout")
    return folds.astype(int)


def official(clips: pd.DataFrame, settings: dict[str, Any], seed: int) -> pd.DataFrame:
    """The source's own folds, as they are."""
    return assign_roles(clips.assign(fold=published_folds(clips)), settings["folds"], settings["protocol"], seed)


def repaired(clips: pd.DataFrame, settings: dict[str, Any], seed: int) -> pd.DataFrame:
    """The source's own folds, with each group that is in several of them moved to the one that holds most of it.

    The first of equals is taken, so that the repair is the same whatever the seed.
    """
    folds = published_folds(clips)
    home = folds.groupby(clips["group"]).transform(lambda own: own.mode().min())
    for clip, old, new in zip(clips["clip"][folds != home], folds[folds != home], home[folds != home], strict=True):
        logger.info("repaired: %s moves from fold %d to fold %d, where most of its group is", clip, old, new)
    return assign_roles(clips.assign(fold=home), settings["folds"], settings["protocol"], seed)


def kfold(clips: pd.DataFrame, settings: dict[str, Any], seed: int) -> pd.DataFrame:
    """Folds of about the same size and classes, drawn by the seed, each group in one of them.

    Raises:
        InputError: a class is in fewer groups than there are folds.
    """
    count = settings["folds"]
    if few := too_few_groups(clips, count):
        raise InputError(_too_few(few, clips, f"{count} folds need {count} groups of each class"))
    folds = divide_groups(clips, [1 / count] * count, seed) + 1
    return assign_roles(clips.assign(fold=folds), count, settings["protocol"], seed)


def leave_one_group_out(clips: pd.DataFrame, settings: dict[str, Any], seed: int) -> pd.DataFrame:
    """A fold a group, in the order of their names.

    Raises:
        InputError: the number of groups is not that of the folds, which has to be known before any clip is read.
    """
    groups = sorted(clips["group"].unique())
    if len(groups) != settings["folds"]:
        raise InputError(
            f"split.folds: leave-one-group-out has a fold a group, and there are {len(groups)} groups: set folds: "
            f"{len(groups)}, or scheme: kfold for {settings['folds']} folds with several groups in each"
        )
    folds = clips["group"].map({group: number for number, group in enumerate(groups, start=1)})
    logger.info("left out: %s", ", ".join(f"{group} in fold {number}" for number, group in enumerate(groups, start=1)))
    return assign_roles(clips.assign(fold=folds), len(groups), settings["protocol"], seed)


def holdout(clips: pd.DataFrame, settings: dict[str, Any], seed: int) -> pd.DataFrame:
    """One fold: a share of the clips tests, the same for every seed; of the rest the seed draws, in ``nested``, a
    share that validates.

    Raises:
        InputError: a class is in fewer groups than there are parts.
    """
    shares = {"test": settings["test_ratio"]}
    if settings["protocol"] == "nested":
        shares["val"] = settings["val_ratio"]
    shares = {"train": 1 - sum(shares.values()), **shares}
    if few := too_few_groups(clips, len(shares)):
        raise InputError(_too_few(few, clips, f"{', '.join(shares)} need a group of each class"))
    roles = _draw(clips, shares, 0)
    if settings["protocol"] == "nested":
        rest = clips[roles != "test"]
        left = 1 - shares["test"]
        roles.update(_draw(rest, {role: shares[role] / left for role in ("train", "val")}, seed))
    return clips[["clip", "label", "group"]].assign(**{fold_column(1): roles})


def _draw(clips: pd.DataFrame, shares: dict[str, float], seed: int) -> pd.Series:
    """A role for each clip, each with its share of them."""
    parts = divide_groups(clips, list(shares.values()), seed)
    return pd.Series([list(shares)[part] for part in parts], index=clips.index)


def _too_few(few: list[str], clips: pd.DataFrame, needed: str) -> list[str]:
    """What ``needed`` cannot have, and what would be possible."""
    most = clips.groupby("label")["group"].nunique().min()
    can = f"as it is, {most} parts are possible at most" if most > 1 else "as it is, no split is possible"
    return [*few, f"split: {needed}; {can}. Drop or merge these classes for more"]


SCHEMES: dict[str, Callable[[pd.DataFrame, dict[str, Any], int], pd.DataFrame]] = {
    "official": official,
    "repaired": repaired,
    "kfold": kfold,
    "leave-one-group-out": leave_one_group_out,
    "holdout": holdout,
}


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


def gaps(split: pd.DataFrame, roles: tuple[str, ...] = ROLES) -> list[str]:
    """Classes that a part of the split lacks: a model cannot learn, or be judged on, what is not there."""
    labels = set(split["label"])
    problems = []
    for column in fold_columns(split):
        for role in sorted(set(split[column]) & set(roles)):
            if missing := sorted(labels - set(split.loc[split[column] == role, "label"])):
                problems.append(f"{column}: the {role} part has no clip of {', '.join(missing)}")
    return problems


def crossing_groups(split: pd.DataFrame, settings: dict[str, Any]) -> list[str]:
    """What :func:`leaks` says of groups, but for those that the view lets pass.

    Published folds are kept as they are: the view names the groups that are in several of them. Such a group may still
    not have one label on two sides.
    """
    named = split["group"].isin(settings.get("crossing_groups", [])) & (settings["scheme"] == "official")
    problems = [*leaks(split[~named], ["group"]), *leaks(split[named], ["group", "label"])]
    if problems and settings["scheme"] == "official":
        problems.append(
            "split: scheme `repaired` keeps these folds but moves each such group to one side; `crossing_groups` in "
            "the view's split names those that may have different labels on different sides"
        )
    return problems


def split_clips(
    clips: str | Path,
    audit: str | Path,
    view: dict[str, Any],
    seed: int,
    split: str | Path,
    noise: Iterable[str | Path] = (),
) -> None:
    """Write the split table of a view for one seed, or refuse to.

    It holds the columns of :func:`assign_roles`, and ``source_label`` where the view merges labels.

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
    whole = SCHEMES[scheme](table, settings, seed)
    roles = limit_clips(whole, fold_columns(whole), view.get("limit") or {})
    problems = crossing_groups(roles, settings)
    divided = divided_copies(roles, fold_columns(roles), read_findings(audit))
    problems += report_copies(divided, settings.get("duplicates", "fail"))
    problems += tested_noise(roles, fold_columns(roles), noise)
    # A speaker need not have spoken every class; to train, every class is needed. A limit may leave classes untested.
    if lacking := gaps(whole, ("train",) if scheme == "leave-one-group-out" else ROLES):
        problems += [*lacking, "split: drop or merge rare labels, take fewer folds, or protocol literature if nested"]
    if problems:
        raise InputError(problems, "This split would not be honest:")
    if "source_label" in table:
        roles.insert(2, "source_label", table["source_label"])
    write_split(split, roles)


def fold_columns(split: pd.DataFrame) -> list[str]:
    """The columns of a split table that hold roles, one a fold."""
    return [name for name in split.columns if name.startswith(fold_column(""))]


def _listed(values: pd.Series) -> str:
    return ", ".join(map(str, sorted(values.unique())))
