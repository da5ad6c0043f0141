"""Training losses and class weights, by name.

A loss is the mean over a batch of ``sum over classes of weight × target × loss of the class``. The targets are class
numbers, or shares of classes from mixup. The sum is not divided by the weights of the batch: that would reduce the
effect of the weights in a batch with several clips of one rare class. As a plain mean over clips, the loss is the same
whether a batch is computed at once or in parts.

Validation uses the first loss of the task, without class weights and label smoothing: it can be compared between
recipes, and the best epoch is chosen by a proper score.

A new loss is a function here, an entry in :data:`LOSSES`, and its name in ``losses`` of the tasks that have it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.nn import functional

from soundbench.core.errors import InputError
from soundbench.tasks.task import Task

Settings = Mapping[str, Any]
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def _none(counts: torch.Tensor, settings: Settings) -> None:
    return None


def _inverse(counts: torch.Tensor, settings: Settings) -> torch.Tensor:
    return 1 / counts


def _effective(counts: torch.Tensor, settings: Settings) -> torch.Tensor:
    """Y. Cui et al., "Class-balanced loss based on effective number of samples", CVPR 2019."""
    beta = settings["effective_beta"]
    return (1 - beta) / (1 - beta**counts)


CLASS_WEIGHTS: dict[str, Callable[[torch.Tensor, Settings], torch.Tensor | None]] = {
    "none": _none,
    "inverse": _inverse,
    "effective": _effective,
}


def class_weights(settings: Settings, counts: torch.Tensor) -> torch.Tensor | None:
    """The weight of each class, ``(classes,)`` float32; None if all classes have the same weight.

    The mean of the weights over the training clips is 1, so that the learning rate and the weight decay have the same
    effect as without weights. A class that counts no training clip has weight 0.

    Args:
        counts: the training examples of each class, ``(classes,)``. Augmented copies are included, so that classes
            which copies have balanced get equal weights.
    """
    counts = counts.double()
    weights = CLASS_WEIGHTS[settings["class_weights"]](counts, settings)
    if weights is None:
        return None
    weights = torch.where(counts > 0, weights, 0)
    return (weights * counts.sum() / (weights * counts).sum()).float()


def _cross_entropy(
    logits: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor | None, settings: Settings
) -> torch.Tensor:
    if weights is not None:
        targets = _shares(targets, logits)
    return functional.cross_entropy(logits, targets, weights, label_smoothing=settings["label_smoothing"])


def _focal(
    logits: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor | None, settings: Settings
) -> torch.Tensor:
    """T.-Y. Lin et al., "Focal loss for dense object detection", ICCV 2017: a class counts less if its probability is
    high."""
    smoothing = settings["label_smoothing"]
    shares = _shares(targets, logits) * (1 - smoothing) + smoothing / logits.shape[1]
    logs = logits.log_softmax(dim=1)
    # The minimum is above 0, because a power below 1 has no gradient at 0.
    complements = (-logs.expm1()).clamp(min=1e-12)
    losses = -shares * complements ** settings["focal_gamma"] * logs
    return (losses if weights is None else losses * weights).sum(dim=1).mean()


def _binary_cross_entropy(
    logits: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor | None, settings: Settings
) -> torch.Tensor:
    """The mean over labels too, so that the learning rate does not depend on their number."""
    return _mean_over_labels(_binary_losses(logits, targets, settings), weights)


def _binary_focal(
    logits: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor | None, settings: Settings
) -> torch.Tensor:
    """T.-Y. Lin et al., ICCV 2017, without the balance ``alpha``: a decision counts less the surer it is correct."""
    wrong = (targets - logits.sigmoid()).abs().clamp(min=1e-12)
    return _mean_over_labels(_binary_losses(logits, targets, settings) * wrong ** settings["focal_gamma"], weights)


def _binary_losses(logits: torch.Tensor, targets: torch.Tensor, settings: Settings) -> torch.Tensor:
    smoothing = settings["label_smoothing"]
    smooth = targets * (1 - smoothing) + smoothing / 2
    return functional.binary_cross_entropy_with_logits(logits, smooth, reduction="none")


def _mean_over_labels(losses: torch.Tensor, weights: torch.Tensor | None) -> torch.Tensor:
    """The mean over clips and labels; the weights of labels are scaled to a mean of 1."""
    return (losses if weights is None else losses * (weights / weights.mean())).mean()


def _mse(
    outputs: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor | None, settings: Settings
) -> torch.Tensor:
    return functional.mse_loss(outputs, targets)


def _mae(
    outputs: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor | None, settings: Settings
) -> torch.Tensor:
    return functional.l1_loss(outputs, targets)


def _ccc(
    outputs: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor | None, settings: Settings
) -> torch.Tensor:
    """1 minus the concordance correlation of a batch (F. Weninger et al., "Discriminatively trained recurrent neural
    networks for continuous dimensional emotion recognition from audio", IJCAI 2016).

    It is no mean over clips: a batch that is computed in parts has the mean of the losses of its parts.
    """
    means = (outputs.mean(dim=0), targets.mean(dim=0))
    gaps = (outputs - means[0], targets - means[1])
    spread = (gaps[0].square() + gaps[1].square()).mean(dim=0) + (means[0] - means[1]).square()
    return (1 - 2 * (gaps[0] * gaps[1]).mean(dim=0) / spread.clamp(min=1e-8)).mean()


LOSSES: dict[str, Callable[[torch.Tensor, torch.Tensor, torch.Tensor | None, Settings], torch.Tensor]] = {
    "cross_entropy": _cross_entropy,
    "focal": _focal,
    "binary_cross_entropy": _binary_cross_entropy,
    "binary_focal": _binary_focal,
    "mse": _mse,
    "mae": _mae,
    "ccc": _ccc,
}


def _shares(targets: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """Targets as shares of classes ``(batch, classes)``; targets from mixup already have this form."""
    if targets.dim() == 2:
        return targets
    return functional.one_hot(targets, logits.shape[1]).to(logits.dtype)


def build_loss(settings: Settings, task: Task, targets: torch.Tensor, device: torch.device) -> Loss:
    """The training loss of a recipe: ``(outputs, targets) -> mean over the batch``, a scalar.

    ``outputs`` are ``(batch, outputs)``; targets come from :meth:`Task.encode` or :meth:`Task.shares`.

    Args:
        targets: those of every training example, for the class weights.

    Raises:
        InputError: the task does not have the loss.
    """
    name = settings["loss"] or task.losses[0]
    if name not in task.losses:
        able = ", ".join(task.losses)
        raise InputError(f"training.loss: {name} is not a loss of the task {task.name}; choose one of {able}")
    weights = class_weights(settings, task.count(targets))
    weights = None if weights is None else weights.to(device)
    loss = LOSSES[name]
    return lambda outputs, targets: loss(outputs, targets, weights, settings)


def validation_loss(task: Task) -> Loss:
    """The first loss of a task without class weights and label smoothing, called like that of :func:`build_loss`."""
    loss = LOSSES[task.losses[0]]
    return lambda outputs, targets: loss(outputs, targets, None, {"label_smoothing": 0.0})
