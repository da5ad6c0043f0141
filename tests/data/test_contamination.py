"""Lists of what a pretrained model has seen."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from helpers.library import configuration
from soundbench.core.errors import InputError
from soundbench.data.contamination import list_problems, listed, read_list
from soundbench.data.trained_on import write_trained_on
from soundbench.study.study import Study

DIGESTS = [f"{number:064x}" for number in (2**250, 2**251, 2**252)]
# As ESC-50 names its clips: fold, Freesound id, take, target.
ESC50 = pd.DataFrame(
    {
        "clip": ["1-100032-A-0", "2-17-B-3", "5-9032-A-0"],
        "path": [f"/data/ESC-50-master/audio/{name}.wav" for name in ("1-100032-A-0", "2-17-B-3", "5-9032-A-0")],
        "group": ["100032", "17", "9032"],
        "samples": DIGESTS,
    }
)
FOLDERS = pd.DataFrame(
    {
        "clip": ["cat-1", "dog-1", "dog-2"],
        "path": ["/mine/cat/1.flac", "/mine/dog/1.flac", "/mine/dog/2.flac#t=1,2"],
        "group": ["ann", "ann", "bob"],
        "samples": DIGESTS,
    }
)


@pytest.mark.parametrize(
    ("entries", "kinds"),
    [
        (["17", "9032.wav"], ["", "group", "group"]),  # Freesound ids, as FSD50K names its files
        (["5-9032-A-0", "1-100032-A-0.wav"], ["clip", "", "clip"]),
        (["/other/machine/audio/2-17-B-3.wav"], ["", "path", ""]),
        (["C:\\\\sounds\\\\2-17-B-3.WAV"], ["", "path", ""]),
        ([DIGESTS[1], DIGESTS[2][:16].upper(), "9032"], ["", "samples", "samples"]),
        (["audio/17", "1", "100032-A", DIGESTS[0][:15]], ["", "", ""]),
    ],
)
def test_clips_are_found_by_name_path_group_and_digest(entries: list[str], kinds: list[str]) -> None:
    assert listed(ESC50, entries).tolist() == kinds


def test_a_path_must_name_the_folders_that_tell_files_apart() -> None:
    assert listed(FOLDERS, ["x/y/dog/1.wav", "dog/2.flac", "1.flac", "bird/1.flac"]).tolist() == ["", "path", "path"]


def test_comments_and_empty_lines_do_not_count(tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_text("# seen by the encoder\n\n  17 \n9032\n17\n", encoding="utf-8")
    assert read_list(file) == {"17", "9032"}


def test_what_a_model_of_this_workflow_was_trained_on_is_a_list(tmp_path: Path) -> None:
    write_trained_on(tmp_path, [digest[:16] for digest in DIGESTS[:2]])
    assert listed(ESC50, read_list(tmp_path / "trained_on.txt")).tolist() == ["samples", "samples", ""]


def test_lists_that_cannot_be_used_are_all_named(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("# nothing\n")
    (tmp_path / "sound.txt").write_bytes(b"RIFF\xff\xfe")
    files = [str(tmp_path / name) for name in ("missing.txt", "empty.txt", "sound.txt")]
    problems = list(list_problems("models.cnn.contamination", files))
    assert [problem.split(": ")[1] for problem in problems] == files
    for problem, reason in zip(problems, ("No such file", "holds no entry", "cannot be read as a text"), strict=True):
        assert reason in problem


def test_lists_of_selected_models_are_checked_before_work_starts() -> None:
    members = {"family": "ensemble", "members": ["cnn", "resnet10"]}
    models = {"cnn": {"contamination": ["none.txt"]}, "both": members, "knn": {"contamination": ["other.txt"]}}
    selection = {"datasets": ["synthetic"], "seeds": [1]}
    with pytest.raises(InputError) as refused:
        configuration(models=models, benchmark=selection | {"models": ["both"]})
    assert [problem.split(": ")[0] for problem in refused.value.problems] == ["models.cnn.contamination"]
    configuration(models=models, benchmark=selection | {"models": ["resnet10"]})  # the lists of others are not read


def test_lists_do_not_change_how_a_model_is_trained(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("17\n")
    files = [str(tmp_path / "list.txt")]
    plain = Study(configuration())
    with_list = Study(configuration(models={"cnn": {"contamination": files}}))
    assert with_list.contamination["cnn"] == files
    assert with_list.entry_json("models", "cnn") == plain.entry_json("models", "cnn")
