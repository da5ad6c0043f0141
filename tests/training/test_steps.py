"""Steps of the optimiser: accumulated, clipped, computed in pieces that fit the memory, interrupted and resumed."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from helpers.trainers import EVERYTHING, TASK, examples, fit, linear, trainer
from soundbench.core.errors import InputError
from soundbench.features.normalisation import Normalisation
from soundbench.training.checkpoints import Checkpoint, Stopped
from soundbench.training.trainer import Trainer
from soundbench.training.values import predict_values


def assert_equal(one: Trainer, other: Trainer) -> None:
    assert one.progress.history == other.progress.history
    assert one.progress.weights.keys() == other.progress.weights.keys()
    for name, value in one.progress.weights.items():
        assert torch.equal(value, other.progress.weights[name]), name


def assert_near(one: Trainer, other: Trainer) -> None:
    for name, value in one.progress.weights.items():
        assert torch.allclose(value, other.progress.weights[name], atol=1e-6), name
    for row, again in zip(one.progress.history, other.progress.history, strict=True):
        assert row == pytest.approx(again, rel=1e-5)


@pytest.mark.parametrize("loss", [{}, {"loss": "focal", "class_weights": "inverse", "label_smoothing": 0.1}])
@pytest.mark.parametrize(("batch", "accumulate"), [(5, 2), (4, 3), (1, 24), (5, 100)])
def test_accumulated_batches_are_one_large_batch(
    tmp_path: Path, batch: int, accumulate: int, loss: dict[str, Any]
) -> None:
    """Also where the last step has fewer batches than the others, and the last batch fewer clips."""
    parts = fit(trainer(linear, batch_size=batch, accumulate=accumulate, **loss), tmp_path)
    whole = fit(trainer(linear, batch_size=batch * accumulate, **loss), tmp_path)
    assert_near(parts, whole)


@pytest.mark.parametrize("schedule", ["onecycle", "cosine"])
def test_history_has_the_rate_of_the_last_step_of_each_epoch(schedule: str, tmp_path: Path) -> None:
    one = trainer(schedule=schedule)
    rates: list[float] = []
    one.optimizer.register_step_pre_hook(lambda *_: rates.append(one.schedule.rate))
    fit(one, tmp_path)
    assert [row["learning_rate"] for row in one.progress.history] == rates[2::3]  # three steps per epoch


def test_gradient_is_clipped_to_its_norm(tmp_path: Path) -> None:
    def change(limit: float | None) -> float:
        """How far the first step goes: the rate × 1.9 (Nesterov) × the norm of the gradient."""
        step = {"epochs": 1, "batch_size": 24, "optimizer": "sgd", "learning_rate": 0.1, "schedule": "constant"}
        one = trainer(linear, **step, weight_decay=0, gradient_clip=limit)
        before = nn.utils.parameters_to_vector(one.network.parameters())
        fit(one, tmp_path)
        return (nn.utils.parameters_to_vector(one.network.parameters()) - before).norm().item()

    assert change(0.01) == pytest.approx(0.1 * 1.9 * 0.01, rel=1e-3)
    assert change(1e6) == pytest.approx(change(None))
    assert change(None) > 0.1 * 1.9 * 0.02


@pytest.mark.parametrize("settings", [
    {"augment": EVERYTHING, "accumulate": 2, "gradient_clip": 0.5, "batch_norm": "measured"},
    {"augment": {"mixup": 0.3}, "average": "ema", "schedule": "cosine", "warmup_epochs": 1, "optimizer": "sgd"},
    {"augment": {"roll": 1.0}, "average": "swa", "swa_from": 0.4, "keep": "last", "schedule": "step",
     "step_epochs": [2]},
    {"loss": "focal", "class_weights": "effective", "schedule": "plateau", "plateau_epochs": 1, "keep": "last"},
    {"average": "predictions", "checkpoints": 3, "keep": "last", "batch_norm": "measured"},
], ids=["accumulate", "ema", "swa", "plateau", "predictions"])  # fmt: skip
@pytest.mark.parametrize("stop", [2, 10, 12])
def test_interrupted_training_resumes_to_the_same_bits(tmp_path: Path, settings: dict[str, Any], stop: int) -> None:
    """Stopped within an epoch, after its last step, and among the averaged epochs; network with dropout."""
    settings = {"epochs": 4, "batch_size": 4} | settings
    steps = iter(range(1, 1000))
    with pytest.raises(Stopped):
        fit(trainer(**settings), tmp_path, stopping=lambda: next(steps) == stop)
    torch.manual_seed(99)
    resumed = trainer(**settings)
    resumed.resume(Checkpoint(tmp_path / "checkpoint.pt", "", 1e9).load())
    assert_equal(fit(resumed, tmp_path), fit(trainer(**settings), tmp_path))


class _Fails(torch.autograd.Function):
    """Nothing forward, and no memory backward."""

    @staticmethod
    def forward(context: Any, values: torch.Tensor) -> torch.Tensor:
        return values.clone()

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")


class Small(nn.Module):
    """Two layers on a device whose memory holds ``clips`` clips at once, forward or backward."""

    def __init__(self, clips: int, backward: bool, dropout: float) -> None:
        super().__init__()
        self.first, self.clips, self.backward = linear(dropout), clips, backward
        self.second = nn.Linear(3, 3)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        full = len(features) > self.clips
        if full and not self.backward:
            raise torch.OutOfMemoryError("CUDA out of memory")
        hidden = self.first(features)
        return self.second(_Fails.apply(hidden) if full and torch.is_grad_enabled() else hidden)


@pytest.mark.parametrize("backward", [False, True])
def test_batches_that_do_not_fit_are_halved_with_the_same_result(
    tmp_path: Path, backward: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """As with pieces of three clips from the start, dropout and augmentation included; the log says each halving."""
    settings = {"batch_size": 12, "accumulate": 2, "augment": EVERYTHING}
    small = fit(trainer(lambda: Small(3, backward, dropout=0.3), **settings), tmp_path)
    assert [
        record.getMessage().removeprefix("[test] ") for record in caplog.records if record.levelno > logging.INFO
    ] == [
        "12 clips do not fit into the device's memory; now it takes 6 at once",
        "6 clips do not fit into the device's memory; now it takes 3 at once",
    ]
    assert small.state()["microbatches"] == 3
    split = trainer(lambda: Small(3, backward, dropout=0.3), **settings)
    split.microbatches.size = 3
    assert_equal(small, fit(split, tmp_path))


def test_gradients_of_microbatches_add_up_to_that_of_the_batch(tmp_path: Path) -> None:
    settings = {"batch_size": 12, "augment": EVERYTHING, "class_weights": "inverse", "average": "swa", "keep": "last"}
    small = fit(trainer(lambda: Small(5, False, dropout=0.0), **settings), tmp_path)
    assert_near(small, fit(trainer(lambda: Small(99, False, dropout=0.0), **settings), tmp_path))


def test_size_of_pieces_is_kept_over_an_interruption() -> None:
    small = trainer(linear)
    small.microbatches.size = 2
    resumed = trainer(linear)
    resumed.resume(small.state())
    assert resumed.microbatches.size == 2


def test_single_clip_that_does_not_fit_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match="a single clip does not fit into the memory of the device: choose a smaller model"
    ):
        fit(trainer(lambda: Small(0, False, dropout=0.0)), tmp_path)


def test_batch_of_one_clip_that_a_batch_norm_refuses_is_a_clear_error(tmp_path: Path) -> None:
    def network() -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.BatchNorm1d(320), nn.Linear(320, 3))

    with pytest.raises(InputError, match="batch norms of this model: choose a batch_size of 3 or more"):
        fit(trainer(network, batch_size=1), tmp_path)


def test_predictions_are_made_in_pieces_that_fit(caplog: pytest.LogCaptureFixture) -> None:
    torch.manual_seed(0)
    network = Small(99, False, dropout=0.0).eval()
    whole = predict_values(network, examples(), Normalisation(-19, 6), TASK)
    network.clips = 7
    assert predict_values(network, examples(), Normalisation(-19, 6), TASK) == pytest.approx(whole, rel=1e-5)
    assert "predicting: 24 clips do not fit into the device's memory; now it takes 12 at once" in caplog.text


def test_validation_loss_is_the_plain_cross_entropy_for_every_training_loss() -> None:
    plain = trainer().validate()
    weighted = trainer(loss="focal", class_weights="inverse", label_smoothing=0.2, augment=EVERYTHING).validate()
    assert plain == weighted
