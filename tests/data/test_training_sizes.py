"""Learning curves of data: one view per number of training clips."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from helpers.library import configuration
from helpers.workflow import Workflow
from soundbench.core.errors import InputError
from soundbench.core.integrity import read_split
from soundbench.data.subsets import limit_clips
from soundbench.data.training_sizes import learning_curves, without_smaller
from soundbench.tasks.single_label import SingleLabel

HOLDOUT = {"scheme": "holdout", "protocol": "literature"}


def sized(sizes: list[Any], **limit: int) -> dict[str, Any]:
    """A study of ``synthetic`` with several sizes, and of a view without a limit."""
    return {
        "benchmark": {"datasets": ["synthetic", "synthetic-augmented"]},
        "datasets": {"synthetic": {"limit": {"train": sizes, **limit}}},
    }


def test_a_list_of_sizes_is_one_ordinary_view_per_size() -> None:
    plain = configuration()
    made = configuration(**sized([24, "all"], test=30))
    assert made["benchmark"]["datasets"] == ["synthetic-train24", "synthetic", "synthetic-augmented"]
    view = plain["datasets"]["synthetic"]
    assert made["datasets"]["synthetic"] == view | {"limit": {"test": 30}}
    assert made["datasets"]["synthetic-train24"] == view | {"limit": {"train": 24, "test": 30}}
    assert learning_curves(made["datasets"]) == [["synthetic", "synthetic-train24"]]


def test_confounds_are_measured_once_for_the_sizes_of_a_view() -> None:
    views = configuration(**sized([24, 48, "all"], test=30))["datasets"]
    chosen = ["synthetic-train24", "synthetic", "synthetic-train48", "synthetic-augmented"]
    assert without_smaller({name: views[name] for name in chosen}) == ["synthetic", "synthetic-augmented"]
    assert without_smaller({name: views[name] for name in ("synthetic-train48", "synthetic-train24")}) == [
        "synthetic-train48"
    ]


def test_a_view_with_all_its_clips_is_the_view_without_the_list() -> None:
    made = configuration(**sized([24, "all"]))
    assert made["datasets"]["synthetic"] == configuration()["datasets"]["synthetic"]
    without = configuration(**sized([24, 48]))
    assert without["benchmark"]["datasets"] == ["synthetic-train24", "synthetic-train48", "synthetic-augmented"]
    assert without["datasets"]["synthetic"] == configuration()["datasets"]["synthetic"]


@pytest.mark.parametrize(
    ("sizes", "problem"),
    [
        ([24, "most"], "datasets.synthetic.limit.train.1: should be 'all', but is 'most'"),
        ([24, 0], "datasets.synthetic.limit.train.1: 0 is less than the minimum of 1"),
        ([24], "datasets.synthetic.limit.train: holds 1; name at least 2"),
        ([24, 24], "datasets.synthetic.limit.train: holds a value twice: [24, 24]"),
        (["all", 24.5], "datasets.synthetic.limit.train.1: should be of type integer or string, but is 24.5"),
    ],
)
def test_sizes_that_are_none_are_named(sizes: list[Any], problem: str) -> None:
    with pytest.raises(InputError) as refused:
        configuration(**sized(sizes))
    assert refused.value.problems == [problem]


def test_a_size_whose_name_is_taken_is_named() -> None:
    study = sized([24, "all"])
    study["datasets"]["synthetic-train24"] = configuration()["datasets"]["synthetic"]
    with pytest.raises(InputError) as refused:
        configuration(**study)
    assert refused.value.problems == [
        "datasets.synthetic.limit.train: makes a data set synthetic-train24, but there is one already; rename it"
    ]


def test_smaller_training_parts_are_subsets_of_larger_ones() -> None:
    labels = ["a"] * 40 + ["b"] * 15 + ["c"] * 2
    whole = pd.DataFrame({"clip": map(str, range(57)), "label": labels, "fold1": "train"})
    strata = SingleLabel.strata(whole)
    parts = []
    for size in range(3, 57):
        limited = limit_clips(whole, strata, ["fold1"], {"train": size})
        parts.append(set(limited.loc[limited["fold1"] == "train", "clip"]))
        assert len(parts[-1]) == size
    assert all(smaller < larger for smaller, larger in pairwise(parts))


@pytest.mark.slow
def test_a_study_of_sizes_trains_on_nested_parts_tests_on_the_same_clips_and_draws_the_curve(
    tmp_path: Path,
) -> None:
    workflow = Workflow(tmp_path / "workflow")
    overlay = workflow.overlay(
        "sizes",
        benchmark={"datasets": ["synthetic"], "models": ["knn"], "seeds": [1]},
        sources={"synthetic": {"classes": 3, "recordings": 2, "takes": 2, "seconds": 0.5, "sample_rate": 16000}},
        datasets={"synthetic": {"split": HOLDOUT, "limit": {"train": [6, 12, "all"]}}},
    )
    # The report and the pages of clips are those of any study.
    workflow.run("results/summary/figures", "--cores", "2", "--configfile", overlay)
    names = ["synthetic-train6", "synthetic-train12", "synthetic"]
    splits = [read_split(workflow.results / "splits" / name / "seed1.csv").set_index("clip") for name in names]
    small, middle, whole = (set(split.index[split["fold1"] == "train"]) for split in splits)
    assert [len(small), len(middle)] == [6, 12]
    assert small < middle < whole
    assert len({tuple(split.index[split["fold1"] == "test"]) for split in splits}) == 1
    assert {path.name for path in (workflow.results / "features").iterdir()} == {"synthetic"}
    drawn = (workflow.results / "summary" / "figures" / "training_size.svg").read_text()
    for text in ("knn", ">6<", ">12<", f">{len(whole)}<"):
        assert text in drawn
