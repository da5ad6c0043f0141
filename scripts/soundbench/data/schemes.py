"""Schemes of splits: how the clips of a view are divided into folds, and the role of each fold.

There are two protocols. G. Cawley and N. Talbot, "On over-fitting in model selection", JMLR 2010, give the reasons for
the first:

``nested``      one fold is for testing, another for validation (early stopping, best epoch), the others for training;
``literature``  one fold is for testing, all others for training; the last epoch is used, and nothing is chosen.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import product

import pandas as pd

from soundbench.core.errors import InputError
from soundbench.core.text import sorted_list
from soundbench.data.columns import PARTS
from soundbench.data.stratification import divide_groups, groups_of_strata, too_few_groups
from soundbench.data.subsets import GROUP_COLUMNS
from soundbench.data.view import Split

logger = logging.getLogger(__name__)

FEW_TESTED = ("leave-one-group-out", "crossed")  # schemes whose test parts are small and may lack classes
AS_PUBLISHED = ("official", "predefined")  # schemes that keep the sides of the source's own split


def fold_column(fold: int | str) -> str:
    """The column of a split table that holds the roles of one fold."""
    return f"fold{fold}"


def assign_roles(clips: pd.DataFrame, folds: int, protocol: str, seed: int) -> pd.DataFrame:
    """The roles that follow from the column ``fold``, whose values are 1 to ``folds``.

    In ``nested``, the validation fold of test fold *i* follows from the seed, by rotation. So each fold is once the
    validation fold per seed, and the choice of the validation fold is part of the spread over seeds.

    Returns:
        One column of roles per fold, ``fold1`` …, and one row per clip.
    """
    published = sorted(clips["fold"].unique())
    if published != list(range(1, folds + 1)):
        raise InputError(f"split: folds 1 to {folds} are required, but the clips are in {sorted_list(clips['fold'])}")
    split = pd.DataFrame(index=clips.index)
    for test in range(1, folds + 1):
        roles = clips["fold"].eq(test).map({True: "test", False: "train"})
        if protocol == "nested":
            validation = (test + seed % (folds - 1)) % folds + 1
            roles = roles.mask(clips["fold"].eq(validation), "val")
        split[fold_column(test)] = roles
    return split


def published_folds(clips: pd.DataFrame) -> pd.Series:
    """The published folds of a source, as numbers.

    Raises:
        InputError: some clips have none.
    """
    folds = pd.to_numeric(clips["fold"], errors="coerce")
    if folds.isna().any():
        raise InputError("split: this source has no folds of its own; use scheme kfold, leave-one-group-out or holdout")
    return folds.astype(int)


def official(clips: pd.DataFrame, strata: pd.DataFrame, settings: Split, seed: int) -> pd.DataFrame:
    """The published folds of the source."""
    return assign_roles(clips.assign(fold=published_folds(clips)), settings["folds"], settings["protocol"], seed)


def repaired(clips: pd.DataFrame, strata: pd.DataFrame, settings: Split, seed: int) -> pd.DataFrame:
    """The published folds of the source; a group in several folds is moved to the fold that holds most of its clips.

    Of equal folds the first is taken, so that the result does not depend on the seed.
    """
    folds = published_folds(clips)
    home = folds.groupby(clips["group"]).transform(lambda own: own.mode().min())
    for clip, old, new in zip(clips["clip"][folds != home], folds[folds != home], home[folds != home], strict=True):
        logger.info("repaired: %s moves from fold %d to fold %d, where most of its group is", clip, old, new)
    return assign_roles(clips.assign(fold=home), settings["folds"], settings["protocol"], seed)


def kfold(clips: pd.DataFrame, strata: pd.DataFrame, settings: Split, seed: int) -> pd.DataFrame:
    """Random folds of about equal sizes and shares of classes, which the seed decides; each group is in one fold.

    Raises:
        InputError: a class is in fewer groups than there are folds.
    """
    count = settings["folds"]
    if few := too_few_groups(clips["group"], strata, count):
        raise InputError(_too_few(few, clips["group"], strata, f"{count} folds need {count} groups of each class"))
    folds = divide_groups(clips["group"], strata, [1 / count] * count, seed) + 1
    return assign_roles(clips.assign(fold=folds), count, settings["protocol"], seed)


def leave_one_group_out(clips: pd.DataFrame, strata: pd.DataFrame, settings: Split, seed: int) -> pd.DataFrame:
    """One fold per group, in the order of their names.

    Raises:
        InputError: the number of groups differs from ``folds``, which must be known before any clip is read.
    """
    groups = sorted(clips["group"].unique())
    if len(groups) != settings["folds"]:
        raise InputError(
            f"split.folds: leave-one-group-out has one fold per group, and there are {len(groups)} groups: set folds: "
            f"{len(groups)}, or scheme: kfold for {settings['folds']} folds with several groups in each"
        )
    folds = clips["group"].map({group: number for number, group in enumerate(groups, start=1)})
    logger.info("left out: %s", ", ".join(f"{group} in fold {number}" for number, group in enumerate(groups, start=1)))
    return assign_roles(clips.assign(fold=folds), len(groups), settings["protocol"], seed)


def holdout(clips: pd.DataFrame, strata: pd.DataFrame, settings: Split, seed: int) -> pd.DataFrame:
    """One fold with a random share of the clips for testing, the same for every seed. In ``nested``, the seed draws the
    validation clips from the others.

    Raises:
        InputError: a class is in fewer groups than there are parts.
    """
    shares = {"test": settings["test_ratio"]}
    if settings["protocol"] == "nested":
        shares["val"] = settings["val_ratio"]
    shares = {"train": 1 - sum(shares.values()), **shares}
    if few := too_few_groups(clips["group"], strata, len(shares)):
        raise InputError(_too_few(few, clips["group"], strata, f"{', '.join(shares)} need a group of each class"))
    roles = _draw(clips["group"], strata, shares, 0)
    if settings["protocol"] == "nested":
        rest = roles != "test"
        total = 1 - shares["test"]
        parts = {role: shares[role] / total for role in ("train", "val")}
        roles.update(_draw(clips["group"][rest], strata[rest], parts, seed))
    return pd.DataFrame({fold_column(1): roles})


def _draw(groups: pd.Series, strata: pd.DataFrame, shares: dict[str, float], seed: int) -> pd.Series:
    """A random role for each clip; each role gets its share of the clips."""
    parts = divide_groups(groups, strata, list(shares.values()), seed)
    return pd.Series([list(shares)[part] for part in parts], index=groups.index)


def _too_few(few: list[str], groups: pd.Series, strata: pd.DataFrame, requirement: str) -> list[str]:
    """The classes with too few groups, the requirement, and the largest possible number of parts."""
    most = groups_of_strata(groups, strata).min()
    possible = f"at most {most} parts are possible" if most > 1 else "no split is possible"
    return [*few, f"split: {requirement}; now {possible}. To make more possible, drop or merge these classes"]


def predefined(clips: pd.DataFrame, strata: pd.DataFrame, settings: Split, seed: int) -> pd.DataFrame:
    """One fold: the source's own parts for training, validation and test, the same for every seed.

    In ``literature`` the clips for validation train too.

    Raises:
        InputError: the source names no parts, or some clips have another one; all of these are named.
    """
    if "part" not in clips:
        raise InputError("split: this source has no parts of its own; use another scheme, such as kfold or holdout")
    roles = clips["part"].fillna("").astype(str)
    odd = clips["clip"][~roles.isin(PARTS)]
    if problems := [f"{clip}: its part is {roles[row]!r}, not one of {', '.join(PARTS)}" for row, clip in odd.items()]:
        raise InputError(problems, "split: clips without a part:")
    if settings["protocol"] == "literature":
        roles = roles.replace("val", "train")
    elif "val" not in set(roles):
        raise InputError("split: no clip of this source is for validation, so the protocol has to be literature")
    return pd.DataFrame({fold_column(1): roles})


def crossed(clips: pd.DataFrame, strata: pd.DataFrame, settings: Split, seed: int) -> pd.DataFrame:
    """Folds that test two kinds of groups at once, such as a speaker and a text that training did not contain.

    Each kind is divided into its number of ``parts``, which the seed decides. A fold tests the clips of one part of
    each; clips that share one of the two with them are left out of the fold, and the others train. So each clip is
    tested once. In ``nested``, the validation clips are one of the remaining parts of the first kind. This is what Y.
    Park and E. M. Marcotte, "Flaws in evaluation schemes for pair-input computational predictions", Nature Methods 9,
    2012, ask for: scores on pairs with known parts hold on such pairs only.

    Raises:
        InputError: a fold lacks clips for a role; all of these are named.
    """
    counts = settings["parts"]
    names = [clips[column] for column in GROUP_COLUMNS]
    for wanted, groups in zip(counts, names, strict=True):
        if groups.nunique() < wanted:
            raise InputError(f"split.parts: {wanted} parts need as many groups, but there are {sorted_list(groups)}")
    parts = [
        divide_groups(groups, strata, [1 / count] * count, seed) for groups, count in zip(names, counts, strict=True)
    ]
    split = pd.DataFrame(index=clips.index)
    for fold, (first, second) in enumerate(product(*map(range, counts)), start=1):
        roles = pd.Series("", index=clips.index)
        roles[(parts[0] != first) & (parts[1] != second)] = "train"
        roles[(parts[0] == first) & (parts[1] == second)] = "test"
        if settings["protocol"] == "nested":
            validation = (first + 1 + seed % (counts[0] - 1)) % counts[0]
            roles[roles.eq("train") & (parts[0] == validation)] = "val"
        split[fold_column(fold)] = roles
    needed = PARTS if settings["protocol"] == "nested" else ("train", "test")
    lacking = [
        f"{fold}: no clip is left to {role}" for fold in split for role in needed if role not in set(split[fold])
    ]
    if lacking:
        raise InputError([*lacking, "split.parts: fewer parts leave more clips in each fold"])
    return split


# From a clip table, what each part must have its share of, the view's `split` and the seed to the roles.
SCHEMES: dict[str, Callable[[pd.DataFrame, pd.DataFrame, Split, int], pd.DataFrame]] = {
    "official": official,
    "repaired": repaired,
    "kfold": kfold,
    "leave-one-group-out": leave_one_group_out,
    "holdout": holdout,
    "predefined": predefined,
    "crossed": crossed,
}
