"""Clips in shards: the tables, landmarks and features are those of one job, byte for byte."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from helpers.library import front_end
from helpers.noises import RATE, write_recordings
from soundbench.core.errors import InputError
from soundbench.data.index import IndexFiles, index_clips, inspect_shard
from soundbench.data.shards import BLOCK, shard_names, shard_rows
from soundbench.features.files import FeatureFiles
from soundbench.features.gather import gather_features
from soundbench.features.store import compute_features

CLIPS = 40
SHARDS = shard_names(3)
SOURCE = {"reader": "folder"}


@pytest.mark.parametrize("clips", [0, 1, BLOCK, 100, 100_000])
@pytest.mark.parametrize("shards", [1, 3, 10])
def test_shards_are_all_clips_in_order(clips: int, shards: int) -> None:
    parts = [shard_rows(name, clips) for name in shard_names(shards)]
    assert [row for part in parts for row in range(clips)[part]] == list(range(clips))
    assert all(
        first.stop == second.start and first.stop % BLOCK in (0, clips % BLOCK) for first, second in pairwise(parts)
    )
    assert max(len(range(clips)[part]) for part in parts) <= clips / shards + BLOCK


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Short recordings of two labels with the same sounds; one file is no audio."""
    root = tmp_path_factory.mktemp("recordings")
    for label in "ab":
        (root / label).mkdir()
        write_recordings(root / label, *(f"{number:02d}.wav" for number in range(CLIPS // 2)), seconds=0.3)
    (root / "a" / "17.wav").write_bytes(b"no audio")
    return root


def index(recordings: Path, folder: Path, shards: list[tuple[str, str]]) -> dict[str, Path]:
    files = {name: folder / f"{name}.csv" for name in ("clips", "measures")}
    files |= {"landmarks": folder / "landmarks.npz", "notes": folder / "notes.json"}
    index_clips(SOURCE, recordings, "skip", 1, IndexFiles(**files), shards)
    return files


def inspected(recordings: Path, folder: Path) -> list[tuple[str, str]]:
    pairs = [(str(folder / f"{shard}.csv"), str(folder / f"{shard}.npz")) for shard in SHARDS]
    for shard, (measures, landmarks) in zip(SHARDS, pairs, strict=True):
        inspect_shard(SOURCE, recordings, shard, 1, measures=measures, landmarks=landmarks)
    return pairs


@pytest.mark.parametrize("normalise", ["dataset", "group"])
def test_measures_and_features_of_shards_are_those_of_one_job(recordings: Path, tmp_path: Path, normalise: str) -> None:
    whole = index(recordings, tmp_path / "whole", [])
    together = index(recordings, tmp_path / "together", inspected(recordings, tmp_path / "shards"))
    for name, file in whole.items():
        assert together[name].read_bytes() == file.read_bytes(), name

    settings = front_end(front_end="logmel", n_mels=16, sample_rate=RATE, normalise=normalise)
    one = FeatureFiles(str(tmp_path / "one.npy"), str(tmp_path / "one.csv"))
    compute_features(whole["clips"], settings, one.array, one.index, 1)
    parts = [FeatureFiles(str(tmp_path / f"{shard}.npy"), str(tmp_path / f"{shard}.csv")) for shard in SHARDS]
    for shard, part in zip(SHARDS, parts, strict=True):
        compute_features(whole["clips"], settings, part.array, part.index, 1, shard=shard)
    gathered = FeatureFiles(str(tmp_path / "gathered.npy"), str(tmp_path / "gathered.csv"))
    gather_features(parts, gathered, str(whole["clips"]), settings)
    assert Path(gathered.array).read_bytes() == Path(one.array).read_bytes()
    assert Path(gathered.index).read_bytes() == Path(one.index).read_bytes()


def test_recordings_that_were_added_meanwhile_are_an_error(recordings: Path, tmp_path: Path) -> None:
    pairs = inspected(recordings, tmp_path)
    with pytest.raises(InputError, match="have changed since they were measured"):
        index(recordings, tmp_path / "index", pairs[:2])
