"""Copies of clips on two sides of a split: those that the audit found and a split divides."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from soundbench.core.escaping import plain_table
from soundbench.core.storage import read_clip_table

logger = logging.getLogger(__name__)

KINDS = {"duplicate": "hold the same samples", "near-duplicate": "sound the same"}
SHOWN = 10  # clips of a finding, and findings of a message, that are named


def read_findings(path: str | Path) -> pd.DataFrame:
    """The findings of an audit as text: ``007`` is no number and ``NA`` no gap."""
    return plain_table(pd.read_csv(path, dtype=str, keep_default_na=False))


def divided_copies(split: pd.DataFrame, folds: Sequence[str], findings: pd.DataFrame) -> pd.DataFrame:
    """The findings of the audit on copies that a split divides, with ``text``, which names clips and folds.

    Args:
        folds: the columns of ``split`` that hold roles; an empty role is on no side.
    """
    roles = split.set_index("clip")[list(folds)]
    texts = {}
    for index, finding in findings[findings["check"].isin(KINDS)].iterrows():
        names = finding["clips"].split("; ")
        own = roles.loc[roles.index.intersection(names)]
        divided = [fold for fold in folds if own.loc[own[fold] != "", fold].nunique() > 1]
        if divided:
            first = own.loc[own[divided[0]] != "", divided[0]]
            listed = ", ".join(f"{clip} ({role})" for clip, role in first.iloc[:SHOWN].items())
            more = f" and {len(first) - SHOWN} more" if len(first) > SHOWN else ""
            others = f"; they are divided in {', '.join(divided[1:])} as well" if len(divided) > 1 else ""
            texts[index] = f"{divided[0]}: {listed}{more} {KINDS[finding['check']]}{others}"
    return findings.loc[list(texts)].assign(text=pd.Series(texts, dtype=str))


def report_copies(divided: pd.DataFrame, duplicates: str) -> list[str]:
    """What of :func:`divided_copies` a split must be refused for; the rest is said as an error, and passes.

    Args:
        duplicates: the view's setting: ``fail`` refuses clips with the same samples, ``allow`` lets them pass.
    """
    refused = (divided["check"] == "duplicate") & (duplicates == "fail")
    passing = list(divided.loc[~refused, "text"])
    for text in passing[:SHOWN]:
        logger.error("error: %s; the scores may be too high", text)
    if len(passing) > SHOWN:
        logger.error("error: %d more such copies; the audit's page lists them", len(passing) - SHOWN)
    problems = list(divided.loc[refused, "text"])
    if problems:
        problems.append(
            "split: give such clips one `group`, or leave all but one of them out; `duplicates: allow` in the view's "
            "split tests on them all the same"
        )
    return problems


def tested_noise(split: pd.DataFrame, folds: Sequence[str], overlaps: Iterable[str | Path]) -> list[str]:
    """Clips that some fold tests or validates on, and that recordings which noise is taken from hold.

    Args:
        folds: the columns of ``split`` that hold roles.
        overlaps: ``…/{variant}.csv``, what :func:`soundbench.data.overlap.overlap_with_noise` wrote.
    """
    tested = set(split.loc[split[list(folds)].isin(["val", "test"]).any(axis=1), "clip"])
    return [
        f"augmentations.{Path(path).stem}: {row.path} is, or sounds like, {row.clip}, which is tested or validated on; "
        "noise must come from other recordings"
        for path in overlaps
        for row in read_clip_table(path).itertuples()
        if row.clip in tested
    ]
