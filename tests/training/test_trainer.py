"""The training job: its inputs, when it stops, what it keeps, and that it is repeatable."""

from __future__ import annotations

import json
import platform
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from helpers.runs import RUN, TRAINING
from soundbench.core.devices import uses_bfloat16
from soundbench.core.errors import InputError
from soundbench.features.files import FeatureFiles
from soundbench.training.inputs import Inputs
from soundbench.training.job import train_model
from soundbench.training.progress import Progress
from soundbench.training.run import Execution, Outputs, Run


def run(**settings: Any) -> Run:
    return replace(RUN, recipe=RUN.recipe | {"training": TRAINING | settings})


def train(folder: Path, what: Run, name: str = "run", split: str = "nested") -> Path:
    """Train and return the folder of the run."""
    out = folder / name
    features = FeatureFiles(str(folder / "features.npy"), str(folder / "index.csv"))
    inputs = Inputs(features, str(folder / f"{split}.csv"), str(folder / "measures.csv"))
    train_model(what, inputs, Outputs(out), Execution(1, 60))
    return out


def test_a_run_learns_and_leaves_its_records(made_up: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    out = train(made_up, run(epochs=8))
    assert caplog.messages[0].endswith(f"trains on cpu ({platform.machine()})")
    history = pd.read_csv(out / "history.csv")
    assert len(history) == 8
    assert history["val_accuracy"].iloc[-1] > 0.75
    description = json.loads((out / "model.json").read_text())
    assert description["labels"] == ["high", "low"]
    assert description["best_epoch"] == history["val_loss"].idxmin() + 1
    assert description["measured"]["train_seconds"] > 0
    assert 100 < description["measured"]["megabytes"] < 100_000  # torch alone takes more than the first
    assert list((out / "tensorboard").glob("events.*"))


def test_same_seed_same_bytes_and_another_seed_others(made_up: Path) -> None:
    weights = [
        (train(made_up, replace(RUN, seed=seed), name) / "model.safetensors").read_bytes()
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    ]
    assert weights[0] == weights[1] != weights[2]


def test_normalisation_uses_training_clips_only(made_up: Path) -> None:
    features = np.load(made_up / "features.npy")
    description = json.loads((train(made_up, run(epochs=1)) / "model.json").read_text())
    trained = features[:20].astype(np.float64)
    assert description["normalisation"] == pytest.approx({"mean": trained.mean(), "std": trained.std()})


def test_test_clips_change_nothing(made_up: Path) -> None:
    before = (train(made_up, RUN, "before") / "model.safetensors").read_bytes()
    features = np.load(made_up / "features.npy")
    features[30:] = 99
    np.save(made_up / "features.npy", features)
    assert (train(made_up, RUN, "after") / "model.safetensors").read_bytes() == before


def test_literature_protocol_keeps_the_last_epoch_and_trains_on_all_other_folds(made_up: Path) -> None:
    out = train(made_up, run(epochs=3), split="literature")
    assert "val_loss" not in pd.read_csv(out / "history.csv")
    assert json.loads((out / "model.json").read_text())["best_epoch"] == 3


def test_patience_ends_training_and_the_best_weights_are_saved(made_up: Path) -> None:
    """A rate that soon spoils the network: training stops early, and what is saved is the best epoch's."""
    out = train(made_up, run(epochs=30, patience=3, learning_rate=0.5, schedule="constant", optimizer="sgd"))
    history = pd.read_csv(out / "history.csv")
    description = json.loads((out / "model.json").read_text())
    assert len(history) < 30
    assert description["best_epoch"] == history["val_loss"].idxmin() + 1 == len(history) - 3


@pytest.mark.parametrize(("keep", "kept"), [("best", 1), ("last", 2)])
def test_kept_weights_are_a_copy_of_the_best_or_the_last(keep: str, kept: int) -> None:
    network, progress, weights = nn.Linear(2, 1), Progress(), []
    for loss in (1.0, 2.0):
        progress.record({"val_loss": loss}, network, keep)
        weights.append(network.weight.detach().clone())
        with torch.no_grad():
            network.weight.add_(1)
    assert torch.equal(progress.weights["weight"], weights[kept - 1])
    assert (progress.best_epoch, progress.kept_epoch) == (1, kept)


def test_the_last_weights_can_be_kept_where_patience_ends_training(made_up: Path) -> None:
    settings = {"epochs": 30, "patience": 3, "learning_rate": 0.5, "schedule": "constant", "optimizer": "sgd"}
    best = train(made_up, run(**settings), "best")
    last = train(made_up, run(**settings, keep="last"), "last")
    assert (best / "history.csv").read_bytes() == (last / "history.csv").read_bytes()
    assert (best / "model.safetensors").read_bytes() != (last / "model.safetensors").read_bytes()
    description = json.loads((last / "model.json").read_text())
    assert description["kept_epoch"] == description["epochs"] == description["best_epoch"] + 3


def test_bfloat16_trains_to_float32_weights(made_up: Path) -> None:
    weights = load_file(train(made_up, run(precision="bf16", epochs=8)) / "model.safetensors")
    assert {value.dtype for value in weights.values()} <= {torch.float32, torch.int64}


def test_diverging_loss_is_an_error_that_says_what_may_help(made_up: Path) -> None:
    with pytest.raises(InputError, match="lower learning_rate"):
        train(made_up, run(learning_rate=1e30, optimizer="sgd", schedule="constant"))
    assert not (made_up / "run" / "model.safetensors").exists()


def test_precision_names(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu = torch.device("cpu")
    assert uses_bfloat16("bf16", cpu)
    assert not uses_bfloat16("float32", cpu)
    assert uses_bfloat16("auto", cpu) == torch.cpu._is_avx512_bf16_supported()
    # A GPU without instructions for bfloat16 emulates them.
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation)
    assert not uses_bfloat16("auto", torch.device("cuda"))


def test_chosen_precision_is_recorded_and_other_hardware_does_not_resume(
    made_up: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marks = []
    for supported in (False, True):
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda answer=supported: answer)
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda answer=supported, **_: answer)
        description = json.loads((train(made_up, run(precision="auto")) / "model.json").read_text())
        assert description["measured"]["device"].endswith(" in bf16") == supported
        marks.append(description["fingerprint"])
    assert marks[0] != marks[1]
