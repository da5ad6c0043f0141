"""Sources with several labels, or with numbers: tables and patterns, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from helpers.library import configuration, index
from helpers.noises import write_recordings
from soundbench.core.errors import InputError
from soundbench.data.readers import csv, pattern
from soundbench.data.targets import source_task_problems

HEADER = "path,tags,dog,rain,arousal,valence"


def write_table(folder: Path, *rows: str, header: str = HEADER) -> Path:
    write_recordings(folder, "a.wav", "b.wav", "c.wav", seconds=0.2)
    (folder / "clips.csv").write_text("\n".join([header, *rows]))
    return folder / "clips.csv"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return write_table(tmp_path, "a.wav,rain; dog;rain,1,1,0.5,-1", "b.wav,dog,1,0,0,2e-1", "c.wav,,0,0.0,-3,1")


@pytest.mark.parametrize("labels", ["tags", ["rain", "dog"]])
def test_several_labels_are_sorted_and_joined(table: Path, labels: str | list[str]) -> None:
    clips = index({"reader": "csv", "labels": labels}, table, table.with_name("index.csv"))
    assert list(clips["label"]) == ["dog;rain", "dog", ""]
    assert "tags" not in clips and "dog" not in clips


def test_labels_with_another_separator(tmp_path: Path) -> None:
    table = write_table(tmp_path, 'a.wav,"rain,dog"', "b.wav,dog", header="path,tags")
    assert list(csv.read(table, labels="tags", separator=",")["label"]) == ["dog;rain", "dog"]


def test_numbers_are_columns_and_label_is_empty(table: Path) -> None:
    clips = index({"reader": "csv", "values": ["arousal", "valence"]}, table, table.with_name("index.csv"))
    assert list(clips["arousal"]) == [0.5, 0, -3]
    assert list(clips["valence"]) == [-1, 0.2, 1]
    assert list(clips["label"]) == ["", "", ""]


def test_bad_targets_are_all_named(tmp_path: Path) -> None:
    table = write_table(tmp_path, "a.wav,x,2,1,loud,1", "b.wav,x,,0,nan,0", "c.wav,x,1,0,1,1")
    with pytest.raises(InputError) as refused:
        csv.read(table, labels=["dog", "rain"], values=["arousal"])
    assert refused.value.problems == [
        "row 1: dog should be 0 or 1, but is '2'",
        "row 1: arousal should be a number, but is 'loud'",
        "row 2: dog should be 0 or 1, but is ''",
        "row 2: arousal should be a number, but is 'nan'",
    ]
    with pytest.raises(InputError) as refused:
        csv.read(table, labels="tag", values=["arousal", "dominance"])
    assert [problem.partition(": ")[2].partition(";")[0] for problem in refused.value.problems] == [
        "labels: there is no column tag",
        "values: there is no column dominance",
    ]


def test_a_pattern_carries_labels_and_numbers(tmp_path: Path) -> None:
    write_recordings(tmp_path, "s1_dog+rain_0.5.wav", "s2_dog_-2.wav", seconds=0.2)
    keys: dict[str, Any] = {"pattern": r"(?P<group>s\d)_(?P<tags>[a-z+]+)_(?P<height>[-.\da-z]+)\.wav"}
    clips = pattern.read(tmp_path, labels="tags", separator="+", values=["height"], **keys)
    assert list(clips["label"]) == ["dog;rain", "dog"]
    assert list(clips["height"]) == [0.5, -2]
    write_recordings(tmp_path, "s3_dog_high.wav", seconds=0.2)
    with pytest.raises(InputError, match=r"s3_dog_high.wav: its height should be a number, but is 'high'"):
        pattern.read(tmp_path, labels="tags", separator="+", values=["height"], **keys)


def test_keys_that_do_not_fit_are_all_named(table: Path) -> None:
    sources = {
        "mine": {"reader": "csv", "root": str(table), "labels": ["a;b", "rain"], "values": ["label"]},
        "named": {"reader": "pattern", "root": str(table.parent), "pattern": "(?P<tag>.*)", "labels": "tags"},
    }
    split = {"scheme": "holdout", "protocol": "nested"}
    datasets = {name: {"source": name, "split": split} for name in sources}
    with pytest.raises(InputError) as refused:
        configuration(sources=sources, datasets=datasets, benchmark={"datasets": list(datasets)})
    assert sorted(problem for problem in refused.value.problems if "mine" in problem or "named" in problem) == [
        "datasets.mine.task: clips of its source have several labels or numbers, so it should be multi-label or "
        "regression, but is single-label",
        "datasets.named.task: clips of its source have several labels or numbers, so it should be multi-label, but is "
        "single-label",
        "sources.mine.labels: a;b holds ;, which separates labels",
        "sources.mine.values: label is a column with another meaning; give the numbers another name",
        "sources.named.labels: the pattern has no part named tags; it has tag",
    ]


def test_the_task_of_a_source_with_one_label() -> None:
    assert not list(source_task_problems("datasets.x", "single-label", {"reader": "folder"}))
    (problem,) = source_task_problems("datasets.x", "multi-label", {"reader": "folder"})
    assert "have one label, so it should be single-label" in problem
