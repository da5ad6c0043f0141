"""Files are written completely or not at all."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

from soundbench.core import storage
from soundbench.core.storage import atomic_folder, atomic_path, canonical_json, read_clip_table, write_csv, write_json


def test_failed_write_leaves_the_previous_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "table.csv"
    target.write_text("before")
    with pytest.raises(OSError, match="disk full"), atomic_path(target) as temporary:
        temporary.write_text("half")
        raise OSError("disk full")
    assert target.read_text() == "before"
    assert list(tmp_path.iterdir()) == [target]


@pytest.fixture
def narrow_umask() -> Iterator[None]:
    """Files that the owner writes and the group reads."""
    before = os.umask(0o027)
    yield
    os.umask(before)


def test_files_get_the_mode_of_the_umask_whatever_their_writer_chose(narrow_umask: None, tmp_path: Path) -> None:
    with atomic_path(tmp_path / "model.safetensors") as temporary:
        save_file({"weight": torch.zeros(1)}, temporary)
        assert stat.S_IMODE(temporary.stat().st_mode) == 0o600
    with atomic_folder(tmp_path / "exported") as temporary:
        (temporary / "transformers").mkdir()
        save_file({"weight": torch.zeros(1)}, temporary / "transformers" / "model.safetensors")
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 2
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o640}


def test_temporary_file_keeps_the_suffix(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "figure.svg") as temporary:
        assert temporary.suffix == ".svg"
        temporary.write_text("x")
    assert (tmp_path / "figure.svg").read_text() == "x"


def test_clip_names_and_labels_stay_text(tmp_path: Path) -> None:
    table = pd.DataFrame({"clip": ["007", "1e3"], "label": ["NA", "null"], "group": ["01", "1"], "fold": [1, 2]})
    write_csv(tmp_path / "clips.csv", table)
    read = read_clip_table(tmp_path / "clips.csv")
    assert read[["clip", "label", "group"]].to_dict("list") == table[["clip", "label", "group"]].to_dict("list")
    assert read["fold"].tolist() == [1, 2]


def test_canonical_json_does_not_depend_on_order() -> None:
    assert canonical_json({"b": {"d": 1, "c": 2}, "a": 3}) == canonical_json({"a": 3, "b": {"c": 2, "d": 1}})


def test_json_refuses_what_json_does_not_have(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "x.json", {"loss": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_canonical_json_ends_no_script_and_reads_back() -> None:
    value = {"label": "</script><script>alert(1)</script><!--", "pretrained": "<results>/runs"}
    assert "<" not in canonical_json(value)
    assert json.loads(canonical_json(value)) == value


@pytest.mark.parametrize("at_once", [storage.AT_ONCE, 40])
def test_tables_that_are_read_together_are_those_that_are_read_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(storage, "AT_ONCE", at_once)
    contents = [
        "clip,fold,label\n007,1,NA\n008,2,x\n",
        "clip,fold,label\n009,1,x\n",
        "clip,fold,label\n",
        'clip,fold,label\n"a\nb",1,"x,y"\n',
        "clip,fold,label\nc,1,x",
        "clip,fold,label\nd,1,x\n\n",
        "fold,clip\n1,e\n",
        "clip,fold,label\nf,3,x\ng,3,\n",
    ]
    files = [tmp_path / f"{number}.csv" for number in range(len(contents))]
    for file, content in zip(files, contents, strict=True):
        file.write_bytes(content.encode())
    for options in ({}, {"usecols": ["clip", "fold"]}):
        for table, file in zip(storage.read_clip_tables(files, **options), files, strict=True):
            pd.testing.assert_frame_equal(table, storage.read_clip_table(file, **options), check_dtype=len(table) > 0)
    assert list(storage.read_clip_tables([])) == []
