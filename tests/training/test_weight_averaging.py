"""Averages of weights and of predictions: their values, the statistics of batch norms, what is validated and saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.optim.swa_utils import update_bn

from helpers.library import training
from helpers.trainers import convolutions, fit, linear, trainer
from soundbench.features.normalisation import Normalisation
from soundbench.models.families.linear import Standardise
from soundbench.models.mean_outputs import MeanOutputs
from soundbench.models.registry import build_model
from soundbench.training.weight_averaging import ExponentialAverage, StochasticAverage, measure_batch_norms

MEASURED = {"batch_norm": "measured"}
SWA = {"average": "swa", "swa_from": 0.5, "keep": "last", "epochs": 4}
PREDICTIONS = {"average": "predictions", "checkpoints": 3, "keep": "last", "epochs": 4}


def weights(network: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def test_moving_average_by_hand(tmp_path: Path) -> None:
    """Weights and running statistics; the decay rises to 0.4 with the third update."""
    one, seen = trainer(average="ema", ema_decay=0.4, keep="last"), []
    fit(one, tmp_path, stopping=lambda: bool(seen.append(weights(one.network))))
    expected = seen[0]
    for update, state in enumerate(seen[1:], start=1):
        decay = min(0.4, (1 + update) / (10 + update))
        expected = {name: decay * expected[name] + (1 - decay) * value for name, value in state.items()}
    assert len(seen) == 9
    for name, value in one.progress.weights.items():
        if value.is_floating_point():
            assert torch.allclose(value, expected[name], atol=1e-6), name
        else:
            assert torch.equal(value, seen[-1][name]), name
    assert not torch.allclose(one.progress.weights["classifier.weight"], seen[-1]["classifier.weight"], atol=1e-4)


def test_moving_average_does_not_wait_for_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of updates stays on the CPU: a copy to a GPU, or back, waits for the step."""
    average = ExponentialAverage(convolutions(), training())
    monkeypatch.setattr(average.average.n_averaged, "to", lambda *_: pytest.fail("copied"), raising=False)
    for _ in range(3):
        average.after_step()
    assert average.average.n_averaged == 3


@pytest.mark.parametrize(("changes", "last"), [({}, 2), ({"checkpoints": 3}, 3), ({"checkpoints": 1}, 1)])
def test_mean_of_the_last_epochs(tmp_path: Path, changes: dict[str, Any], last: int) -> None:
    one, ends = trainer(linear, **SWA | changes), []
    fit(one, tmp_path, record=lambda _: ends.append(weights(one.network)))
    for name, value in one.progress.weights.items():
        assert torch.allclose(value, sum(end[name] for end in ends[-last:]) / last, atol=1e-6), name
    assert one.progress.kept_epoch == 4


@pytest.mark.parametrize(("share", "epochs", "first"), [(0.7, 90, 64), (0.75, 30, 23), (0.0, 5, 1)])
def test_share_of_the_epochs_is_not_rounded_down_by_a_digit(share: float, epochs: int, first: int) -> None:
    average = StochasticAverage(linear(), training(epochs=epochs, swa_from=share))
    counted = []
    for epoch in range(1, epochs + 1):
        average.after_epoch(epoch)
        counted.append(int(average.average.n_averaged))
    assert counted.index(1) + 1 == first


def test_mean_of_the_predictions_of_the_last_epochs(tmp_path: Path) -> None:
    """The outputs of the networks at the end of each epoch, by hand; before them, the trained network is validated."""
    one = trainer(convolutions, **PREDICTIONS)
    ends: list[dict[str, torch.Tensor]] = []
    fit(one, tmp_path, record=lambda _: ends.append(weights(one.network)))
    features, classes = one.parts["val"].batch(torch.arange(24), Normalisation(-19, 6), one.device)
    outputs = []
    for end in ends:
        network = convolutions().eval()
        network.load_state_dict(end)
        outputs.append(network(features))
    averaged = MeanOutputs.of_state(convolutions(), one.progress.weights).eval()
    averaged.load_state_dict(one.progress.weights)
    assert len(averaged.members) == 3
    assert torch.allclose(averaged(features), (outputs[1] + outputs[2] + outputs[3]) / 3, atol=1e-6)
    expected = [outputs[0], outputs[1], (outputs[1] + outputs[2]) / 2, averaged(features)]
    validated = [row["val_loss"] for row in one.progress.history]
    assert validated == pytest.approx([cross_entropy(each, classes).item() for each in expected], rel=1e-5)


@pytest.mark.parametrize("settings", [SWA, MEASURED, MEASURED | {"average": "ema"}], ids=["swa", "none", "ema"])
@pytest.mark.parametrize("validated", [True, False])
def test_batch_norms_are_measured_anew_on_unchanged_training_clips(
    tmp_path: Path, settings: dict[str, Any], validated: bool
) -> None:
    def first_a_norm() -> nn.Module:
        return nn.Sequential(nn.BatchNorm2d(1), linear())

    one = fit(trainer(first_a_norm, validated=validated, **settings, augment={"gain": 30}), tmp_path)
    features, _ = one.parts["train"].batch(torch.arange(24), Normalisation(-19, 6), one.device)
    assert one.progress.weights["0.running_mean"].item() == pytest.approx(features.mean().item(), abs=1e-5)


def test_clips_that_are_sorted_by_label_do_not_understate_the_variance(tmp_path: Path) -> None:
    """Batches of one class would hold nothing of the variance between classes."""
    one = trainer(lambda: nn.Sequential(nn.BatchNorm2d(1), linear()), **MEASURED)
    array = one.parts["train"].arrays[0]
    array[:] = np.random.default_rng(0).normal(0, 0.1, array.shape)
    array[12:] += 40
    fit(one, tmp_path)
    features, _ = one.parts["train"].batch(torch.arange(24), Normalisation(-19, 6), one.device)
    assert one.progress.weights["0.running_var"].item() > 0.6 * features.var().item()


def test_running_statistics_lag_behind(tmp_path: Path) -> None:
    one = fit(trainer(convolutions), tmp_path)
    before = one.validate()["val_loss"]
    features, _ = one.parts["train"].batch(torch.arange(24), Normalisation(-19, 6), one.device)
    measure_batch_norms(one.network, [features])
    assert one.validate()["val_loss"] < before


def test_batch_norms_are_measured_as_torch_does() -> None:
    batches = [torch.randn(6, 1, 16, 20) + 2 for _ in range(3)]
    recipe = {"family": "cnn", "width": 4, "blocks": 2, "convolutions": 1, "dropout": 0.0}
    ours, theirs = (build_model(recipe, 3, (16, 20)) for _ in "ab")
    theirs.load_state_dict(ours.state_dict())
    measure_batch_norms(ours, batches)
    update_bn(batches, theirs)
    for name, value in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[name], value), name
    assert not any(module.training for module in ours.modules())
    assert [module.momentum for module in ours.modules() if isinstance(module, nn.BatchNorm2d)] == [0.1, 0.1]


def test_batch_norms_that_could_not_be_measured_train_on_as_before() -> None:
    network = convolutions()
    with pytest.raises(RuntimeError):
        measure_batch_norms(network, [torch.randn(4, 7, 16, 20)])
    assert [module.momentum for module in network.modules() if isinstance(module, nn.BatchNorm2d)] == [0.1, 0.1]


def test_frozen_batch_norms_do_not_change() -> None:
    network = nn.Sequential(nn.BatchNorm2d(1).requires_grad_(False), nn.BatchNorm2d(1))
    measure_batch_norms(network, [torch.randn(4, 1, 5, 5) + 3])
    assert network[0].running_mean.item() == 0
    assert network[1].running_mean.item() == pytest.approx(3, abs=0.5)


def probe(family: str) -> nn.Module:
    """A probe that was trained before, on values around 50."""
    options = {"dropout": 0.0} | ({"hidden": 4} if family == "mlp" else {})
    network = build_model({"family": family, **options}, 3, (16, 20))
    network(50 + torch.randn(8, 1, 16, 20))
    return network


def standardise(network: nn.Module) -> Standardise:
    return next(module for module in network.modules() if isinstance(module, Standardise))


@pytest.mark.parametrize("family", ["linear", "mlp"])
def test_fine_tuning_standardises_by_its_own_clips(family: str, tmp_path: Path) -> None:
    one = fit(trainer(lambda: probe(family)), tmp_path)
    statistics = standardise(one.network)
    assert statistics.num_batches_tracked == 3 * 3
    features, _ = one.parts["train"].batch(torch.arange(24), Normalisation(-19, 6), one.device)
    assert torch.allclose(statistics.running_mean, features.flatten(1).mean(dim=0), atol=1e-3)


@pytest.mark.parametrize("settings", [{}, MEASURED], ids=["running", "measured"])
def test_frozen_standardisation_stays(settings: dict[str, Any], tmp_path: Path) -> None:
    one = trainer(lambda: probe("mlp"), trainable="head", **settings)
    before = weights(standardise(one.network))
    fit(one, tmp_path)
    for name, value in standardise(one.network).state_dict().items():
        assert torch.equal(value, before[name]), name
    assert before["running_mean"].mean() > 49


@pytest.mark.parametrize("settings", [SWA, {"average": "ema", "ema_decay": 0.9}, MEASURED, {"average": "none"}])
def test_the_validated_network_is_saved(tmp_path: Path, settings: dict[str, Any]) -> None:
    one = fit(trainer(**settings), tmp_path)
    network = convolutions().eval()
    network.load_state_dict(one.progress.weights)
    features, classes = one.parts["val"].batch(torch.arange(24), Normalisation(-19, 6), one.device)
    loss = cross_entropy(network(features), classes).item()
    assert one.progress.history[one.progress.kept_epoch - 1]["val_loss"] == pytest.approx(loss, rel=1e-5)
