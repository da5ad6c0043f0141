"""Copies of clips that a split divides: they were found by the audit and are on two sides of the split."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from soundbench.core.escaping import plain_table
from soundbench.core.storage import read_clip_table
from soundbench.core.text import shortened_list

logger = logging.getLogger(__name__)

KINDS = {
    "duplicate": "hold the same samples",
    "overlapping parts": "are overlapping parts of one file",
    "file in several groups": "are parts of one file",
    "near-duplicate": "sound the same",
}
SHOWN = 10  # the number of clips of a finding, and of findings of a message, that are named


def read_findings(path: str | Path) -> pd.DataFrame:
    """The findings of an audit; all values remain text, such as ``007`` and ``NA``."""
    return plain_table(pd.read_csv(path, dtype=str, keep_default_na=False))


def divided_copies(split: pd.DataFrame, folds: Sequence[str], findings: pd.DataFrame) -> pd.DataFrame:
    """The audit's findings on copies that a split divides; the column ``text`` names their clips and folds.

    Args:
        folds: the columns of ``split`` that hold roles; clips with an empty role are not used.
    """
    roles = split.set_index("clip")[list(folds)]
    texts = {}
    for index, finding in findings[findings["check"].isin(KINDS)].iterrows():
        names = finding["clips"].split("; ")
        own = roles.loc[roles.index.intersection(names)]
        divided = [fold for fold in folds if own.loc[own[fold] != "", fold].nunique() > 1]
        if divided:
            first = own.loc[own[divided[0]] != "", divided[0]]
            clips = shortened_list([f"{clip} ({role})" for clip, role in first.items()], SHOWN)
            others = f"; they are also divided in {', '.join(divided[1:])}" if len(divided) > 1 else ""
            texts[index] = f"{divided[0]}: {clips} {KINDS[finding['check']]}{others}"
    return findings.loc[list(texts)].assign(text=pd.Series(texts, dtype=str))


def report_copies(divided: pd.DataFrame, duplicates: str, name: str) -> list[str]:
    """The problems for which a split must be refused; other copies of :func:`divided_copies` are logged as errors.

    Args:
        duplicates: the view's setting: ``fail`` refuses clips that share samples, ``allow`` only logs them.
        name: of the view, for these errors.
    """
    refused = (divided["check"] != "near-duplicate") & (duplicates == "fail")
    passing = list(divided.loc[~refused, "text"])
    for text in passing[:SHOWN]:
        logger.error("error: %s, %s; the scores may be too high", name, text)
    if len(passing) > SHOWN:
        logger.error("error: %s: %d more such copies; the audit's page lists them", name, len(passing) - SHOWN)
    problems = list(divided.loc[refused, "text"])
    if problems:
        problems.append(
            "split: give such clips one `group`, or keep only one of them. To test on them nevertheless, write "
            "`duplicates: allow` into the view's split"
        )
    return problems


def tested_noise(split: pd.DataFrame, folds: Sequence[str], overlaps: Iterable[str | Path]) -> list[str]:
    """The problems of recordings for noise that are copies of test or validation clips.

    Args:
        folds: the columns of ``split`` that hold roles.
        overlaps: the tables ``…/{variant}.csv`` that :func:`soundbench.data.overlap.overlap_with_noise` wrote.
    """
    tested = set(split.loc[split[list(folds)].isin(["val", "test"]).any(axis=1), "clip"])
    return [
        f"augmentations.{Path(path).stem}: {row.path} is, or sounds like, {row.clip}, a test or validation clip; "
        "take noise from other recordings"
        for path in overlaps
        for row in read_clip_table(path).itertuples()
        if row.clip in tested
    ]
