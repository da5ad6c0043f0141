"""Features on the device that trains: the same batches, and the same training, as from the arrays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from helpers.trainers import examples, fit, trainer
from soundbench.features.crops import Crop
from soundbench.features.normalisation import Normalisation
from soundbench.training import device_features
from soundbench.training.examples import Examples

CPU = torch.device("cpu")
NORMALISE = Normalisation(-19, 6)


@pytest.fixture
def roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory for features on the CPU, in place of a GPU's."""
    monkeypatch.setattr(device_features, "available", lambda device: 1e9)


def several_arrays() -> Examples:
    """Clips, and copies of some of them in an array of its own, one twice."""
    clips = examples(6)
    copies = examples(3, seed=1)
    return clips + replace(copies, rows=np.array([2, 0, 2]))


@pytest.mark.usefixtures("roomy")
def test_batches_of_whole_clips_are_equal() -> None:
    stored = several_arrays()
    resident = stored.on_device(CPU)
    assert resident.resident is not None
    assert len(resident.resident.values) == 8  # the copy that two examples share is there once
    chosen = torch.tensor([8, 0, 7, 6, 5])
    for ours, theirs in zip(resident.batch(chosen, NORMALISE, CPU), stored.batch(chosen, NORMALISE, CPU), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.usefixtures("roomy")
def test_features_are_copied_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy of all of them would need as much memory as the GPU has for them."""
    stored = several_arrays()
    whole = stored.on_device(CPU)
    copied: list[int] = []
    from_numpy = torch.from_numpy
    monkeypatch.setattr(torch, "from_numpy", lambda array: (copied.append(array.nbytes), from_numpy(array))[1])
    monkeypatch.setattr(device_features, "PIECE", 1500)  # two clips
    pieces = stored.on_device(CPU)
    assert max(copied) == 2 * 16 * 20 * 2
    assert torch.equal(pieces.resident.values, whole.resident.values)


@pytest.mark.usefixtures("roomy")
def test_features_stay_where_they_are_if_the_memory_is_taken_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> torch.Tensor:
        raise torch.OutOfMemoryError

    stored = examples(4)
    monkeypatch.setattr(torch, "empty", full)
    assert stored.on_device(CPU) is stored


@pytest.mark.usefixtures("roomy")
@pytest.mark.parametrize("length", [7, 20, 30])
def test_crops_are_equal_also_beyond_the_end_of_the_array(length: int) -> None:
    stored = replace(several_arrays(), crop=Crop(length), frames=np.full(9, 20))
    chosen = torch.arange(9)
    starts = np.array([0, 3, 13, 15, 19, 2, 18, 0, 10])
    ours, _ = stored.on_device(CPU).batch(chosen, NORMALISE, CPU, starts)
    theirs, _ = stored.batch(chosen, NORMALISE, CPU, starts)
    assert torch.equal(ours, theirs)


@pytest.mark.usefixtures("roomy")
@pytest.mark.parametrize("silence", [None, -7.0])
def test_crops_that_begin_before_their_clips_are_equal(silence: float | None) -> None:
    crop = Crop(12, padding=6, silence=silence)
    stored = replace(several_arrays(), crop=crop, frames=np.full(9, 20))
    chosen = torch.arange(9)
    starts = np.array([-6, -1, 0, 3, 14, -3, 8, -2, 12])
    ours, _ = stored.on_device(CPU).batch(chosen, NORMALISE, CPU, starts)
    theirs, _ = stored.batch(chosen, NORMALISE, CPU, starts)
    assert torch.equal(ours, theirs)


@pytest.mark.usefixtures("roomy")
def test_arrays_of_several_lengths_stay_where_they_are() -> None:
    stored = examples(4) + examples(4, frames=25)
    assert stored.on_device(CPU) is stored


def test_features_that_do_not_fit_stay_where_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = examples(4)
    for memory, fits in ((stored.arrays[0].nbytes, True), (stored.arrays[0].nbytes - 1, False)):
        monkeypatch.setattr(device_features, "available", lambda device, memory=memory: memory)
        assert (stored.on_device(CPU).resident is not None) == fits


def test_a_training_has_the_same_weights_and_history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained = []
    for memory in (0, 1e9):
        monkeypatch.setattr(device_features, "available", lambda device, memory=memory: memory)
        one = trainer(augment={"gain": 6, "mixup": 0.3})
        assert (one.parts["train"].resident is not None) == bool(memory)
        trained.append(fit(one, tmp_path).progress)
    assert trained[0].history == trained[1].history
    for name, weight in trained[0].weights.items():
        assert torch.equal(weight, trained[1].weights[name])
