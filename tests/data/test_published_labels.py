"""FSD50K and AudioSet as they are published, imitated here, and what is wrong with other folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from helpers.library import configuration, index
from helpers.noises import write_recordings
from soundbench.core.errors import InputError
from soundbench.data.files import files_state
from soundbench.data.readers import audioset, fsd50k


@pytest.fixture
def fsd(tmp_path: Path) -> Path:
    folders = {name: tmp_path / f"FSD50K.{name}" for name in ("ground_truth", "dev_audio", "eval_audio")}
    for folder in folders.values():
        folder.mkdir()
    write_recordings(folders["dev_audio"], "64760.wav", "16399.wav", seconds=0.3)
    write_recordings(folders["eval_audio"], "37199.wav", seconds=0.3)
    (folders["ground_truth"] / "vocabulary.csv").write_text("0,Bark,/m/05tny_\n1,Dog,/m/0bt9lr\n2,Rain,/m/06mb1\n")
    (folders["ground_truth"] / "dev.csv").write_text(
        'fname,labels,mids,split\n64760,"Dog,Bark","/m/0bt9lr,/m/05tny_",train\n16399,Rain,/m/06mb1,val\n'
    )
    (folders["ground_truth"] / "eval.csv").write_text('fname,labels,mids\n37199,"Rain,Dog","/m/06mb1,/m/0bt9lr"\n')
    return tmp_path


def test_fsd50k_as_published(fsd: Path) -> None:
    clips = index({"reader": "fsd50k"}, fsd, fsd / "clips.csv").set_index("clip")
    assert clips["label"].to_dict() == {"64760": "Bark;Dog", "16399": "Rain", "37199": "Dog;Rain"}
    assert clips["part"].to_dict() == {"64760": "train", "16399": "val", "37199": "test"}
    assert clips.at["37199", "path"] == str(fsd / "FSD50K.eval_audio" / "37199.wav")


def test_rows_of_fsd50k_that_cannot_be_used_are_all_named(fsd: Path) -> None:
    (fsd / "FSD50K.ground_truth" / "dev.csv").write_text("fname,labels,mids,split\n1,Cat,x,train\n1,Dog,x,dev\n")
    with pytest.raises(InputError) as refused:
        fsd50k.read(fsd)
    assert refused.value.problems == [
        "dev.csv, 1: is listed more than once",
        "dev.csv, 1: 'Cat' is not in vocabulary.csv",
        "dev.csv, 1: is listed more than once",
        "dev.csv, 1: split should be train or val, but is 'dev'",
    ]
    (fsd / "FSD50K.ground_truth" / "eval.csv").write_text("name\n1\n")
    with pytest.raises(InputError, match=r"eval.csv: lacks the columns fname, labels"):
        fsd50k.read(fsd)


SEGMENTS = """# Segments csv created Sun Mar  5 10:54:25 2017
# num_ytids={count}, num_segs={count}, num_unique_labels=527, num_positive_labels=2
# YTID, start_seconds, end_seconds, positive_labels
"""


@pytest.fixture
def segments(tmp_path: Path) -> Path:
    (tmp_path / "class_labels_indices.csv").write_text(
        'index,mid,display_name\n0,/m/09x0r,"Speech"\n1,/m/05zppz,"Male speech, man speaking"\n'
    )
    rows = '--4gqARaEJE, 0.000, 10.000, "/m/09x0r,/m/05zppz"\n_gone, 1.000, 11.000, "/m/09x0r"\n'
    (tmp_path / "balanced_train_segments.csv").write_text(SEGMENTS.format(count=2) + rows)
    (tmp_path / "eval_segments.csv").write_text(SEGMENTS.format(count=1) + 'aB, 30.000, 40.000, "/m/05zppz"\n')
    (tmp_path / "eval").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("file", "names"),
    [
        ("{ytid}", ("--4gqARaEJE.wav", "eval/aB.wav")),
        ("Y{ytid}", ("Y--4gqARaEJE.wav", "eval/YaB.wav")),
        ("{ytid}_{start_ms}_{end_ms}", ("--4gqARaEJE_0_10000.wav", "eval/aB_30000_40000.wav")),
    ],
)
def test_audioset_as_published(segments: Path, file: str, names: tuple[str, str]) -> None:
    write_recordings(segments, *names, seconds=0.3)
    source: dict[str, Any] = {"reader": "audioset", "file": file, "segments": audioset.SETTINGS["segments"]["default"]}
    clips = index(source, segments, segments / "clips.csv")
    assert list(clips["label"]) == ["Male speech, man speaking;Speech", "Male speech, man speaking"]
    assert list(clips["part"]) == ["train", "test"]
    assert list(clips["group"]) == ["--4gqARaEJE", "aB"]
    assert "left out 1 of 3 segments" in (segments / "clips.json").read_text()


def test_videos_of_audioset_may_begin_with_underscores(segments: Path) -> None:
    row = '__gqARaEJE-, 0.000, 10.000, "/m/09x0r"\n'
    (segments / "eval_segments.csv").write_text(SEGMENTS.format(count=1) + row)
    write_recordings(segments, "eval/__gqARaEJE-.wav", "eval/._gqARaEJE-.wav", seconds=0.3)
    clips = audioset.read(segments, segments={"test": "eval_segments.csv"}, file="{ytid}")
    assert list(clips["path"]) == [str(segments / "eval" / "__gqARaEJE-.wav")]
    before = files_state(str(segments))
    write_recordings(segments, "eval/__gqARaEJE-.wav", seconds=0.2)
    files_state.cache_clear()
    assert files_state(str(segments)) != before


def test_tables_of_audioset_that_cannot_be_used(segments: Path) -> None:
    (segments / "eval_segments.csv").write_text('# YTID\na, 1, 2\nb, 0, 10, "/m/none"\n')
    with pytest.raises(InputError) as refused:
        audioset.read(segments, segments={"train": "no.csv", "test": "eval_segments.csv"}, file="{video}")
    assert [problem.partition(" (")[0].replace(f"{segments}/", "") for problem in refused.value.problems] == [
        "no.csv: cannot be read",
        "eval_segments.csv, line 2: should be YTID, start, end and labels, but is 'a, 1, 2'",
        "class_labels_indices.csv: lacks /m/none, a label of segments",
        "file: names cannot be made of '{video}'",
    ]
    with pytest.raises(InputError, match="no segment has an audio file; the first should be --4gqARaEJE"):
        audioset.read(segments, segments={"train": "balanced_train_segments.csv"}, file="{ytid}")


def test_the_library_asks_for_the_folders_of_published_sources() -> None:
    split = {"scheme": "predefined", "protocol": "literature"}
    datasets = {name: {"source": name, "split": split} for name in ("fsd50k", "audioset")}
    with pytest.raises(InputError) as refused:
        configuration(datasets=datasets, benchmark={"datasets": list(datasets)})
    text = "\n".join(refused.value.problems)
    for name in datasets:
        assert f"sources.{name}.root: name the folder or the .zip with these recordings, which are not fetched" in text
