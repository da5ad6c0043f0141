"""``soundbench-new`` writes a study of the user's recordings that runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unicodedata import normalize

import numpy as np
import pandas as pd
import pytest
import soundfile
import yaml

from helpers.library import configuration
from helpers.workflow import Workflow
from soundbench.config.new_study import main
from soundbench.data.readers import READERS

LABELS = ("bell", "door knock", "rain", "siren", "wind")
RATE = 8000  # Hz
NOISE = np.random.default_rng(0).normal(0, 0.1, 50 * 2000).reshape(50, 2000)


def write_recordings(folder: Path, pattern: str) -> list[dict[str, Any]]:
    """Fifty recordings, two takes of each of five recorders per label, and what is in their names."""
    rows = []
    for number, noise in enumerate(NOISE):
        label = LABELS[number % 5]
        row = {"label": label, "recorder": f"r{number // 10}", "take": number // 5 % 2 + 1, "fold": number // 10 + 1}
        row["count"] = number // 5 + 1  # of the recordings of a label
        row["version"] = "_b" if number == 7 else ""
        row |= {"word": label.split()[0], "part": ("train", "train", "train", "validation", "test")[number // 10]}
        path = pattern.format(**row)
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        tone = np.sin(2 * np.pi * 300 * (1 + number % 5) * np.arange(len(noise)) / RATE)
        soundfile.write(folder / path, 0.3 * tone + noise, RATE)
        rows.append(row | {"path": path})
    return rows


def made(
    recordings: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> tuple[str, dict[str, Any], pd.DataFrame]:
    """What the command prints, the study that it writes, and the clips that this reads."""
    output = folder / "mine.yaml"
    assert main([str(recordings), "--output", str(output)]) == 0
    study = configuration(**yaml.safe_load(output.read_text()))
    source = {name: value for name, value in study["sources"]["mine"].items() if value is not None}
    options = {name: value for name, value in source.items() if name not in ("reader", "root", "on_bad_clip", "shards")}
    clips = READERS.load(source["reader"]).read(Path(source["root"]), **options)
    return capsys.readouterr().out, study["datasets"]["mine"]["split"], clips


@pytest.mark.parametrize(
    ("pattern", "scheme", "folds", "groups"),
    [
        ("{label}/{recorder}_{take}.wav", "kfold", 5, 5),
        ("{label}/{recorder}/{take}.wav", "kfold", 5, 5),
        ("{recorder}/{word}-{take}.wav", "kfold", 5, 5),
        ("{recorder}_{word}_{take}.wav", "kfold", 5, 5),
        ("{label}/{fold}{take}.wav", "kfold", 5, 50),
        ("{label}/take{count}.wav", "kfold", 5, 50),
        ("{label}/take_{count}{version}.wav", "kfold", 5, 50),
        ("{label}/{word} ({count}).wav", "kfold", 5, 50),
        ("{label}/speaker{count}.wav", "kfold", 5, 10),
        ("fold{fold}/{label}/take{take}.wav", "official", 5, 50),
        ("{part}/{label}/{recorder}-{take}.wav", "predefined", 1, 5),
    ],
)
def test_the_layout_of_a_folder_is_recognised(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], pattern: str, scheme: str, folds: int, groups: int
) -> None:
    rows = write_recordings(tmp_path / "sounds", pattern)
    printed, split, clips = made(tmp_path / "sounds", tmp_path, capsys)
    names = {row["path"]: row["label"] if "{label}" in pattern else row["word"] for row in rows}
    assert dict(zip(clips["path"], clips["label"], strict=True)) == {
        str(tmp_path / "sounds" / path): label for path, label in names.items()
    }
    assert (split["scheme"], split["folds"]) == (scheme, folds)
    assert clips["group"].nunique() == groups
    assert "sounds: 50 recordings" in printed
    assert ("none was found, so each clip" in printed) == (groups == 50)


@pytest.mark.parametrize("shown", ["{path}", "{name}", "{stem}"])
def test_the_columns_of_a_table_are_recognised(tmp_path: Path, capsys: pytest.CaptureFixture[str], shown: str) -> None:
    rows = write_recordings(tmp_path / "sounds", "audio/{word}-{recorder}-{take}.wav")
    files = [Path(row["path"]) for row in rows]
    table = (
        pd.DataFrame(rows).drop(columns=["path", "part"]).rename(columns={"label": "Class", "recorder": "Recording ID"})
    )
    table.insert(0, "file", [shown.format(path=file, name=file.name, stem=file.stem) for file in files])
    table.to_csv(tmp_path / "sounds" / "list.csv", index=False)
    printed, split, clips = made(tmp_path / "sounds" / "list.csv", tmp_path, capsys)
    assert list(clips["path"]) == [str(tmp_path / "sounds" / file) for file in files]
    assert list(clips["label"]) == [row["label"] for row in rows]
    assert list(clips["group"]) == [row["recorder"] for row in rows]
    assert list(clips["fold"]) == [row["fold"] for row in rows]
    assert (split["scheme"], split["folds"]) == ("official", 5)
    assert "group: the column 'Recording ID' (r0, r1, r2, r3 and 1 more); no group is split" in printed


def guesses_of(folder: Path, capsys: pytest.CaptureFixture[str], **columns: list[Any]) -> str:
    """What the command prints of a table of twelve recordings of two labels with these columns."""
    folder.mkdir(exist_ok=True)
    for number in range(12):
        soundfile.write(folder / f"{number}.wav", NOISE[number], RATE)
    table = pd.DataFrame({"file": range(12), "class": ["dog", "cat"] * 6, **columns})
    table.to_csv(folder / "list.csv", index=False)
    return made(folder / "list.csv", folder.parent, capsys)[0]


def by_four(*values: Any) -> list[Any]:
    """Twelve values: each of three on four recordings."""
    return [value for value in values for _ in range(4)]


def test_the_coarsest_group_that_can_be_split_is_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    columns = {
        "recording": [f"r{number // 2}" for number in range(12)],
        "session": [1, 2] * 6,
        "speaker": by_four("ann", "bob", "eve"),
        "actor": [""] * 12,
    }
    printed = guesses_of(tmp_path / "sounds", capsys, **columns)
    assert "  group: the column 'speaker' (ann, bob, eve); no group is split" in printed
    assert "not used: the column 'recording' (r0, r1, r2, r3 and 2 more): clips with the same value are in" in printed
    assert "not used: the column 'session' (1, 2): fewer than two labels have 3 of its values, and" in printed
    assert "If they must not, write `group: session` under `columns`" in printed
    assert "not used: the column 'actor' (empty): all its values are the same" in printed


def test_a_label_in_words_is_taken_before_its_number(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A table such as that of ESC-50 from Excel, with ``./`` before each path and an empty row."""
    write_recordings(tmp_path / "sounds", "{word}-{recorder}-{take}.wav")
    rows = [
        f"./{file.name},{ord(file.name[0])},{file.name.split('-')[0]}"
        for file in sorted((tmp_path / "sounds").iterdir())
    ]
    (tmp_path / "sounds" / "list.csv").write_text("\n".join(["filename,target,category", *rows, ",,"]))
    printed, _, clips = made(tmp_path / "sounds" / "list.csv", tmp_path, capsys)
    assert set(clips["label"]) == {"bell", "door", "rain", "siren", "wind"}
    assert "not used: the column 'target' (100, 114, 115, 119 and 1 more): the labels are those of the colu" in printed


@pytest.mark.filterwarnings("ignore:DataFrame columns are not unique")
def test_columns_without_names_are_skipped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed = guesses_of(tmp_path / "sounds", capsys, **{"": [""] * 12, " ": [""] * 12})
    assert "label: the column 'class' (cat, dog)" in printed


@pytest.mark.parametrize(
    ("name", "values", "advice"),
    [
        ("fold", by_four(0, 1, 2), "(0, 1, 2): folds must be numbered 1, 2, … without a gap"),
        ("fold", by_four("fold1", "fold2", "fold3"), "(fold1, fold2, fold3): folds must be numbered 1, 2, …"),
        ("split", by_four("Training", "Test", "dev"), "(Test, Training, dev): its words must be train, val and test"),
        ("split", by_four("train", "dev", "eval"), "(dev, eval, train): its words must be train, val and test"),
        ("split", by_four("Train", "Train", "Test"), "(Test, Train): its words must be train, val and test"),
    ],
)
def test_published_folds_that_cannot_be_used_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, values: list[Any], advice: str
) -> None:
    printed = guesses_of(tmp_path / "sounds", capsys, **{name: values})
    assert f"not used: the column {name!r} {advice}" in printed
    assert "no published folds are used, so 5 folds are drawn by the seed" in printed


def test_groups_that_the_published_parts_divide_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_recordings(tmp_path / "sounds", "{part}/{label}/{recorder}-{take}.wav")
    (tmp_path / "sounds" / "train" / "rain" / "r0-1.wav").rename(tmp_path / "sounds" / "test" / "rain" / "r0-1.wav")
    printed, _, _ = made(tmp_path / "sounds", tmp_path, capsys)
    assert "the published parts divide r0, so this study will be refused" in printed
    assert "no group is split" not in printed


def test_a_column_that_is_no_fold_is_kept_under_another_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = pd.DataFrame(write_recordings(tmp_path / "sounds", "audio/{word}-{recorder}-{take}.wav"))
    table["fold"] -= 1
    table[["path", "label", "recorder", "fold"]].to_csv(tmp_path / "sounds" / "list.csv", index=False)
    _, split, clips = made(tmp_path / "sounds" / "list.csv", tmp_path, capsys)
    assert split["scheme"] == "kfold"
    assert set(clips["own_fold"]) == set("01234")


def test_recordings_that_are_skipped_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    write_recordings(tmp_path / "sounds", "{label}/{count}.wav")
    (tmp_path / "sounds" / "rain" / "phone.m4a").touch()
    soundfile.write(tmp_path / "sounds" / "loose.wav", NOISE[0], RATE)
    made(tmp_path / "sounds", tmp_path, capsys)
    assert "skipped files that libsndfile does not read as audio (1 × .m4a; convert recordings, for ex" in caplog.text
    assert "skipped 1 audio files beside the sub-folders" in caplog.text


def test_labels_in_two_unicode_forms_are_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder in ("dog", normalize("NFC", "Käse"), normalize("NFD", "Käse")):
        write_recordings(tmp_path / "sounds", f"{folder}/{{count}}{{word}}.wav")
    printed, _, _ = made(tmp_path / "sounds", tmp_path, capsys)
    assert f"label: folder 1 of the path ({normalize('NFC', 'Käse')}, dog)" in printed
    assert "# 150 recordings, 2 labels" in (tmp_path / "mine.yaml").read_text(encoding="utf-8")


def test_a_table_may_have_another_unicode_form_than_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = write_recordings(tmp_path / "sounds", normalize("NFD", "{label}/Käse{count}.wav"))
    lines = [normalize("NFC", f"{row['path']},{row['label']}") for row in rows]
    (tmp_path / "sounds" / "list.csv").write_text("\n".join(["path,label", *lines]), encoding="utf-8")
    _, _, clips = made(tmp_path / "sounds" / "list.csv", tmp_path, capsys)
    assert all(Path(path).is_file() for path in clips["path"])


def test_rare_labels_are_left_out_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_recordings(tmp_path / "sounds", "{label}/{recorder}_{take}.wav")
    (tmp_path / "sounds" / "owl").mkdir()
    soundfile.write(tmp_path / "sounds" / "owl" / "r9_1.wav", NOISE[0], RATE)
    printed, _, clips = made(tmp_path / "sounds", tmp_path, capsys)
    assert "left out: owl, with fewer than 3 groups" in printed
    assert yaml.safe_load((tmp_path / "mine.yaml").read_text())["datasets"]["mine"]["drop"] == ["owl"]
    assert "owl" in set(clips["label"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "nowhere: does not exist"),
        (["empty"], "empty: holds no audio file"),
        (["phone"], "phone: holds no audio file, but files that libsndfile does not read as audio (1 × .m4a; convert"),
        (["flat"], "flat: no label was found in names of folders or files (0.wav, 1.wav, 2.wav)"),
        (["list.csv"], "list.csv: the column 'file' names files that do not exist: flat/7.wav, (an empty cell)\n"),
        (["absolute.csv"], "absolute.csv: the path /flat/0.wav is absolute; it should be relative to the table's fold"),
        (["windows.csv"], r"names files that do not exist: flat\0.wav, flat\1.wav; write / between folders"),
        (["headless.csv"], "headless.csv: its first line names the file 'flat/0.wav'; write the names of the columns"),
        (["nothing.csv"], "nothing.csv: has no rows"),
        (["other.csv"], "other.csv: no column names audio files in"),
        (["tabs.tsv"], "tabs.tsv: its columns are separated by tabs; save it with commas"),
        (["twice.csv"], "twice.csv: has several columns named class; names must differ"),
        (["flat", "--name", "esc50"], "--name: the library has esc50 already"),
        (["flat", "--name", "my sounds"], "--name my sounds: a name may hold letters, digits"),
        (["flat", "--name", "a.csv"], "--name a.csv: a name may not end in .csv"),
        (["flat", "--name", "weights"], "--name weights: this name is reserved"),
        (["flat", "--output", "list.csv"], "list.csv: exists already"),
    ],
)
def test_what_cannot_be_used_is_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("empty", "flat", "phone"):
        Path(name).mkdir()
    Path("phone", "1.m4a").touch()
    for number in range(3):
        soundfile.write(Path("flat", f"{number}.wav"), NOISE[number], RATE)
    Path("list.csv").write_text("file,class\nflat/0.wav,dog\nflat/7.wav,cat\n,cat\n")
    Path("absolute.csv").write_text("file,class\n/flat/0.wav,dog\n/flat/1.wav,cat\n")
    Path("windows.csv").write_text("sound,class\nflat\\0.wav,dog\nflat\\1.wav,cat\n")
    Path("headless.csv").write_text("flat/0.wav,dog\nflat/1.wav,cat\n")
    Path("nothing.csv").write_text("file,class\n")
    Path("other.csv").write_text("name,class\nAnna,dog\nBen,cat\n")
    Path("tabs.tsv").write_text("file\tclass\nflat/0.wav\tdog\n")
    Path("twice.csv").write_text("file,class,class\nflat/0.wav,dog,a\nflat/1.wav,cat,b\n")
    assert main(arguments) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.glob("*.yaml"))


def own_study(workflow: Workflow, pattern: str) -> Workflow:
    """The workflow with a study of fifty recordings that the command has written."""
    sounds = workflow.folder.with_name("sounds")
    write_recordings(sounds, pattern)
    assert main([str(sounds), "--output", str(workflow.folder / "mine.yaml")]) == 0
    return workflow


def test_the_study_of_fifty_recordings_is_planned(workflow: Workflow) -> None:
    planned = own_study(workflow, "{label}/{recorder}_{take}.wav").planned("--configfile", "mine.yaml")
    assert planned["train_folds_5"] == (1 + 3 + 1) * 3  # majority, members of ridges, cnn; seeds


@pytest.mark.slow
def test_the_study_of_fifty_recordings_is_trained(workflow: Workflow) -> None:
    study = own_study(workflow, "{part}/{label}/{recorder}-{take}.wav")
    small = study.overlay(
        "small",
        benchmark={"models": ["majority", "cnn"], "seeds": [1]},
        models={"cnn": {"width": 4, "training": {"epochs": 3}}},
    )
    runs = study.results / "mine" / "runs" / "mine"
    targets = [runs / model / "seed1" / "predictions.csv" for model in ("majority", "cnn")]
    names = [str(target.relative_to(study.folder)) for target in targets]
    study.run(*names, "--cores", "2", "--configfile", "mine.yaml", small)
    majority, cnn = map(pd.read_csv, targets)
    assert len(cnn) == len(majority) == 10
    assert majority["predicted"].nunique() == 1
    assert set(cnn["label"]) == set(LABELS)
