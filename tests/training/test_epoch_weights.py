"""The weights after every epoch: they are those of the training, and change nothing in it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from helpers.runs import RUN, TRAINING
from soundbench.core.storage import read_json
from soundbench.features.files import FeatureFiles
from soundbench.training.checkpoints import Checkpoint
from soundbench.training.epoch_weights import EpochWeights, read_epochs
from soundbench.training.inputs import Inputs
from soundbench.training.job import train_model
from soundbench.training.run import Execution, Outputs

Weights = dict[str, torch.Tensor]


def train(
    folder: Path, name: str, interval: int = 1, split: str = "nested", model: str = "cnn", **settings: Any
) -> Path:
    """Train for four epochs and return the folder of the run."""
    run = replace(RUN, model=model, recipe=RUN.recipe | {"training": TRAINING | settings})
    features = FeatureFiles(str(folder / "features.npy"), str(folder / "index.csv"))
    inputs = Inputs(features, str(folder / f"{split}.csv"), str(folder / "measures.csv"))
    out = folder / name
    train_model(run, inputs, Outputs(out, interval), Execution(1, 60))
    return out


def equal(first: Weights, second: Weights) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize(
    ("split", "settings"),
    [
        ("nested", {"keep": "best"}),
        ("literature", {"batch_norm": "measured"}),
        ("literature", {"average": "swa", "keep": "last"}),
    ],
)
def test_the_weights_of_the_kept_epoch_are_those_of_the_model(
    made_up: Path, split: str, settings: dict[str, Any]
) -> None:
    out = train(made_up, "kept", split=split, **settings)
    without = train(made_up, "without", interval=0, split=split, **settings)
    model = (out / "model.safetensors").read_bytes()
    assert (without / "model.safetensors").read_bytes() == model, "keeping them changes nothing"
    assert not (without / "epochs.zip").exists()
    epochs = dict(read_epochs(out / "epochs.zip"))
    assert list(epochs) == [1, 2, 3, 4]
    assert equal(epochs[read_json(out / "model.json")["kept_epoch"]], load_file(out / "model.safetensors"))
    assert not equal(epochs[1], epochs[2])
    assert not (out / "epochs").exists()


@pytest.mark.parametrize(
    ("model", "settings"), [("cnn/trial2", {}), ("cnn", {"average": "predictions", "checkpoints": 2, "keep": "last"})]
)
def test_nothing_is_kept_of_epochs_that_are_not_compared(made_up: Path, model: str, settings: dict[str, Any]) -> None:
    out = train(made_up, "kept", model=model, **settings)
    assert dict(read_epochs(out / "epochs.zip")) == {}
    assert not (out / "epochs").exists()


def test_a_training_without_kept_epochs_is_not_resumed(
    made_up: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    expected = dict(read_epochs(train(made_up, "whole") / "epochs.zip"))
    stopped = made_up / "stopped"
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "remove", lambda self: None)
        patch.setattr(Checkpoint, "due", lambda self: True)
        train(made_up, "stopped", interval=0)
    assert (stopped / "checkpoint.pt").exists()
    found = dict(read_epochs(train(made_up, "stopped") / "epochs.zip"))
    assert "starts again" in caplog.text
    assert all(equal(found[epoch], expected[epoch]) for epoch in range(1, 5))


def test_a_training_with_kept_epochs_is_resumed(made_up: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = dict(read_epochs(train(made_up, "whole") / "epochs.zip"))
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "remove", lambda self: None)
        patch.setattr(Checkpoint, "due", lambda self: True)
        patch.setattr(EpochWeights, "remove", lambda self: None)
        train(made_up, "stopped")
    stopped = made_up / "stopped"
    first = (stopped / "epochs" / "1.safetensors").stat().st_mtime_ns
    for name in ("model.json", "epochs.zip"):
        (stopped / name).unlink()
    monkeypatch.setattr("soundbench.training.job.restore_finished", lambda *_: False)
    monkeypatch.setattr(EpochWeights, "remove", lambda self: None)
    found = dict(read_epochs(train(made_up, "stopped") / "epochs.zip"))
    assert (stopped / "epochs" / "1.safetensors").stat().st_mtime_ns == first, "the first epoch was not trained again"
    assert all(equal(found[epoch], expected[epoch]) for epoch in range(1, 5))


def test_every_so_many_epochs_and_the_last_one_are_kept(made_up: Path) -> None:
    expected = dict(read_epochs(train(made_up, "whole") / "epochs.zip"))
    out = train(made_up, "some", interval=3)
    found = dict(read_epochs(out / "epochs.zip"))
    assert list(found) == [3, 4]
    assert all(equal(found[epoch], expected[epoch]) for epoch in found)
    assert not (out / "epochs").exists()


def test_another_interval_trains_again(made_up: Path) -> None:
    train(made_up, "run", interval=3)
    assert list(dict(read_epochs(train(made_up, "run", interval=2) / "epochs.zip"))) == [2, 4]


@pytest.mark.parametrize("interval", [1, 2, 3, 10])
def test_a_training_may_go_on_from_any_epoch(tmp_path: Path, interval: int) -> None:
    weights = EpochWeights(tmp_path, interval)
    for epoch in range(1, 8):
        weights.save(epoch, {"a": torch.ones(1)})
        assert all(weights.holds(earlier) for earlier in range(1, epoch + 1))
    assert len(list(tmp_path.iterdir())) == len(weights.kept(7))


def test_a_killed_training_goes_on_from_a_checkpoint_that_is_epochs_old(
    made_up: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    expected = dict(read_epochs(train(made_up, "whole", interval=3) / "epochs.zip"))

    def killed(self: EpochWeights, archive: Path, epochs: int) -> None:
        raise KeyboardInterrupt

    def first_of_the_second_epoch(self: Checkpoint) -> bool:
        return (self.path.parent / "epochs" / "1.safetensors").exists() and not self.path.exists()

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "due", first_of_the_second_epoch)
        patch.setattr(EpochWeights, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            train(made_up, "stopped", interval=3)
    assert not (made_up / "stopped" / "epochs" / "1.safetensors").exists()
    with caplog.at_level("INFO"):
        found = dict(read_epochs(train(made_up, "stopped", interval=3) / "epochs.zip"))
    assert "resumed after epoch 1 and 1 steps" in caplog.text
    assert all(equal(found[epoch], expected[epoch]) for epoch in (3, 4))


def test_a_training_that_keeps_no_epochs_removes_those_of_other_settings(
    made_up: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    EpochWeights(made_up / "stopped" / "epochs", 1).save(1, {"a": torch.ones(1)})

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("soundbench.training.job._finish", killed)
    with pytest.raises(KeyboardInterrupt):
        train(made_up, "stopped", interval=0)
    assert not (made_up / "stopped" / "epochs").exists(), "a later attempt would take them for its own"
