"""Views: labels kept, dropped and merged, and clips limited."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
import yaml

from helpers.workflow import DATA, REPOSITORY
from soundbench.core.errors import InputError
from soundbench.data.schemes import fold_column
from soundbench.data.subsets import limit_clips, view_clips
from soundbench.tasks.single_label import SingleLabel

CLIPS = pd.DataFrame(
    [(f"{label}{number}", label) for label in "abcde" for number in range(4)], columns=["clip", "label"]
)
LIBRARY = yaml.safe_load((REPOSITORY / "config" / "datasets.yaml").read_text())["datasets"]


@pytest.mark.parametrize(
    ("view", "labels"),
    [
        ({}, {"a": 4, "b": 4, "c": 4, "d": 4, "e": 4}),
        ({"keep": ["a", "c"]}, {"a": 4, "c": 4}),
        ({"drop": ["a", "c"]}, {"b": 4, "d": 4, "e": 4}),
        ({"merge": {"x": ["a", "b"]}}, {"x": 8, "c": 4, "d": 4, "e": 4}),
        ({"merge": {"a": ["a", "b"], "c": ["d"]}, "drop": ["e"]}, {"a": 8, "c": 8}),
        ({"merge": {"a": ["b"], "b": ["a"]}, "keep": ["a", "b"]}, {"a": 4, "b": 4}),
    ],
)
def test_labels_of_a_view(view: dict[str, Any], labels: dict[str, int]) -> None:
    clips = view_clips(CLIPS, view)
    assert clips["label"].value_counts().to_dict() == labels
    assert set(clips["clip"]) <= set(CLIPS["clip"])


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        ({"keep": ["a", "z"], "drop": ["y"], "merge": {"m": ["b", "x"]}}, ["keep: .*z", "drop: .*y", "merge.m: .*x"]),
        (
            {"drop": ["a"], "merge": {"m": ["a", "b"]}},
            ["these labels are not kept, so they cannot be merged: a"],
        ),
        ({"drop": ["aa"]}, ["^drop: no clip has the label aa; did you mean 'a'\\?\nthe labels are a, b, c, d, e$"]),
        ({"merge": {"all": list("abcde")}}, ["needs two labels or more.*all"]),
        ({"keep": ["a", "b"], "drop": ["b"]}, ["needs two labels or more.*a"]),
    ],
)
def test_impossible_views_say_everything(view: dict[str, Any], expected: list[str]) -> None:
    for pattern in expected:
        with pytest.raises(InputError, match=pattern):
            view_clips(CLIPS, view)


def split(sizes: dict[str, tuple[int, int]]) -> pd.DataFrame:
    """A split of two folds in which each label has so many clips to train and to test."""
    rows = [
        (f"{label}{role}{number}", label, role, {"train": "test", "test": "train"}[role])
        for label, counts in sizes.items()
        for role, count in zip(("train", "test"), counts, strict=True)
        for number in range(count)
    ]
    return pd.DataFrame(rows, columns=["clip", "label", fold_column(1), fold_column(2)])


def test_a_limit_holds_in_every_part_of_every_fold_and_keeps_the_shares() -> None:
    roles = split({"a": (60, 30), "b": (30, 15), "c": (9, 5), "rare": (1, 1)})
    limited = limit_clips(roles, SingleLabel.strata(roles), ["fold1", "fold2"], {"train": 50, "test": 10})
    for column in ("fold1", "fold2"):
        counts = limited.groupby([column, "label"]).size()
        assert counts["test"].sum() == 10
        assert counts["train"].sum() == 50
        assert counts["test"].to_dict() == pytest.approx({"a": 5.8, "b": 2.9, "c": 1, "rare": 1}, abs=1)
        assert (limited[column] != "").sum() == 60
        unlimited = limited[column] != ""
        assert (limited.loc[unlimited, column] == roles.loc[unlimited, column]).all()
    assert limited["fold1"].eq("test").sum() == 10


def test_a_limit_above_what_is_there_changes_nothing_and_training_on_fewer_clips_than_classes_is_refused() -> None:
    roles = split({"a": (6, 3), "b": (3, 2), "c": (3, 2)})
    assert limit_clips(roles, SingleLabel.strata(roles), ["fold1", "fold2"], {"train": 400, "val": 1}).equals(roles)
    with pytest.raises(InputError) as refused:
        limit_clips(roles, SingleLabel.strata(roles), ["fold1", "fold2"], {"train": 2, "test": 2})
    assert refused.value.problems == [
        f"fold{number}: limit.train is 2, but the part has 3 classes" for number in (1, 2)
    ]


def test_fewer_test_clips_than_classes_are_each_of_another_class() -> None:
    roles = split({"a": (60, 30), "b": (30, 15), "c": (9, 5)})
    limited = limit_clips(roles, SingleLabel.strata(roles), ["fold1", "fold2"], {"test": 2})
    for column in ("fold1", "fold2"):
        assert limited.loc[limited[column] == "test", "label"].nunique() == 2
        assert (limited[column] == "test").sum() == 2


def test_the_categories_of_esc50_are_five_times_ten_classes() -> None:
    categories = LIBRARY["esc50-categories"]["merge"]
    labels = [label for olds in categories.values() for label in olds]
    assert len(categories) == 5
    assert len(labels) == len(set(labels)) == 50
    if (DATA / "esc50.csv").exists():
        meta = pd.read_csv(DATA / "esc50.csv")
        # ESC-50 numbers its classes so that each category is a run of ten.
        for olds in categories.values():
            assert meta.loc[meta["category"].isin(olds), "target"].floordiv(10).nunique() == 1
        assert set(LIBRARY["esc10"]["keep"]) == set(meta.loc[meta["esc10"], "category"])
