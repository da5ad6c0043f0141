"""Readers: the clip table of a user's recordings, and the messages if there is none."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from unicodedata import normalize

import numpy as np
import pytest
import soundfile

from helpers.library import index
from helpers.workflow import DATA
from soundbench.core.errors import InputError
from soundbench.data.files import clip_ids, files_state
from soundbench.data.index import CLIP_COLUMNS, fetch_source
from soundbench.inference.recordings import find_recordings


def write(path: Path, seconds: float = 0.1, sample_rate: int = 16000, channels: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(len(str(path))).uniform(-0.5, 0.5, (round(seconds * sample_rate), channels))
    soundfile.write(path, noise, sample_rate)


def problems(source: dict[str, object], root: Path, table: Path) -> list[str]:
    with pytest.raises(InputError) as refused:
        index(source, root, table)
    assert not table.exists()
    return refused.value.problems


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Where a clip table goes; the recordings are in ``tmp_path / "own"``."""
    return tmp_path / "out" / "clips.csv"


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A folder with recordings of many kinds, nested and oddly named."""
    root = tmp_path / "own"
    write(root / "dog" / "a b.wav", 0.5)
    write(root / "dog" / "a_b.wav", 1.0, 44100, 2)
    write(root / "dog" / "yard" / "ä.FLAC", 0.2, 8000)
    write(root / "007" / "a.ogg", 0.3, 48000)
    write(root / "007" / "deep" / "er" / "x.mp3", 0.3, 22050)
    write(root / "NA" / "x.aiff", 0.1, 11025, 3)
    (root / "dog" / "notes.txt").write_text("woof")
    (root / "dog" / ".DS_Store").write_text("")
    (root / "__MACOSX").mkdir()
    return root


def test_folder_of_any_formats_rates_and_depths(own: Path, table: Path, caplog: pytest.LogCaptureFixture) -> None:
    clips = index({"reader": "folder"}, own, table)
    assert list(clips.columns) == CLIP_COLUMNS
    assert clips["label"].value_counts().to_dict() == {"dog": 3, "007": 2, "NA": 1}
    assert clips["clip"].is_unique
    assert clips["clip"].str.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*").all()
    assert (clips["group"] == clips["clip"]).all()
    assert set(clips["fold"]) == {""}
    facts = clips.set_index("path").loc[str(own / "dog" / "a_b.wav")]
    assert (facts["seconds"], facts["sample_rate"], facts["channels"]) == (1.0, 44100, 2)
    assert "1 × .txt" in caplog.text


def test_folder_from_an_archive_with_one_folder_in_it(own: Path, table: Path, tmp_path: Path) -> None:
    archive = shutil.make_archive(str(tmp_path / "own"), "zip", tmp_path, "own")
    source = {"reader": "folder", "root": archive}
    fetch_source(source, tmp_path / "home" / "fetched.json")
    clips = index(source, tmp_path / "home" / "recordings", table)
    assert sorted(clips["clip"]) == sorted(index({"reader": "folder"}, own, table)["clip"])


def test_folders_without_labels_or_audio_are_named(table: Path, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    assert "holds 0 sub-folders" in problems({"reader": "folder"}, tmp_path / "own", table)[0]
    write(tmp_path / "own" / "dog" / "1.wav")
    assert "holds 1 sub-folders" in problems({"reader": "folder"}, tmp_path / "own", table)[0]
    (tmp_path / "own" / "cat").mkdir()
    (tmp_path / "own" / "cow").mkdir()
    (tmp_path / "own" / "cow" / "1.m4a").touch()
    found = problems({"reader": "folder"}, tmp_path / "own", table)
    assert [str(tmp_path / "own" / name) in text for name, text in zip(("cat", "cow"), found, strict=True)]
    assert "1 × .m4a" in found[1]


def test_files_that_are_no_audio_are_all_named(own: Path, table: Path) -> None:
    (own / "dog" / "text.wav").write_text("no audio at all")
    (own / "dog" / "nothing.wav").touch()
    write(own / "007" / "short.wav", seconds=0)
    found = "\n".join(problems({"reader": "folder"}, own, table))
    assert "text.wav: cannot be read as audio" in found
    assert "nothing.wav: is an empty file" in found
    assert "short.wav: holds no samples" in found


def test_clip_ids_are_unique_on_any_file_system_and_do_not_depend_on_order() -> None:
    paths = ["a/b.wav", "a-b.wav", "x/A.wav", "x/a.wav", "ä.wav", "ö.wav", "c.d/e", "l" * 300 + ".wav", "fine.wav"]
    ids = clip_ids(paths)
    assert len({name.casefold() for name in ids}) == len(paths)
    assert max(map(len, ids)) < 120
    assert all("/" not in name and name.isascii() and name for name in ids)
    assert clip_ids(paths[::-1]) == ids[::-1]
    assert ids[-1] == "fine"


def test_csv_with_groups_and_folds(own: Path, table: Path) -> None:
    (own / "clips.csv").write_text(
        "\ufeffpath, label ,group,fold,remark\n"
        "dog/a b.wav, dog,anna,1,hello\n"
        "dog/yard/ä.FLAC,dog ,007,2,\n"
        '"007/a.ogg",NA,NA,2,"a, b"\n',
        encoding="utf-8",
    )
    clips = index({"reader": "csv"}, own / "clips.csv", table)
    assert list(clips.columns) == CLIP_COLUMNS
    assert clips["label"].to_list() == ["dog", "dog", "NA"]
    assert clips["group"].to_list() == ["anna", "007", "NA"]
    assert clips["fold"].to_list() == [1, 2, 2]


def test_csv_without_groups_makes_each_clip_its_own(own: Path, table: Path) -> None:
    (own / "clips.csv").write_text("label,path,fold\ndog,dog/a b.wav,\ncat,007/a.ogg,\n")
    clips = index({"reader": "csv"}, own / "clips.csv", table)
    assert (clips["group"] == clips["clip"]).all()
    assert set(clips["fold"]) == {""}


def test_csv_rows_that_cannot_be_used_are_all_named(own: Path, table: Path) -> None:
    rows = [
        "path,label,group,fold",
        "dog/a b.wav,dog,g,1",
        "/etc/passwd,dog,g,1",
        "../secret.wav,dog,g,1",
        "007/a.ogg,,g,1",
        "007/./a.ogg,dog,,1",
        "NA/x.aiff,dog,g,one",
        ",dog,g,0",
    ]
    (own / "clips.csv").write_text("\n".join(rows))
    assert problems({"reader": "csv"}, own / "clips.csv", table) == [
        "row 2: the path /etc/passwd is absolute; it should be relative to the table's folder",
        "row 3: the path ../secret.wav leads out of the table's folder",
        "row 4: label is empty",
        "row 4: the path 007/a.ogg is in the table more than once; name the columns `start` and `end` if clips are "
        "parts of files",
        "row 5: group is empty",
        "row 5: the path 007/a.ogg is in the table more than once; name the columns `start` and `end` if clips are "
        "parts of files",
        "row 6: fold should be a whole number from 1, but is 'one'",
        "row 7: path is empty",
        "row 7: fold should be a whole number from 1, but is '0'",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            b"path;label;rate\na.wav;dog;0,5\n",
            "clips.csv: its columns are separated by semicolons; save it with commas",
        ),
        (b"path\tlabel\na.wav\tdog\n", "clips.csv: its columns are separated by tabs; save it with commas"),
        (b"path,name\na.wav,dog\n", "lacks the column label"),
        (b"path,lebel\na.wav,dog\n", "its first line names 'path', 'lebel'; is 'lebel' the label?"),
        (b"path,label\n", "has no rows"),
        (b"", "cannot be read as a table"),
        (b"path,label\n\xff\xfe.wav,dog\n", "cannot be read as a table"),
        (b"path,label\na.wav,dog, small\nb.wav,cat, big\n", "cannot be read as a table"),
        (b"path,label\na.wav,dog,1,2\nb.wav,dog,1,2,3,4\n", "cannot be read as a table"),
    ],
)
def test_csv_that_is_no_such_table(tmp_path: Path, table: Path, text: bytes, expected: str) -> None:
    (tmp_path / "clips.csv").write_bytes(text)
    assert expected in problems({"reader": "csv"}, tmp_path / "clips.csv", table)[0]


def test_csv_rows_with_the_same_problem_are_counted(own: Path, table: Path) -> None:
    rows = [f'/home/{number}.wav,dog,{number % 4},"0,{number}"' for number in range(12)]
    (own / "clips.csv").write_text("\n".join(["path,label,fold,loud", *rows]))
    found = problems({"reader": "csv", "values": ["loud"]}, own / "clips.csv", table)
    assert found[:3] == [
        "row 1: the path /home/0.wav is absolute; it should be relative to the table's folder",
        "row 1: loud should be a number, but is '0,0'",
        "row 1: fold should be a whole number from 1, but is '0'",
    ]
    assert len(found) == 5 + 5 + 3 + 2
    assert found[-2:] == [
        "7 more rows, such as row 6: the path /home/5.wav is absolute; it should be relative to the table's folder",
        "7 more rows, such as row 6: loud should be a number, but is '0,5'",
    ]


def test_csv_files_that_are_not_there_are_named(own: Path, table: Path) -> None:
    (own / "clips.csv").write_text("path,label\ndog/none.wav,dog\ndog\\1.wav,cat\n")
    found = problems({"reader": "csv"}, own / "clips.csv", table)
    assert len(found) == 2
    assert found[0].endswith("dog/none.wav: does not exist")
    assert found[1].endswith(r"dog\1.wav: does not exist; write / between folders")


@pytest.mark.parametrize(("written", "on_disk"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_csv_names_of_files_in_the_other_unicode_form(own: Path, table: Path, written: str, on_disk: str) -> None:
    path = "dog/Übung.wav"
    write(own / normalize(on_disk, path))
    (own / "clips.csv").write_text(f"path,label\n{normalize(written, path)},dog\n007/a.ogg,cat\n")
    before = state(own / "clips.csv")
    clips = index({"reader": "csv"}, own / "clips.csv", table)
    assert clips["path"].iloc[0] == str(own / normalize(on_disk, path))
    assert [recording.path for recording in find_recordings([str(own / "clips.csv")], [])] == list(clips["path"])
    overwrite(own / normalize(on_disk, path))
    assert state(own / "clips.csv") != before


@pytest.mark.parametrize("inside", [".", "wav", "download/wav"])
def test_emodb_names_are_read_wherever_its_folder_is(tmp_path: Path, table: Path, inside: str) -> None:
    for name in ("03a01Fa", "16b10Td", "08a05Lb"):
        write(tmp_path / "emodb" / inside / f"{name}.wav")
    clips = index({"reader": "emodb"}, tmp_path / "emodb", table).set_index("clip")
    assert clips.loc["16b10Td", ["group", "label", "text", "version"]].to_list() == ["16", "sadness", "b10", "d"]
    assert clips["label"].to_dict() == {"03a01Fa": "happiness", "08a05Lb": "boredom", "16b10Td": "sadness"}


def test_emodb_names_that_do_not_parse_are_all_listed(tmp_path: Path, table: Path) -> None:
    for name in ("03a01Fa", "03a01Xa", "hello"):
        write(tmp_path / "emodb" / f"{name}.wav")
    assert problems({"reader": "emodb"}, tmp_path / "emodb", table) == ["03a01Xa.wav", "hello.wav"]
    shutil.rmtree(tmp_path / "emodb")
    (tmp_path / "emodb").mkdir()
    assert "is this EmoDB?" in problems({"reader": "emodb"}, tmp_path / "emodb", table)[0]


@pytest.mark.slow
def test_emodb_as_published(table: Path) -> None:
    if not (DATA / "emodb").exists():
        pytest.skip(f"no real recordings: {DATA / 'emodb'} is not there")
    clips = index({"reader": "emodb"}, DATA / "emodb", table)
    assert len(clips) == 535
    assert (clips["group"].nunique(), clips["text"].nunique()) == (10, 10)
    # Burkhardt et al., 2005
    published = {"anger": 127, "boredom": 81, "disgust": 46, "fear": 69, "happiness": 71, "sadness": 62, "neutral": 79}
    assert clips["label"].value_counts().to_dict() == published


def test_a_clip_that_is_listed_twice_is_refused(tmp_path: Path, table: Path) -> None:
    write(tmp_path / "ESC-50-main" / "audio" / "1-1-A-0.wav")
    (tmp_path / "ESC-50-main" / "meta").mkdir()
    row = "1-1-A-0.wav,1,0,dog,True,1,A\n"
    header = "filename,fold,target,category,esc10,src_file,take\n"
    (tmp_path / "ESC-50-main" / "meta" / "esc50.csv").write_text(header + row)
    assert index({"reader": "esc50"}, tmp_path, table)["group"].to_list() == ["1"]
    table.unlink()
    (tmp_path / "ESC-50-main" / "meta" / "esc50.csv").write_text(header + row * 2)
    assert "1-1-A-0" in problems({"reader": "esc50"}, tmp_path, table)[0]


def state(root: Path) -> str:
    """The digest of a source's files, as another planning would find it."""
    files_state.cache_clear()
    return files_state(str(root)).digest


def overwrite(path: Path) -> None:
    """Change a file's content but neither its name nor its size."""
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))


def test_file_overwritten_in_place_changes_the_digest_of_its_folder(own: Path) -> None:
    (own / "dog" / "again").symlink_to(own)  # a circle
    before = state(own)
    assert state(own) == before
    file = next(path for path in sorted(own.rglob("*.wav")) if not path.name.startswith("."))
    overwrite(file)
    assert state(own) != before


def test_digest_of_a_table_counts_the_files_that_it_lists(tmp_path: Path) -> None:
    for name in ("a", "b", "unlisted"):
        (tmp_path / f"{name}.wav").write_bytes(name.encode())
    (tmp_path / "clips.csv").write_text("label, path\nx, a.wav\nx, b.wav\ny, missing.wav\n")
    before = state(tmp_path / "clips.csv")
    overwrite(tmp_path / "unlisted.wav")
    assert state(tmp_path / "clips.csv") == before
    overwrite(tmp_path / "b.wav")
    after = state(tmp_path / "clips.csv")
    assert after != before
    (tmp_path / "missing.wav").touch()
    assert state(tmp_path / "clips.csv") != after


def test_a_source_without_files_of_ones_own_has_a_digest_that_stays(tmp_path: Path) -> None:
    (tmp_path / "clips.zip").write_bytes(b"PK\xff\xfe")
    assert files_state("").digest == state(tmp_path / "clips.zip") == state(tmp_path / "gone")
