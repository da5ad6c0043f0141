"""The reader `pattern`, and the library's sources that use it: real folder layouts, imitated with generated sounds."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import yaml

from helpers.library import configuration, index, no_findings
from helpers.workflow import REPOSITORY
from soundbench.core.errors import InputError
from soundbench.core.storage import read_clip_table
from soundbench.data.readers import csv, pattern
from soundbench.data.splits import split_clips

SOURCES = yaml.safe_load((REPOSITORY / "config" / "datasets.yaml").read_text())["sources"]
SPEECH = {"pattern": r"(?P<group>[a-z]+)_(?P<label>\d)\.wav", "codes": {"label": {"1": "one", "2": "two"}}}


def write(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        if name.endswith((".wav", ".au", ".mp3", ".flac")):
            noise = np.random.default_rng(len(name)).uniform(-0.5, 0.5, 800)
            soundfile.write(root / name, noise, 16000)
        else:
            (root / name).write_text("no audio")
    return root


def library(name: str) -> dict[str, Any]:
    """The keys of a source of the library that reach its reader."""
    return {key: value for key, value in SOURCES[name].items() if key not in ("reader", "homepage", "license")}


def problems(root: Path, **keys: Any) -> list[str]:
    with pytest.raises(InputError) as refused:
        pattern.read(root, **keys)
    return refused.value.problems


def test_named_parts_become_columns(tmp_path: Path) -> None:
    root = write(tmp_path, "3/anna_1_loud.wav", "10/ben_2_soft.flac", "10/notes.txt")
    form = r"(?P<fold>\d+)/(?P<group>[a-z]+)_(?P<label>\d)_(?P<style>\w+)\.\w+"
    clips = pattern.read(root, pattern=form, codes=SPEECH["codes"]).set_index("clip")
    assert clips.loc["3-anna_1_loud", ["label", "group", "fold", "style"]].to_list() == ["one", "anna", 3, "loud"]
    assert clips.loc["10-ben_2_soft", ["label", "group", "fold", "style"]].to_list() == ["two", "ben", 10, "soft"]
    assert clips.loc["10-ben_2_soft", "path"] == str(root / "10" / "ben_2_soft.flac")
    assert clips.attrs["notes"] == [f"{root}: skipped files that libsndfile does not read as audio (1 × .txt)"]


def test_without_groups_each_clip_is_its_own_and_there_are_no_folds(tmp_path: Path) -> None:
    clips = pattern.read(write(tmp_path, "dog-1.wav", "cat-1.wav"), pattern=r"(?P<label>[a-z]+)-.*")
    assert clips["group"].to_list() == clips["clip"].to_list()
    assert clips["fold"].isna().all()


def test_files_that_do_not_match_and_codes_without_a_meaning_are_named_together(tmp_path: Path) -> None:
    root = write(tmp_path, "anna_1.wav", "anna_3.wav", "ben_3.wav", "ben_2.wav", "hello.wav", "x/anna_1.wav")
    assert problems(root, **SPEECH) == [
        "hello.wav: does not match `pattern`",
        "x/anna_1.wav: does not match `pattern`",
        "codes.label: lacks '3', the label of anna_3.wav and 1 more",
    ]


def test_folds_and_parts_that_are_none_are_named(tmp_path: Path) -> None:
    root = write(tmp_path, "train/0/dog.wav", "eval/1/dog.wav", "test/1/_.wav")
    found = problems(root, pattern=r"(?P<part>\w+)/(?P<fold>\d)/(?P<label>[a-z]*)_?\.wav")
    assert found == [
        "eval/1/dog.wav: its part should be one of train, val, test, but is 'eval'; `codes.part` can translate it",
        "test/1/_.wav: its label is empty",
        "train/0/dog.wav: its fold should be a whole number from 1, but is '0'",
    ]


def test_ignored_files_and_codes_that_no_file_has_are_noted(tmp_path: Path) -> None:
    root = write(tmp_path, "anna_1.wav", "noise/hum.wav", "noise/rain.wav")
    notes = pattern.read(root, ignore="noise/.*", **SPEECH).attrs["notes"]
    assert notes == [
        f"{root}: skipped 2 audio files that match `ignore`",
        f"{root}: no file has the label two (2)",
    ]
    assert "does not match `ignore`" in problems(root, ignore=".*", **SPEECH)[0]


def test_lists_that_name_no_clip_or_one_twice_are_refused(tmp_path: Path) -> None:
    root = write(tmp_path, "anna_1.wav", "ben_2.wav")
    (root / "val.txt").write_text("anna_1.wav\ngone_1.wav\n")
    (root / "test.txt").write_text("anna_1.wav\n")
    assert problems(root, lists={"val": "val.txt", "test": "test.txt"}, **SPEECH) == [
        "lists.val: val.txt names files that do not exist: gone_1.wav",
        "lists.val: val.txt names anna_1.wav, which is listed twice",
        "lists.test: test.txt names anna_1.wav, which is listed twice",
    ]
    assert problems(root, lists={"test": "none.txt"}, **SPEECH) == [
        "lists.test: none.txt does not exist, or is not a text file"
    ]


def test_ravdess(tmp_path: Path) -> None:
    names = [f"Actor_{a:02d}/03-01-{e:02d}-01-02-01-{a:02d}.wav" for a in (1, 24) for e in range(1, 9)]
    root = write(tmp_path, *names, "Actor_01/03-02-05-01-02-01-01.wav")  # the last one is sung
    clips = pattern.read(root, **library("ravdess"))
    emotions = ["neutral", "calm", "happiness", "sadness", "anger", "fear", "disgust", "surprise"]
    assert Counter(clips["label"]) == dict.fromkeys(emotions, 2)
    found = clips.set_index("clip").loc["Actor_24-03-01-05-01-02-01-24"]
    assert found[["label", "group", "statement", "intensity"]].to_list() == ["anger", "24", "02", "01"]
    assert clips.attrs["notes"] == [f"{root}: skipped 1 audio files that match `ignore`"]


def test_crema_d(tmp_path: Path) -> None:
    names = [
        "1001_DFA_ANG_XX",
        "1001_IEO_HAP_HI",
        "1002_IEO_NEU_XX",
        "1040_ITH_SAD_X",
        "1091_WSI_DIS_XX",
        "1091_TAI_FEA_LO",
    ]
    root = write(tmp_path, *(f"AudioWAV/{name}.wav" for name in names), "AudioMP3/1001_DFA_ANG_XX.mp3", "README.md")
    clips = pattern.read(root, **library("crema-d"))
    assert sorted(clips["label"]) == ["anger", "disgust", "fear", "happiness", "neutral", "sadness"]
    assert clips["group"].to_list() == ["1001", "1001", "1002", "1040", "1091", "1091"]
    assert clips["sentence"].to_list()[:2] == ["DFA", "IEO"]


def test_tess(tmp_path: Path) -> None:
    names = ["OAF_angry/OAF_back_angry", "OAF_Fear/OAF_bath_fear", "YAF_pleasant_surprised/YAF_young_ps"]
    names += ["OAF_neutral/OA_bite_neutral", "YAF_sad/YAF_week_sad", "YAF_happy/YAF_week_happy"]
    root = write(tmp_path, *(f"{name}.wav" for name in names), "YAF_yes_disgust.wav")
    clips = pattern.read(root, **library("tess"))
    assert sorted(clips["label"]) == ["anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"]
    assert Counter(clips["group"]) == {"OA": 3, "YA": 4}


def test_gtzan(tmp_path: Path) -> None:
    root = write(tmp_path, "genres_original/blues/blues.00000.wav", "genres_original/hiphop/hiphop.00099.au")
    clips = pattern.read(root, **library("gtzan"))
    assert clips["label"].to_list() == ["blues", "hiphop"]


@pytest.mark.parametrize("inside", ["", "speech_commands_v0.02"])
def test_speech_commands_with_its_published_lists(tmp_path: Path, inside: str) -> None:
    names = ["yes/0a7c2a8d_nohash_0", "yes/0a7c2a8d_nohash_1", "no/c22d3f18_nohash_0", "no/ffd2ba2f_nohash_4"]
    root = write(tmp_path / inside, *(f"{name}.wav" for name in names), "_background_noise_/running_tap.wav", "LICENSE")
    (root / "validation_list.txt").write_text("no/c22d3f18_nohash_0.wav\n")
    (root / "testing_list.txt").write_text("no/ffd2ba2f_nohash_4.wav\n")
    clips = pattern.read(tmp_path, **library("speech-commands")).set_index("clip")
    assert clips["part"].to_dict() == dict(zip(clips.index, ["val", "test", "train", "train"], strict=True))
    assert clips["label"].to_list() == ["no", "no", "yes", "yes"]
    assert clips["group"].to_list() == ["c22d3f18", "ffd2ba2f", "0a7c2a8d", "0a7c2a8d"]


def test_the_published_parts_reach_the_split(tmp_path: Path) -> None:
    words = {"yes": "aaaaaaaa", "no": "bbbbbbbb"}
    takes = [f"{word}/{speaker[:7]}{number}_nohash_0.wav" for word, speaker in words.items() for number in range(3)]
    root = write(tmp_path / "own", *takes)
    (root / "validation_list.txt").write_text("\n".join(take for take in takes if "1_nohash" in take))
    (root / "testing_list.txt").write_text("\n".join(take for take in takes if "2_nohash" in take))
    index({"reader": "pattern", **library("speech-commands")}, root, tmp_path / "clips.csv")
    view = configuration()["datasets"]["speech-commands"]
    split_clips(tmp_path / "clips.csv", no_findings(tmp_path / "audit.csv"), "pets", view, 1, tmp_path / "split.csv")
    assert read_clip_table(tmp_path / "split.csv")["fold1"].to_list() == ["train", "val", "test"] * 2


def write_urbansound8k(folder: Path) -> Path:
    """Two clips of one recording and one of another, in the published layout."""
    names = ["fold1/101415-3-0-2.wav", "fold1/101415-3-0-3.wav", "fold10/7061-6-0-0.wav"]
    write(folder, *(f"audio/{name}" for name in names), "metadata/UrbanSound8K.csv", "UrbanSound8K_README.txt")
    rows = ["slice_file_name,fsID,start,end,salience,fold,classID,class"]
    rows += ["101415-3-0-2.wav,101415,1.0,5.0,1,1,3,dog_bark", "101415-3-0-3.wav,101415,1.5,5.5,1,1,3,dog_bark"]
    rows += ["7061-6-0-0.wav,7061,0.0,4.0,1,10,6,gun_shot"]
    (folder / "metadata" / "UrbanSound8K.csv").write_text("\n".join(rows))
    return folder


@pytest.mark.parametrize("inside", ["", "UrbanSound8K"])
def test_urbansound8k_by_its_table(tmp_path: Path, inside: str) -> None:
    root = write_urbansound8k(tmp_path / inside)
    clips = csv.read(tmp_path, **library("urbansound8k"))
    assert clips[["label", "group", "fold"]].to_numpy().tolist() == [
        ["dog_bark", "101415", 1],
        ["dog_bark", "101415", 1],
        ["gun_shot", "7061", 10],
    ]
    assert clips["path"].iloc[2] == str(root / "audio" / "fold10" / "7061-6-0-0.wav")


def test_columns_that_a_table_lacks_and_paths_that_lead_out_are_named(tmp_path: Path) -> None:
    (tmp_path / "clips.csv").write_text("file,class,speaker\n../a.wav,dog,anna\nb.wav,,anna\n")
    keys = {"table": "clips.csv", "columns": {"path": "{dir}/{file}", "label": "clas", "group": "speaker"}}
    with pytest.raises(InputError) as refused:
        csv.read(tmp_path, **keys)
    there = "the first line names 'file', 'class', 'speaker'"
    expected = [f"columns.path: there is no column dir; {there}", f"columns.label: there is no column clas; {there}"]
    assert refused.value.problems == [f"{tmp_path / 'clips.csv'}: {problem}" for problem in expected]
    with pytest.raises(InputError) as refused:
        csv.read(tmp_path, table="clips.csv", columns={"path": "file", "label": "class", "group": "speaker"})
    assert refused.value.problems == ["row 1: the path ../a.wav leads out of root", "row 2: label is empty"]


def test_columns_that_name_no_groups_although_they_may_are_refused_or_noted(tmp_path: Path) -> None:
    rows = ["file,class,speaker,tape,,Fold", "a.wav,dog,anna,1,,1", "b.wav,cat,ben,2,,2", "c.wav,cat,anna,3,,2"]
    (tmp_path / "clips.csv").write_text("\n".join(rows))
    columns = {"path": "file", "label": "class"}
    with pytest.raises(InputError) as refused:
        csv.read(tmp_path, table="clips.csv", columns=columns)
    assert refused.value.problems == [
        f"{tmp_path / 'clips.csv'}: the column 'speaker' would not be used. Write `group: speaker` into `columns` if "
        "clips of one speaker must not be on two sides of a split, else keep it as `speaker: speaker`",
        f"{tmp_path / 'clips.csv'}: the column 'Fold' would not be used. Write `fold: Fold` into `columns` if it "
        "numbers the folds, else keep it as `Fold: Fold`",
    ]
    clips = csv.read(tmp_path, table="clips.csv", columns=columns | {"speaker": "speaker", "own_fold": "Fold"})
    assert list(clips["speaker"]) == ["anna", "ben", "anna"]
    assert f"{tmp_path / 'clips.csv'}: columns that are not used: tape" in clips.attrs["notes"]
    clips = csv.read(tmp_path, table="clips.csv", columns=columns | {"group": "tape", "fold": "Fold"})
    assert clips.attrs["notes"] == [
        f"{tmp_path / 'clips.csv'}: columns that are not used: speaker",
        f"{tmp_path / 'clips.csv'}: clips of one speaker are in several groups, so a split may divide them: anna",
    ]


@pytest.mark.parametrize("column", ["file{x}", "{file", "file.name", "file!r"])
def test_a_column_may_have_any_name(tmp_path: Path, column: str) -> None:
    (tmp_path / "clips.csv").write_text(f"{column},class\na.wav,dog\nb.wav,cat\n")
    clips = csv.read(tmp_path, table="clips.csv", columns={"path": column, "label": "class"})
    assert list(clips["path"]) == [str(tmp_path / "a.wav"), str(tmp_path / "b.wav")]


def test_braces_that_enclose_no_name_are_named(tmp_path: Path) -> None:
    (tmp_path / "clips.csv").write_text("file,class\na,dog\n")
    columns = {"path": "{file.wav", "label": "{}", "take": "{file}}"}
    with pytest.raises(InputError) as refused:
        csv.read(tmp_path, table="clips.csv", columns=columns)
    assert refused.value.problems == [
        f"{tmp_path / 'clips.csv'}: columns.{key}: braces should enclose names of columns, as in {{file}}.wav, "
        f"but it is {source!r}"
        for key, source in columns.items()
    ]
