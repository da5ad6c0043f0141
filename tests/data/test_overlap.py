"""Copies of clips among other recordings: in another format, quieter and shifted, or under another name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from helpers.library import index, no_findings
from soundbench.core.errors import InputError
from soundbench.core.storage import read_clip_table, write_csv
from soundbench.data import overlap
from soundbench.data.overlap import overlap_with_noise, overlap_with_source
from soundbench.data.readers import synthetic
from soundbench.data.splits import split_clips

RATE = 16000  # Hz
SPLIT = {"scheme": "holdout", "protocol": "literature", "folds": 1, "test_ratio": 0.4, "val_ratio": 0.2}
VIEW: dict[str, Any] = {"split": SPLIT, "audit": {"near_duplicate": 0.3}, "keep": ["low", "high"]}


def quieter_and_later(sound: np.ndarray) -> np.ndarray:
    return 0.3 * np.concatenate([np.zeros(3000, np.float32), sound[:-3000]])


@pytest.fixture(scope="module")
def sounds() -> list[np.ndarray]:
    """Twelve different sounds of 2 s."""
    clips = []
    for number, model in enumerate(synthetic.SOUNDS.values()):
        stream = np.random.default_rng(number)
        recording = synthetic.Recording(stream, 2.0, RATE)
        clips.append(recording.finish(model(recording, stream), stream).astype(np.float32))
    return clips


@pytest.fixture
def ours(tmp_path: Path, sounds: list[np.ndarray]) -> Path:
    """Ten clips of two classes that a view keeps, and two that it does not."""
    for number, sound in enumerate(sounds):
        path = tmp_path / "ours" / ("other" if number > 9 else ("low", "high")[number % 2]) / f"{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, sound, RATE, subtype="PCM_16")
    index({"reader": "folder"}, tmp_path / "ours", tmp_path / "ours.csv")
    return tmp_path / "ours"


def measured(root: Path) -> tuple[str, str]:
    return str(root.with_suffix(".measures")), str(root.with_suffix(".npz"))


def plant(folder: Path, ours: Path, sounds: list[np.ndarray]) -> None:
    """A FLAC copy of clip 0, a quieter and shifted copy of clip 3, a copy of a clip that the view leaves out, noise."""
    folder.mkdir(parents=True)
    soundfile.write(folder / "a.flac", *soundfile.read(ours / "low" / "0.wav", dtype="int16"))
    soundfile.write(folder / "b.wav", quieter_and_later(sounds[3]), RATE)
    soundfile.write(folder / "c.wav", sounds[11], RATE)
    soundfile.write(folder / "d.wav", np.random.default_rng(9).uniform(-0.5, 0.5, 2 * RATE), RATE)


@pytest.mark.slow
def test_copies_in_another_source_are_found(tmp_path: Path, ours: Path, sounds: list[np.ndarray]) -> None:
    plant(tmp_path / "theirs" / "x", ours, sounds)
    (tmp_path / "theirs" / "y").mkdir()
    (tmp_path / "theirs" / "x" / "d.wav").rename(tmp_path / "theirs" / "y" / "d.wav")
    theirs = index({"reader": "folder"}, tmp_path / "theirs", tmp_path / "theirs.csv")
    measures = read_clip_table(tmp_path / "theirs.measures").set_index("clip")["samples"]
    overlap_with_source(*measured(ours), VIEW, *measured(tmp_path / "theirs"), str(tmp_path / "found.csv"))
    found = read_clip_table(tmp_path / "found.csv").set_index("clip")
    assert {clip: Path(path).name for clip, path in found["path"].items()} == {"low-0": "a.flac", "high-3": "b.wav"}
    assert found["samples"].to_dict() == {"low-0": measures["x-a"], "high-3": measures["x-b"]}
    assert found.loc["low-0", "likeness"] == 1 > found.loc["high-3", "likeness"] > 0.3
    assert len(theirs) == 4


def test_noise_that_cannot_be_used_is_named(tmp_path: Path, ours: Path, sounds: list[np.ndarray]) -> None:
    plant(tmp_path / "noise", ours, sounds)
    whole = (tmp_path / "noise" / "d.wav").read_bytes()
    (tmp_path / "noise" / "d.wav").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "noise" / "e.wav").write_bytes(b"no audio")
    with pytest.raises(InputError, match="2 of 5 recordings for noise cannot be used") as refused:
        overlap_with_noise(*measured(ours), VIEW, [str(tmp_path / "noise")], 2, str(tmp_path / "noisy.csv"))
    assert "d.wav: is truncated" in refused.value.problems[0]
    assert "e.wav: cannot be read as audio" in refused.value.problems[1]


def test_noise_that_holds_test_clips_is_refused(tmp_path: Path, ours: Path, sounds: list[np.ndarray]) -> None:
    plant(tmp_path / "noise", ours, sounds)
    table, files = tmp_path / "noisy.csv", (tmp_path / "ours.csv", no_findings(tmp_path / "audit.csv"))
    overlap_with_noise(*measured(ours), VIEW, [str(tmp_path / "noise")], 2, str(table))
    found = read_clip_table(table)
    assert set(found["clip"]) == {"low-0", "high-3"}
    folds = VIEW | {"split": {"scheme": "kfold", "protocol": "literature", "folds": 2}}  # each clip is tested in one
    with pytest.raises(InputError) as refused:
        split_clips(*files, "pets", folds, 1, tmp_path / "split.csv", [table])
    assert len(refused.value.problems) == 2
    assert all("augmentations.noisy: " in problem for problem in refused.value.problems)
    assert "a.flac is, or sounds like, low-0, a test or validation clip" in str(refused.value)
    assert not (tmp_path / "split.csv").exists()
    # A clip that is only trained on may be noise as well.
    split_clips(*files, "pets", VIEW, 1, tmp_path / "split.csv")
    split = read_clip_table(tmp_path / "split.csv").set_index("clip")["fold1"]
    write_csv(table, found.assign(clip=split.index[split == "train"][:2]))
    split_clips(*files, "pets", VIEW, 1, tmp_path / "split.csv", [table])
    write_csv(table, found.assign(clip=split.index[split == "test"][:2]))
    with pytest.raises(InputError):
        split_clips(*files, "pets", VIEW, 1, tmp_path / "split.csv", [table])


def test_noise_is_searched_to_its_end(
    tmp_path: Path, ours: Path, sounds: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where an analysed piece ends, and in a recording of a later batch."""
    monkeypatch.setattr(overlap, "MOST_LANDMARKS", 1000)
    street = np.random.default_rng(99).normal(0, 0.002, 210 * RATE).astype(np.float32)
    for number, second in ((2, 59), (3, 119), (4, 205)):
        street[second * RATE :][: len(sounds[number])] += sounds[number]
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    soundfile.write(tmp_path / "a" / "quiet.wav", street[: 20 * RATE], RATE)
    soundfile.write(tmp_path / "b" / "street.wav", street, RATE)
    folders = [str(tmp_path / name) for name in ("a", "b")]
    overlap_with_noise(*measured(ours), VIEW, folders, 1, str(tmp_path / "found.csv"))
    found = read_clip_table(tmp_path / "found.csv")
    assert {(clip, Path(path).name) for clip, path in zip(found["clip"], found["path"], strict=True)} == {
        (clip, "street.wav") for clip in ("low-2", "high-3", "low-4")
    }
