"""Losses and class weights against torch's own, scikit-learn's and sums by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch.nn.functional import cross_entropy, one_hot

from helpers.library import training
from soundbench.tasks.losses import CLASS_WEIGHTS, build_loss, class_weights
from soundbench.tasks.single_label import SingleLabel

CPU = torch.device("cpu")
TARGETS = torch.tensor([0] * 6 + [1] * 3 + [2])  # of the training clips
COUNTS = torch.tensor([6, 3, 1])
TASK = SingleLabel(["a", "b", "c"])
BATCH = torch.tensor([2, 0, 0, 1])


def logits() -> torch.Tensor:
    return 3 * torch.randn(4, 3, generator=torch.Generator().manual_seed(0))


def loss(targets: torch.Tensor, at: torch.Tensor | None = None, **settings: Any) -> torch.Tensor:
    return build_loss(training(epochs=1, **settings), TASK, TARGETS, CPU)(logits() if at is None else at, targets)


def test_inverse_weights_are_those_of_scikit_learn() -> None:
    weights = class_weights(training(epochs=1, class_weights="inverse"), COUNTS)
    balanced = compute_class_weight("balanced", classes=np.arange(3), y=TARGETS.numpy())
    assert weights.numpy() == pytest.approx(balanced)


def test_effective_numbers_lie_between_equal_and_inverse_weights() -> None:
    """By hand for beta 1/2: effective numbers 63/32, 7/4 and 1."""
    weights = class_weights(training(epochs=1, class_weights="effective", effective_beta=0.5), COUNTS)
    raw = torch.tensor([32 / 63, 4 / 7, 1])
    assert weights.tolist() == pytest.approx((raw * 10 / (6 * raw[0] + 3 * raw[1] + raw[2])).tolist())
    equal = class_weights(training(epochs=1, class_weights="effective", effective_beta=0), COUNTS)
    assert equal.tolist() == [1, 1, 1]
    nearly = class_weights(training(epochs=1, class_weights="effective", effective_beta=1 - 1e-9), COUNTS)
    inverse = class_weights(training(epochs=1, class_weights="inverse"), COUNTS)
    assert nearly.tolist() == pytest.approx(inverse.tolist(), rel=1e-6)


@pytest.mark.parametrize("name", sorted(set(CLASS_WEIGHTS) - {"none"}))
def test_weights_have_mean_one_over_the_clips_and_none_for_a_class_without_clips(name: str) -> None:
    weights = class_weights(training(epochs=1, class_weights=name), torch.tensor([6, 3, 1, 0]))
    assert weights[TARGETS].mean().item() == pytest.approx(1)
    assert weights[3] == 0
    assert weights[0] < weights[1] < weights[2]


def test_plain_loss_is_that_of_torch() -> None:
    assert torch.equal(loss(BATCH), cross_entropy(logits(), BATCH))
    assert torch.equal(loss(BATCH, label_smoothing=0.1), cross_entropy(logits(), BATCH, label_smoothing=0.1))


@pytest.mark.parametrize("smoothing", [0, 0.2])
def test_weighted_loss_is_the_mean_of_those_of_torch(smoothing: float) -> None:
    weights = class_weights(training(epochs=1, class_weights="inverse"), COUNTS)
    each = cross_entropy(logits(), BATCH, weights, reduction="none", label_smoothing=smoothing)
    ours = loss(BATCH, class_weights="inverse", label_smoothing=smoothing)
    assert ours.item() == pytest.approx(each.mean().item())


def test_focal_loss_by_hand() -> None:
    """Probabilities 3/4 and 1/4, both of the true class: (1/4)² · -log(3/4) and (3/4)² · -log(1/4)."""
    given = torch.tensor([[3.0, 1.0], [3.0, 1.0]]).log()
    found = build_loss(training(epochs=1, loss="focal"), SingleLabel(["a", "b"]), torch.tensor([0, 1]), CPU)(
        given, torch.tensor([0, 1])
    )
    assert found.item() == pytest.approx((0.28768207 / 16 + 1.38629436 * 9 / 16) / 2)


@pytest.mark.parametrize("smoothing", [0, 0.2])
@pytest.mark.parametrize("weights", CLASS_WEIGHTS)
def test_focal_loss_without_focus_is_the_cross_entropy(weights: str, smoothing: float) -> None:
    settings = {"class_weights": weights, "label_smoothing": smoothing}
    plain, focal = loss(BATCH, **settings), loss(BATCH, loss="focal", focal_gamma=0, **settings)
    assert focal.item() == pytest.approx(plain.item())


@pytest.mark.parametrize("smoothing", [0, 0.2])
@pytest.mark.parametrize("weights", CLASS_WEIGHTS)
@pytest.mark.parametrize("name", SingleLabel.losses)
def test_shares_of_classes_are_mixed_like_the_losses_of_the_classes(name: str, weights: str, smoothing: float) -> None:
    """Mixup's targets: every loss is linear in them, and takes a single class as its number or as a share of 1."""
    settings = {"loss": name, "class_weights": weights, "label_smoothing": smoothing}
    own, other = BATCH, BATCH.roll(1)
    assert loss(one_hot(own, 3).float(), **settings).item() == pytest.approx(loss(own, **settings).item())
    mixed = loss(0.7 * one_hot(own, 3) + 0.3 * one_hot(other, 3), **settings)
    assert mixed.item() == pytest.approx(0.7 * loss(own, **settings).item() + 0.3 * loss(other, **settings).item())


@pytest.mark.parametrize("gamma", [0, 0.5, 1, 2, 5])
def test_focal_loss_has_a_gradient_for_certain_classes(gamma: float) -> None:
    sure = torch.tensor([[200.0, 0, 0], [0, 200.0, 0]], requires_grad=True)
    loss(torch.tensor([0, 0]), at=sure, loss="focal", focal_gamma=gamma).backward()
    assert sure.grad.isfinite().all()
    assert sure.grad[1, 0] < 0
