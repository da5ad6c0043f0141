"""Files that a source lacks, and columns that its clips lack, are named before any job starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from helpers.library import configuration
from soundbench.core.errors import InputError

KFOLD = {"scheme": "kfold", "folds": 3, "protocol": "nested"}
COLUMNS = {"path": "file", "label": "class", "speaker": "spk"}
PATTERN = r"(?P<label>[a-z]+)_(?P<speaker>\d)\.wav"


def study(group: str = "speaker", **source: Any) -> dict[str, Any]:
    view = {"source": "own", "split": KFOLD, "group": [group]}
    return {"sources": {"own": source}, "datasets": {"own": view}, "benchmark": {"datasets": ["own"]}}


def problems(**changes: Any) -> list[str]:
    with pytest.raises(InputError) as refused:
        configuration(**changes)
    return refused.value.problems


@pytest.mark.parametrize("inside", ["", "archive"])
def test_tables_and_lists_that_the_folder_lacks_are_named(tmp_path: Path, inside: str) -> None:
    folder = tmp_path / inside
    folder.mkdir(exist_ok=True)
    (folder / "clips.csv").touch()
    table = {"reader": "csv", "root": str(tmp_path), "columns": COLUMNS}
    pattern = {"reader": "pattern", "root": str(tmp_path), "pattern": PATTERN}
    near = "" if inside else "; did you mean 'clips.csv'?"
    assert problems(**study(**table, table="clip.csv")) == [
        f"sources.own.table: {tmp_path} holds no file clip.csv{near}"
    ]
    assert problems(**study(**pattern, lists={"val": "val.txt", "test": "clips.csv"})) == [
        f"sources.own.lists.val: {tmp_path} holds no file val.txt"
    ]
    configuration(**study(**table, table="clips.csv"))
    configuration(**study(**pattern, lists={"val": "clips.csv"}))


def test_columns_of_groups_that_clips_do_not_have_are_named(tmp_path: Path) -> None:
    (tmp_path / "clips.csv").touch()
    table = {"reader": "csv", "root": str(tmp_path / "clips.csv")}
    assert problems(**study(**table)) == [
        "datasets.own.group: clips of own have no column 'speaker'; further columns are named by `columns`, with "
        "`table`"
    ]
    pattern = {"reader": "pattern", "root": str(tmp_path), "pattern": PATTERN}
    assert problems(**study("speakr", **pattern)) == [
        "datasets.own.group: clips of own have no column 'speakr'; further columns are the named parts of `pattern`; "
        "did you mean 'speaker'?"
    ]
    configuration(**study("label", **pattern))
    configuration(**study("group", **table))
