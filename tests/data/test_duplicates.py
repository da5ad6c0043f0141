"""Copies that a split divides are named with their roles and folds, and refused or reported."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from helpers.simulated import Study, write_report
from soundbench.core.storage import read_clip_table, write_csv
from soundbench.data.duplicates import SHOWN, divided_copies, report_copies
from soundbench.report.sections.answer import section

FOLDS = ["fold1", "fold2"]


def findings(*rows: tuple[str, str]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["check", "clips"])
    return table.assign(severity="error", detail="the same sound")


def test_only_copies_on_two_sides_are_found() -> None:
    split = pd.DataFrame(
        [("a", "train", "test"), ("b", "train", "test"), ("c", "test", "train"), ("d", "", "train")],
        columns=["clip", *FOLDS],
    )
    found = findings(("duplicate", "a; b"), ("near-duplicate", "b; c"), ("duplicate", "c; d; x"), ("clipped", "a; c"))
    divided = divided_copies(split, FOLDS, found)
    assert divided["text"].to_dict() == {1: "fold1: b (train), c (test) sound the same; they are also divided in fold2"}
    assert report_copies(divided, "fail", "pets") == []  # near-duplicates pass
    split["fold1"] = ["train", "test", "train", "train"]
    divided = divided_copies(split, FOLDS, found)
    assert "fold1: a (train), b (test) hold the same samples" in report_copies(divided, "fail", "pets")
    assert report_copies(divided, "allow", "pets") == []


def test_many_copies_are_not_all_named() -> None:
    split = pd.DataFrame({"clip": [f"c{number}" for number in range(40)], "fold1": ["train", "test"] * 20})
    (text,) = divided_copies(split, ["fold1"], findings(("duplicate", "; ".join(split["clip"]))))["text"]
    assert text.count("(") == SHOWN and "and 30 more hold the same samples" in text


@pytest.mark.slow
def test_copies_on_two_sides_stand_in_red_above_the_scores(tmp_path: Path) -> None:
    study = Study(tmp_path / "study", seeds=(1,)).write()
    split = read_clip_table(study.splits()[0])
    pair = "; ".join(split.groupby("fold1")["clip"].first())
    audit = tmp_path / "audit" / f"{study.datasets[0]}.csv"
    for check in ("near-duplicate", "clipped"):
        write_csv(audit, findings((check, pair)))
        write_report(study, pages=False)
        page = section(study.results([str(audit)]))
        assert ("copies on two sides of the split" in page) == (check == "near-duplicate")
    assert "error: clipped" in page
