"""Clips that differ much in length are stored without padding, and everything that reads them reads the same values."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch

from helpers.library import front_end, training
from soundbench.core.errors import InputError
from soundbench.core.integrity import checked_array
from soundbench.core.ragged import RaggedArray
from soundbench.core.storage import read_clip_table, write_csv
from soundbench.data.shards import shard_names
from soundbench.features import size, store
from soundbench.features.crops import Crop
from soundbench.features.files import FeatureFiles
from soundbench.features.gather import gather_features
from soundbench.features.normalisation import Normalisation
from soundbench.features.size import Lengths, clip_lengths
from soundbench.features.store import compute_features
from soundbench.models import description
from soundbench.tasks.single_label import SingleLabel
from soundbench.training import device_features
from soundbench.training.batches import load_examples
from soundbench.training.examples import Examples
from soundbench.training.inputs import Inputs, read_fold
from soundbench.training.run import Run

RATE = 8000  # Hz
CLIPS = 20
LONG = 7  # the number of the clip that lasts many times as long as the others
CPU = torch.device("cpu")
UNSCALED = Normalisation(0, 1)
LOGMEL = {"front_end": "logmel", "n_mels": 12, "sample_rate": RATE, "n_fft": 256, "hop_length": 80}
FRONT_ENDS: list[dict[str, Any]] = [
    LOGMEL,
    LOGMEL | {"normalise": "clip", "trim": True},
    {"front_end": "waveform", "sample_rate": RATE, "normalise": "none"},
]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The clip table of short recordings, one of which is long."""
    folder = tmp_path_factory.mktemp("clips")
    rows = []
    for number in range(CLIPS):
        seconds = 5.0 if number == LONG else 0.2 + number / 100
        path = folder / f"{number:02d}.wav"
        noise = np.random.default_rng(number).normal(0, 0.1, round(seconds * RATE))
        soundfile.write(path, noise * np.linspace(1, 0.01, len(noise)), RATE)
        rows.append((path.stem, path, "ab"[number % 2], seconds, RATE))
    pd.DataFrame(rows, columns=["clip", "path", "label", "seconds", "sample_rate"]).to_csv(
        folder / "clips.csv", index=False
    )
    return folder / "clips.csv"


def stored(clips: Path, folder: Path, settings: dict[str, Any], ragged: bool, **options: Any) -> FeatureFiles:
    """The features, stored without padding or with it."""
    files = FeatureFiles(str(folder / f"{ragged}.npy"), str(folder / f"{ragged}.csv"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(size, "LEAST_FILLED", 0.5 if ragged else 0)
        compute_features(clips, settings, files.array, files.index, **{"threads": 1} | options)
    return files


def examples(files: FeatureFiles, clips: Path, crop: Crop | None) -> Examples:
    return load_examples(
        files.array, read_clip_table(files.index), read_clip_table(clips), SingleLabel(["a", "b"]), crop
    )


@pytest.mark.parametrize("settings", FRONT_ENDS)
def test_what_is_read_equals_a_padded_array(clips: Path, tmp_path: Path, settings: dict[str, Any]) -> None:
    entry = front_end(**settings)
    padded, ragged = (stored(clips, tmp_path, entry, ragged) for ragged in (False, True))
    assert Path(ragged.array).stat().st_size < 0.2 * Path(padded.array).stat().st_size
    index = read_clip_table(ragged.index)
    expected = np.load(padded.array)
    array = checked_array(ragged.array, index, index["row"].to_numpy())
    assert isinstance(array, RaggedArray)
    assert (array.shape, array.dtype, array.itemsize) == (expected.shape, expected.dtype, expected.itemsize)
    np.testing.assert_array_equal(array[np.arange(CLIPS)], expected)
    np.testing.assert_array_equal(array[LONG], expected[LONG])
    for frames in (slice(None, 3), slice(0, 10_000), slice(15, 30), slice(60, 90), slice(10**6, 10**6 + 5)):
        np.testing.assert_array_equal(array[2, :, frames], expected[2, :, frames])
    assert index["frames"].tolist() == read_clip_table(padded.index)["frames"].tolist()


@pytest.mark.parametrize(
    "crop",
    [
        None,
        Crop(30),
        Crop(12, padding=6),
        Crop(30, padding=25, silence=0.0),
        Crop(12, level=-3, decibel=1.0),
        Crop(700, padding=100),
    ],
)
def test_batches_equal_those_of_a_padded_array(
    clips: Path, tmp_path: Path, crop: Crop | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also on the device that trains, and the statistics of the training clips to the last bit."""
    padded, ragged = (
        examples(stored(clips, tmp_path, front_end(**LOGMEL), ragged), clips, crop) for ragged in (False, True)
    )
    assert isinstance(ragged.arrays[0], RaggedArray)
    assert ragged.normalisation() == padded.normalisation()
    assert ragged.shape == padded.shape
    chosen = torch.arange(CLIPS).repeat(5)
    starts = [each.random_starts(chosen, torch.Generator().manual_seed(1)) for each in (padded, ragged)]
    np.testing.assert_array_equal(*starts)
    monkeypatch.setattr(device_features, "available", lambda device: 1e9)
    for found in (ragged, replace(ragged).on_device(CPU), padded + ragged):
        batch = found.batch(chosen, UNSCALED, CPU, starts[0])[0]
        assert torch.equal(batch, padded.batch(chosen, UNSCALED, CPU, starts[0])[0])
    windows = [torch.cat([batch for batch, _ in each.window_batches(7, UNSCALED, CPU)]) for each in (padded, ragged)]
    assert torch.equal(*windows)


def test_parts_and_processes_change_nothing(clips: Path, tmp_path: Path) -> None:
    entry = front_end(**LOGMEL)
    whole = stored(clips, tmp_path, entry, ragged=True)
    parts = []
    for shard in shard_names(3):
        (tmp_path / shard).mkdir()
        parts.append(stored(clips, tmp_path / shard, entry, ragged=True, threads=2, shard=shard))
    gathered = FeatureFiles(str(tmp_path / "all.npy"), str(tmp_path / "all.csv"))
    gather_features(parts, gathered, str(clips), entry)
    assert Path(gathered.array).read_bytes() == Path(whole.array).read_bytes()
    assert Path(gathered.index).read_bytes() == Path(whole.index).read_bytes()


def test_only_few_pieces_are_computed_before_they_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    pools = []

    class Counting(ThreadPoolExecutor):
        submitted = 0

        def submit(self, *arguments: Any, **options: Any) -> Future[Any]:
            self.submitted += 1
            return super().submit(*arguments, **options)

    monkeypatch.setattr(store, "_workers", lambda threads: pools.append(Counting(threads)) or pools[-1])
    numbers: list[Any] = list(range(100 * store.PIECE))
    found = store._of_pieces(list, numbers, threads=2)
    assert next(found) == 0
    assert pools[0].submitted <= 5
    assert [0, *found] == numbers


def test_changed_values_are_noticed(clips: Path, tmp_path: Path) -> None:
    files = stored(clips, tmp_path, front_end(**LOGMEL), ragged=True)
    index = read_clip_table(files.index)
    values = np.load(files.array)
    values[index["first_frame"][3]] += 1
    np.save(files.array, values)
    others = index["row"].drop(3).to_numpy()
    checked_array(files.array, index, others)
    with pytest.raises(InputError, match="has changed since it was written, for 03"):
        checked_array(files.array, index, index["row"].to_numpy())
    assert not Path(files.array).exists()
    np.save(files.array, values[:-1])
    with pytest.raises(InputError, match="has changed since it was written, for 03, 19"):
        checked_array(files.array, index, index["row"].to_numpy())


def test_unusable_clips_are_all_named(clips: Path, tmp_path: Path) -> None:
    table = read_clip_table(clips)
    (tmp_path / "none.wav").write_text("no audio")
    table.loc[[2, 5], "path"] = str(tmp_path / "none.wav")
    table.to_csv(tmp_path / "clips.csv", index=False)
    with pytest.raises(InputError, match="2 of 20 clips cannot be used"):
        stored(tmp_path / "clips.csv", tmp_path, front_end(**LOGMEL), ragged=True)
    assert not list(tmp_path.glob("*.npy"))


def test_only_much_padding_is_left_out() -> None:
    clips = pd.DataFrame({"seconds": [1.0, 1.0, 1.0, 3.0], "sample_rate": RATE})
    entry = front_end(**LOGMEL)
    assert clip_lengths(clips, entry) == Lengths(301, 151)
    assert not clip_lengths(clips, entry).ragged
    long = clips.assign(seconds=[1.0, 1.0, 1.0, 4.0])
    assert clip_lengths(long, entry).ragged
    for settings in ({"duration": 2}, {"resize": [8, 8]}, {"normalise": "group"}):
        assert not clip_lengths(long, front_end(**LOGMEL, **settings)).ragged
    assert not clip_lengths(long, front_end("ast")).ragged


def test_padding_of_groups_is_stored_and_far_too_long_clips_are_refused(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Normalised by group, the padding of a clip is another value in each bin."""
    read_clip_table(clips).assign(group="anna").to_csv(tmp_path / "clips.csv", index=False)
    entry = front_end(**LOGMEL, normalise="group")
    files = stored(tmp_path / "clips.csv", tmp_path, entry, ragged=True)
    assert np.load(files.array).shape == (CLIPS, 12, 501)
    monkeypatch.setattr(size, "LONGEST_RATIO", 15)
    with pytest.raises(InputError, match=r"(?s)normalise: group takes whole clips.*Set `duration`.*07: lasts 5.0 s"):
        stored(tmp_path / "clips.csv", tmp_path / "none", entry, ragged=True)
    assert not (tmp_path / "none").exists()


def test_only_crops_of_far_too_long_clips_are_trained_on(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A model of whole clips is refused before it is trained; features are computed, and a warning names the clips."""
    monkeypatch.setattr(size, "LONGEST_RATIO", 15)
    entry = front_end(**LOGMEL)
    files = stored(clips, tmp_path, entry, ragged=True)
    named = "07: lasts 5.0 s, the median 0.3 s"
    assert f"Only models with `training.crop` can use these features:\n  - {named}" in caplog.text
    table = read_clip_table(clips)[["clip", "label"]].assign(group=range(CLIPS), samples=range(CLIPS))
    write_csv(tmp_path / "measures.csv", table)
    write_csv(tmp_path / "split.csv", table.assign(fold1=["train", "val", "test", "train"] * 5))
    inputs = Inputs(files, split=str(tmp_path / "split.csv"), measures=str(tmp_path / "measures.csv"))
    run = Run("own", "cnn", 1, 1, "nested", {"family": "cnn", "training": training(epochs=1)}, entry)
    with pytest.raises(InputError, match=r"(?s)Set `training\.crop` \(s\) of the model, or `duration` .*" + named):
        read_fold(run, inputs)
    run.recipe["training"]["crop"] = 0.2
    assert read_fold(run, inputs).parts["train"].shape == (12, 21)
    monkeypatch.setattr(description, "LARGEST", 251)
    with pytest.raises(InputError, match=r"12 × 21 = 252 values; a model takes at most 251\. Set `training\.crop`"):
        read_fold(run, inputs)
