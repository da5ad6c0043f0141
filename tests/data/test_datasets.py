"""The reader `datasets`: Parquet and Arrow files as Hugging Face lays them out, written here without its package."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from helpers.library import configuration, index
from soundbench.core.errors import InputError
from soundbench.data.index import fetch_source
from soundbench.data.readers import datasets
from soundbench.study.data import DataInputs
from soundbench.study.study import Study

NAMES = ["cat", "dog"]


def sound(kind: str = "WAV", pitch: int = 1) -> bytes:
    stream = io.BytesIO()
    soundfile.write(stream, np.sin(pitch * np.arange(800) / 9) / 2, 16000, format=kind)
    return stream.getvalue()


def row(label: Any, name: str | None, speaker: str = "anna", kind: str = "WAV", pitch: int = 1) -> dict[str, Any]:
    return {"audio": {"bytes": sound(kind, pitch), "path": name}, "label": label, "speaker": speaker}


def write_shard(file: Path, rows: list[dict[str, Any]]) -> None:
    """A file in the format that its suffix names; the schema says which labels the numbers stand for."""
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import ipc, parquet

    features = {"audio": {"_type": "Audio"}, "label": {"names": NAMES, "_type": "ClassLabel"}}
    table = pyarrow.Table.from_pylist(rows)
    table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix == ".parquet":
        parquet.write_table(table, file)
    else:
        with ipc.new_stream(str(file), table.schema) as stream:
            stream.write_table(table)


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("train/data-00000-of-00001.arrow", "test/data-00000-of-00001.arrow"),  # save_to_disk
        ("data/train-00000-of-00001.parquet", "data/test-00000-of-00001.parquet"),  # a repository of the Hub
    ],
)
def test_sounds_labels_and_parts_are_read(tmp_path: Path, train: str, test: str) -> None:
    write_shard(tmp_path / "own" / train, [row(0, "a.wav"), row(1, "a.wav", "ben", pitch=2)])
    write_shard(tmp_path / "own" / test, [row(1, None, "eva", "FLAC", pitch=3)])
    (tmp_path / "own" / train).with_name("cache-1.arrow").write_bytes(b"not read")
    source = {"reader": "datasets", "root": str(tmp_path / "own"), "group": "speaker"}
    fetch_source(source, tmp_path / "home" / "fetched.json")
    clips = index(source, tmp_path / "home" / "recordings", tmp_path / "clips.csv")
    clips = clips.sort_values("part", ascending=False)
    assert clips["label"].to_list() == ["cat", "dog", "dog"]
    assert clips["group"].to_list() == ["anna", "ben", "eva"]
    assert clips["part"].to_list() == ["train", "train", "test"]
    assert clips["seconds"].to_list() == [0.05] * 3
    assert clips["path"].str.rsplit("/", n=1).str[1].to_list() == ["000001-a.wav", "000002-a.wav", "000001-clip.flac"]


def test_the_last_word_of_a_path_that_names_a_part_counts() -> None:
    paths = ("development/train-0.parquet", "data/development-0.parquet", "train/eval-0.arrow", "data/trained.arrow")
    assert [datasets.part_of_path(Path(path)) for path in paths] == ["train", "val", "test", None]


def test_without_parts_in_the_paths_there_are_none(tmp_path: Path) -> None:
    write_shard(tmp_path / "own" / "data-00000-of-00001.arrow", [row("x", "a.wav"), row("y", "b.wav")])
    datasets.unpack(tmp_path / "own", tmp_path / "made")
    assert list(datasets.read(tmp_path / "made").columns) == ["path", "label", "clip", "group", "fold"]


def test_rows_and_columns_that_cannot_be_used_are_named_and_nothing_is_written(tmp_path: Path) -> None:
    file = tmp_path / "own" / "train.parquet"
    write_shard(file, [row(0, "a.wav"), row(-1, "b.wav"), {"audio": {"bytes": None, "path": "c.wav"}, "label": 1}])
    with pytest.raises(InputError) as refused:
        datasets.unpack(tmp_path / "own", tmp_path / "made")
    missing = [f"{file}, row 2: label is missing", f"{file}, row 3: audio holds no encoded sound"]
    assert refused.value.problems == missing
    with pytest.raises(InputError, match="has no column sound and class, but audio, label, speaker"):
        datasets.unpack(tmp_path / "own", tmp_path / "made", audio="sound", label="class")
    file.write_bytes(b"PAR1")
    with pytest.raises(InputError, match="cannot be read"):
        datasets.unpack(tmp_path / "own", tmp_path / "made")
    file.unlink()
    with pytest.raises(InputError, match=r"holds no \.parquet"):
        datasets.unpack(tmp_path / "own", tmp_path / "made")
    assert [path.name for path in tmp_path.iterdir()] == ["own"]


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "train.parquet").touch()
    with pytest.raises(InputError, match="pip install pyarrow"):
        datasets.unpack(tmp_path, tmp_path / "made")
    monkeypatch.setattr("soundbench.data.checks.find_spec", lambda name: None)
    changes: dict[str, Any] = {
        "sources": {"own": {"reader": "datasets", "root": str(tmp_path)}},
        "datasets": {"own": {"source": "own", "split": {"scheme": "predefined", "protocol": "nested"}}},
        "benchmark": {"datasets": ["own"]},
    }
    with pytest.raises(InputError, match=r"sources\.own\.reader: datasets needs the package pyarrow"):
        configuration(**changes)


def test_a_changed_file_is_unpacked_again(tmp_path: Path) -> None:
    """The rule that unpacks has each file as an input; the clips are read from what it wrote."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train.parquet").touch()
    sources = {"own": {"reader": "datasets", "root": str(tmp_path)}}
    settings: dict[str, Any] = {"sources": sources, "models": {}, "trials": {}, "benchmark": {}}
    inputs = DataInputs(Study(settings))
    wildcards = type("Wildcards", (), {"source": "own"})
    assert inputs.own_archive(wildcards) == [str(tmp_path), str(tmp_path / "data" / "train.parquet")]
    fetched = inputs.source_files(wildcards)
    assert inputs.source_root(wildcards, [fetched]) == str(Path(fetched).parent / "recordings")
