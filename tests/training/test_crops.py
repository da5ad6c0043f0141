"""Training on random crops of long clips, and the windows on which these are tested."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from helpers.library import configuration
from helpers.trainers import CLASSES, fit, trainer
from soundbench.core.errors import InputError
from soundbench.features.crops import Crop, crop_frames
from soundbench.features.normalisation import Normalisation
from soundbench.features.settings import hop_samples
from soundbench.inference.windows import cut
from soundbench.tasks.single_label import SingleLabel
from soundbench.training.batches import load_examples
from soundbench.training.checkpoints import Checkpoint, Stopped
from soundbench.training.examples import Examples
from soundbench.training.trainer import Trainer

CPU = torch.device("cpu")
PLAIN = Normalisation(0, 1)


def counting(frames: list[int], crop: int | Crop | None, longest: int = 60) -> Examples:
    """Clips whose values are the number of their frame, the first clip's from 1, the second one's from 101, …"""
    array = np.full((len(frames), 2, longest), -1, np.float16)
    for row, own in enumerate(frames):
        array[row, :, :own] = 100 * row + 1 + np.arange(own)
    targets = torch.arange(len(frames)) % CLASSES
    whole = np.arange(len(frames))
    crops = Crop(crop) if isinstance(crop, int) else crop
    return Examples((array,), np.zeros(len(frames), dtype=int), whole, targets, crops, crops and np.array(frames))


@pytest.mark.parametrize("frames", [1, 5, 9, 10, 13, 17, 18, 50])
def test_windows_of_stored_clips_begin_where_those_of_recordings_do(frames: int) -> None:
    length, hop = 9, 4
    filled = hop * (length - 1)
    recording = np.zeros(hop * (frames - 1))
    starts = [start for start, _ in cut([recording], filled, filled + hop - 1, overlap=0.5)]
    assert [hop * start for start in Crop(length).window_starts(frames)] == starts


@pytest.mark.parametrize(
    ("front_end", "seconds", "frames"), [("logmel", 1.0, 51), ("ast", 1.0, 98), ("ast", 0.01, 1), ("whisper", 30, 3000)]
)
def test_crop_frames_fill_the_seconds(front_end: str, seconds: float, frames: int) -> None:
    settings = {"front_end": front_end, "sample_rate": 16000, "hop_length": 320}
    assert crop_frames(seconds, settings) == frames
    assert hop_samples(settings) * (frames - 1) <= seconds * 16000


def test_random_crops_lie_in_the_clip_and_are_drawn_by_the_generator() -> None:
    examples = counting([60, 25, 10], crop=20)
    chosen = torch.arange(3).repeat(200)
    starts = examples.random_starts(chosen, torch.Generator().manual_seed(1))
    assert starts is not None
    again = examples.random_starts(chosen, torch.Generator().manual_seed(1))
    assert np.array_equal(starts, again)
    by_clip = starts.reshape(200, 3)
    assert (by_clip.min(axis=0) == 0).all()
    assert by_clip.max(axis=0).tolist() == [40, 5, 0]
    features, _ = examples.batch(chosen, PLAIN, CPU, starts)
    assert features.shape == (600, 1, 2, 20)
    assert torch.equal(features[:3, 0, 0, 0], torch.tensor([1.0 + starts[0], 101 + starts[1], 201]))
    assert torch.equal(features[2, 0, 0], torch.cat([torch.arange(201.0, 211), -torch.ones(10)]))  # padded as stored


def test_a_crop_longer_than_every_clip_is_padded_with_the_quietest_value() -> None:
    features = counting([5, 3], crop=8, longest=5).features(np.arange(2))
    assert features[1, 0].tolist() == [101, 102, 103, -1, -1, -1, -1, -1]


def test_values_are_averaged_over_the_windows_of_each_clip() -> None:
    examples = counting([60, 25, 10], crop=21)
    owners, starts = examples.windows
    assert [starts[owners == clip].tolist() for clip in range(3)] == [[0, 10, 20, 30, 39], [0, 4], [0]]
    batches = [features[:, 0, 0, :1] for features, _ in examples.window_batches(2, PLAIN, CPU)]
    assert max(map(len, batches)) == 2
    means = examples.mean_over_windows(torch.cat(batches))
    assert means[:, 0].tolist() == pytest.approx([1 + 99 / 5, 103, 201])
    assert len(examples.beginnings().windows[0]) == 3


def test_windows_overlap_as_set() -> None:
    assert Crop(21, overlap=0.75).window_starts(60) == [0, 5, 10, 15, 20, 25, 30, 35, 39]
    assert Crop(21, overlap=0).window_starts(60) == [0, 20, 39]
    examples = counting([60], Crop(21, overlap=0.75))
    assert len(examples.windows[0]) == 9


def test_quiet_crops_are_not_drawn() -> None:
    array = np.full((2, 4, 100), -60, np.float16)
    array[0, :, 70:80] = 0  # one loud event; the second clip is equally loud throughout
    targets = torch.zeros(2, dtype=torch.long)
    whole = np.arange(2)
    examples = Examples(
        (array,), np.zeros(2, int), whole, targets, Crop(20, level=-6, decibel=1.0), np.array([100, 100])
    )
    chosen = torch.arange(2).repeat(400)
    starts = examples.random_starts(chosen, torch.Generator().manual_seed(1))
    assert starts is not None
    by_clip = starts.reshape(400, 2)
    # The power of the clip is 10 / 100 of the event's, so that a crop needs 20 × 0.1 / 4 = 0.5 frames of it.
    assert (by_clip[:, 0].min(), by_clip[:, 0].max()) == (51, 79)
    assert (by_clip[:, 1].min(), by_clip[:, 1].max()) == (0, 80)
    half = replace(examples, arrays=(array / 2,), crop=Crop(20, level=-6, decibel=0.5))
    assert np.array_equal(half.random_starts(chosen, torch.Generator().manual_seed(1)), starts)


def test_the_loudest_crop_remains_if_all_are_too_quiet() -> None:
    features = np.full((2, 30), -60.0)
    features[:, 0] = features[:, 29] = 0
    assert Crop(20, level=0, decibel=1.0).training_starts(features).tolist() == [0]


@pytest.mark.parametrize(("features", "training", "problem"), [
    ("logmel64", {"crop_level": -6}, "models.own.training.crop_level: has no effect without crop"),
    ("mfcc20", {"crop": 1, "crop_level": -6}, "models.own.training.crop_level: needs features on a logarithmic scale"),
    ("logmel64", {"crop": 1, "crop_level": 3}, "models.own.training.crop_level"),
    ("logmel64", {"crop_padding": 0.5}, "models.own.training.crop_padding: has no effect without crop"),
    ("logmel64", {"crop": 1, "crop_level": -6, "crop_padding": 0.5}, "models.own.training.crop_padding: adds silence"),
])  # fmt: skip
def test_impossible_crops_are_refused(features: str, training: dict[str, Any], problem: str) -> None:
    own = {"family": "cnn", "features": features, "training": {"epochs": 1} | training}
    with pytest.raises(InputError, match=problem):
        configuration(models={"own": own})


def test_without_crops_a_clip_is_its_own_window() -> None:
    examples = counting([60, 25], crop=None)
    assert examples.random_starts(torch.arange(2), torch.Generator()) is None
    features = torch.cat([features for features, _ in examples.window_batches(1, PLAIN, CPU)])
    assert torch.equal(features, examples.batch(torch.arange(2), PLAIN, CPU)[0])


def test_statistics_leave_out_the_padding_to_the_longest_clip() -> None:
    found = counting([60, 5], crop=10).normalisation()
    values = np.concatenate([np.arange(1, 61), np.arange(101, 106), -np.ones(5)])
    assert (found.mean, found.std) == (pytest.approx(values.mean()), pytest.approx(values.std()))


def test_true_frames_come_from_the_index(tmp_path: Path) -> None:
    np.save(tmp_path / "features.npy", np.zeros((3, 2, 40), np.float16))
    index = pd.DataFrame({"clip": ["a", "b", "c"], "row": [2, 0, 1], "frames": [40, 10, 30]})
    clips = pd.DataFrame({"clip": ["c", "a"], "label": ["x", "y"]})
    examples = load_examples(tmp_path / "features.npy", index, clips, SingleLabel(["x", "y"]), Crop(20))
    assert examples.frames is not None
    assert examples.frames.tolist() == [30, 40]
    assert examples.shape == (2, 20)


def long_trainer(**settings: Any) -> Trainer:
    """A training on crops of 20 frames of clips of 20 to 50."""
    one = trainer(**settings)
    for role, part in one.parts.items():
        array = np.concatenate([part.arrays[0]] * 3, axis=2)[:, :, :50]
        frames = np.arange(len(part)) % 31 + 20
        one.parts[role] = replace(part, arrays=(array,), crop=Crop(20), frames=frames)
    return one


def test_training_on_crops_resumes_exactly(tmp_path: Path) -> None:
    whole = fit(long_trainer(augment={"roll": 1.0}), tmp_path)
    stopped = long_trainer(augment={"roll": 1.0})
    steps = iter([False] * 4 + [True])
    with pytest.raises(Stopped):
        stopped.fit(Checkpoint(tmp_path / "checkpoint.pt", "", 1e9), lambda: next(steps), lambda row: None)
    resumed = long_trainer(augment={"roll": 1.0})
    state = Checkpoint(tmp_path / "checkpoint.pt", "", 1e9).load()
    assert state is not None
    resumed.resume(state)
    fit(resumed, tmp_path)
    assert resumed.progress.history == whole.progress.history
    for name, value in whole.progress.weights.items():
        assert torch.equal(value, resumed.progress.weights[name]), name


def test_each_epoch_has_other_crops(tmp_path: Path) -> None:
    one = long_trainer(epochs=2)
    seen: list[np.ndarray] = []
    draw = Examples.random_starts

    def recorded(examples: Examples, chosen: torch.Tensor, generator: torch.Generator) -> np.ndarray | None:
        starts = draw(examples, chosen, generator)
        assert starts is not None
        seen.append(starts[chosen.argsort().numpy()])
        return starts

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Examples, "random_starts", recorded)
        fit(one, tmp_path)
    first, second = np.concatenate(seen[:3]), np.concatenate(seen[3:])
    assert len(first) == len(second) == 24
    assert not np.array_equal(first, second)


def test_validation_averages_the_windows_of_a_clip(tmp_path: Path) -> None:
    one = long_trainer()
    part = one.parts["val"]
    network = one.average.network.eval()
    with torch.inference_mode():
        losses = []
        for clip in range(len(part)):
            starts = Crop(20).window_starts(int(part.frames[clip]))
            windows = np.stack([part.arrays[0][clip, :, start : start + 20] for start in starts])
            values = one.normalise(torch.from_numpy(windows).float()).unsqueeze(1)
            outputs = network(values).mean(dim=0, keepdim=True)
            losses.append(nn.functional.cross_entropy(outputs, part.targets[clip : clip + 1]).item())
    assert one.validate()["val_loss"] == pytest.approx(np.mean(losses), rel=1e-5)


@pytest.mark.parametrize(("silence", "before"), [(None, 1), (0.0, 0)])
def test_padded_crops_begin_before_the_clip_and_end_after_it(silence: float | None, before: float) -> None:
    examples = counting([60, 10], Crop(20, padding=10, silence=silence))
    chosen = torch.arange(2).repeat(400)
    starts = examples.random_starts(chosen, torch.Generator().manual_seed(1))
    assert starts is not None
    by_clip = starts.reshape(400, 2)
    assert by_clip.min(axis=0).tolist() == [-10, -10]
    assert by_clip.max(axis=0).tolist() == [50, 0]
    first = examples.features(np.array([0]), np.array([-8]))[0, 0]
    assert first.tolist() == [*[before] * 8, *range(1, 13)]
    last = examples.features(np.array([0]), np.array([50]))[0, 0]
    assert last.tolist() == [*range(51, 61), *[51] * 10]
    assert examples.windows[1].tolist() == [*Crop(20).window_starts(60), 0], "tests have no padding"
