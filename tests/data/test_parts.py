"""Clips that are parts of long recordings: their names, their samples, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers.library import configuration, index
from helpers.noises import write_recordings
from soundbench.core.errors import InputError
from soundbench.data.audio import AudioFile, read_mono
from soundbench.data.audit import copies, read_measures
from soundbench.data.duplicates import divided_copies, report_copies
from soundbench.data.fingerprints import load_landmarks
from soundbench.data.parts import overlapping, part_of, part_path
from soundbench.inference.recordings import find_recordings

EVENTS = {"reader": "csv", "start": "onset", "end": "offset"}
THRESHOLDS = {"silent": -60, "clipped": 0.002, "short": 0.25, "long": 4, "near_duplicate": 0.3}


def write_table(folder: Path, *rows: str, header: str = "path,label,onset,offset") -> Path:
    (folder / "events.csv").write_text("\n".join([header, *rows]))
    return folder / "events.csv"


@pytest.mark.parametrize("name", ["park.wav", "park.flac", "park.ogg", "park.mp3"])
def test_only_the_samples_of_a_part_are_read(tmp_path: Path, name: str) -> None:
    whole = write_recordings(tmp_path, name)[name]
    part = part_path(tmp_path / name, 1.25, 3.5)
    assert part == f"{tmp_path / name}#t=1.25,3.5"
    np.testing.assert_allclose(read_mono(part)[0], whole[10000:28000], atol=1e-6)
    np.testing.assert_allclose(read_mono(part, 1, 0.5)[0], whole[18000:22000], atol=1e-6)
    np.testing.assert_allclose(read_mono(part, 2)[0], whole[26000:28000], atol=1e-6)
    with AudioFile(part) as file:
        assert file.length == 18000
        assert sum(len(file.read(4000)) for _ in range(10)) == 18000
        assert file.tell() == 28000, "frames after the end are not read"


def test_names_of_parts_are_unique_and_stable(tmp_path: Path) -> None:
    write_recordings(tmp_path, "park 1.wav", "street.wav")
    rows = ["park 1.wav,dog,1.25,3.5", "street.wav,car,0,4.0004", "park 1.wav,cat,3,4"]
    clips = index(EVENTS, write_table(tmp_path, *rows), tmp_path / "out" / "clips.csv")
    assert list(clips["clip"]) == ["park_1@1.250-3.500", "street@0.000-4.000", "park_1@3.000-4.000"]
    assert list(clips["group"]) == ["park_1", "street", "park_1"], "the clips of a file are a group"
    assert list(clips["seconds"]) == [2.25, 4, 1]
    assert clips["sha256"].nunique() == 2, "the digest is of the file"
    again = index(EVENTS, write_table(tmp_path, *reversed(rows)), tmp_path / "out" / "again.csv")
    assert set(again["clip"]) == set(clips["clip"])


def test_the_parts_of_a_file_are_one_group_however_its_path_is_written(tmp_path: Path) -> None:
    write_recordings(tmp_path, "a.wav")
    rows = ["./a.wav,x,0,1", "a.wav,y,1,2", ".//a.wav,x,2,3"]
    clips = index(EVENTS, write_table(tmp_path, *rows), tmp_path / "out" / "clips.csv")
    assert list(clips["clip"]) == ["a@0.000-1.000", "a@1.000-2.000", "a@2.000-3.000"]
    assert set(clips["group"]) == {"a"}


def test_rows_with_bad_times_are_all_named(tmp_path: Path) -> None:
    write_recordings(tmp_path, "a.wav")
    rows = ["a.wav,x,2,1", "a.wav,x,1,4.5", "a.wav,x,-1,2", "a.wav,x,soon,nan", "a.wav,x,0,1", "a.wav,y,0.0,1.00"]
    with pytest.raises(InputError) as refused:
        index(EVENTS, write_table(tmp_path, *rows, "a.wav,x,2,"), tmp_path / "clips.csv")
    assert refused.value.problems == [
        "row 1: end is 1 s, which is not after start, 2 s",
        "row 2: end is 4.5 s, but the file lasts 4 s",
        "row 3: start should be a number of seconds from 0, but is '-1'",
        "row 4: start should be a number of seconds from 0, but is 'soon'",
        "row 4: end should be a number of seconds from 0, but is 'nan'",
        "row 5: the path a.wav@0.000-1.000 is in the table more than once",
        "row 6: the path a.wav@0.000-1.000 is in the table more than once",
        "row 7: end should be a number of seconds from 0, but is ''",
    ]


def test_keys_of_times_are_checked(tmp_path: Path) -> None:
    write_recordings(tmp_path, "a.wav")
    table = write_table(tmp_path, "a.wav,x,0,1")
    split = {"scheme": "holdout", "protocol": "nested"}
    changes = {"datasets": {"mine": {"source": "mine", "split": split}}, "benchmark": {"datasets": ["mine"]}}
    with pytest.raises(InputError, match=r"sources.mine.end: is missing; a part of a file has a start and an end"):
        configuration(sources={"mine": {"reader": "csv", "root": str(table), "start": "onset"}}, **changes)
    with pytest.raises(InputError, match="end: there is no column beyond; the first line names 'path', 'label'"):
        index(EVENTS | {"end": "beyond"}, table, tmp_path / "clips.csv")


def test_overlapping_parts_of_one_file() -> None:
    paths = ["a.wav#t=0,2", "b.wav#t=0,2", "a.wav#t=2,3", "a.wav#t=1.5,2.25", "a.wav", "a.wav#t=0,9"]
    found = {(first, second): shared for first, second, shared in overlapping(paths)}
    assert found == {(0, 3): 0.5, (2, 3): 0.25, (0, 5): 2, (2, 5): 1, (3, 5): 0.75}
    assert part_of("a.wav").end is None


def test_the_audit_finds_overlaps_between_groups_only(tmp_path: Path) -> None:
    """Parts of one group overlap without a finding, also as near-duplicates; a split does not divide them."""
    write_recordings(tmp_path, "a.wav", "b.wav", seconds=8)
    rows = ["a.wav,x,0,6,anna", "a.wav,x,1,7,anna", "b.wav,x,0,6,ben", "b.wav,x,1,7,eva", "b.wav,y,7,8,eva"]
    table = write_table(tmp_path, *rows, header="path,label,onset,offset,group")
    index(EVENTS, table, tmp_path / "clips.csv")
    measures = read_measures(tmp_path / "clips.measures")
    rows_found = [finding.row() for finding in copies(measures, load_landmarks(tmp_path / "clips.npz"), THRESHOLDS)]
    found, file = rows_found
    assert (file["check"], file["severity"], file["value"]) == ("file in several groups", "error", 2)
    assert file["detail"] == f"parts of {tmp_path / 'b.wav'} are in groups ben, eva"
    assert (found["check"], found["severity"], found["value"]) == ("overlapping parts", "error", 5)
    assert found["clips"] == "b@0.000-6.000; b@1.000-7.000"
    assert "in groups ben and eva" in found["detail"]
    split = pd.DataFrame({"clip": file["clips"].split("; "), "fold1": ["train", "train", "test"]})
    divided = divided_copies(split, ["fold1"], pd.DataFrame(rows_found))
    assert "b@7.000-8.000 (test) are parts of one file" in report_copies(divided, "fail", "pets")[0]
    assert report_copies(divided, "allow", "pets") == []
    assert divided_copies(split.assign(fold1="train"), ["fold1"], pd.DataFrame(rows_found)).empty


def test_parts_in_a_list_of_recordings_to_predict(tmp_path: Path) -> None:
    header = "path,label,start,end"
    table = write_table(tmp_path, "a.wav,dog,1,2.5", "b.wav,,,", header=header)
    assert [each.path for each in find_recordings([str(table)], ["dog"])] == [
        f"{tmp_path}/a.wav#t=1,2.5",
        f"{tmp_path}/b.wav",
    ]
    write_table(tmp_path, "a.wav,dog,2,1", "a.wav,dog,x,2", header=header)
    with pytest.raises(InputError) as refused:
        find_recordings([str(table)], ["dog"])
    assert [problem.partition(", ")[2] for problem in refused.value.problems] == [
        "line 2: end is 1 s, which is not after start, 2 s",
        "line 3: start should be a number of seconds from 0, but is 'x'",
    ]
