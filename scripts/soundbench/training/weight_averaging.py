"""Averages of a network's weights over its training, by name: what is validated, and saved, in the network's place."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim.swa_utils import AveragedModel

Settings = dict[str, Any]


@torch.no_grad()
def measure_batch_norms(network: nn.Module, batches: Iterable[torch.Tensor]) -> None:
    """Set the statistics of a network's batch norms to the means over ``batches``; then it is ready to predict.

    As torch's ``update_bn``, but dropout is off, as it is in prediction, and frozen batch norms stay as they are.
    """
    norms = [
        module
        for module in network.eval().modules()
        if isinstance(module, _BatchNorm) and all(p.requires_grad for p in module.parameters())
    ]
    if not norms:
        return
    usual = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # torch's sign for the plain mean over batches
        norm.train()
    try:
        for features in batches:
            network(features)
    finally:
        for norm, momentum in zip(norms, usual, strict=True):
            norm.momentum = momentum
            norm.eval()


class NoAverage:
    """The network as it is."""

    def __init__(self, network: nn.Module, settings: Settings) -> None:
        self.trained, self.settings = network, settings

    @property
    def network(self) -> nn.Module:
        """What is validated and saved."""
        return self.trained

    @property
    def measured(self) -> bool:
        """Whether the network's batch norms have to be measured before it predicts."""
        return self.settings["batch_norm"] == "measured"

    def after_step(self) -> None:
        """The optimiser has made a step."""

    def after_epoch(self, epoch: int) -> None:
        """An epoch has ended, the first being 1."""

    def state_dict(self) -> dict[str, Any]:
        """What :meth:`load_state_dict` goes on from."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""


class _Averaged(NoAverage):
    """An :class:`AveragedModel`, which takes the network's place from its first update on."""

    average: AveragedModel

    @property
    def network(self) -> nn.Module:
        return self.average.module if self.average.n_averaged else self.trained

    def state_dict(self) -> dict[str, Any]:
        return self.average.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.average.load_state_dict(state)


class ExponentialAverage(_Averaged):
    """Exponential moving average over steps (B. Polyak and A. Juditsky, 1992, with forgetting).

    The running statistics of batch norms, moving averages themselves, are averaged like the weights, as in timm;
    to measure them anew after every epoch would cost a third of the training time. The decay rises to ``ema_decay``
    as in TensorFlow, so that the first steps of a short training are forgotten.
    """

    def __init__(self, network: nn.Module, settings: Settings) -> None:
        super().__init__(network, settings)
        self.average = AveragedModel(network, multi_avg_fn=self._blend, use_buffers=True)

    def after_step(self) -> None:
        self.average.update_parameters(self.trained)

    @torch.no_grad()
    def _blend(self, averaged: list[torch.Tensor], current: list[torch.Tensor], updates: torch.Tensor) -> None:
        decay = min(self.settings["ema_decay"], (1 + int(updates)) / (10 + int(updates)))
        if averaged[0].is_floating_point():
            torch._foreach_lerp_(averaged, current, 1 - decay)
        else:  # counts of batches
            torch._foreach_copy_(averaged, current)


class StochasticAverage(_Averaged):
    """The mean of the weights after each of the last epochs (P. Izmailov et al., "Averaging weights leads to wider
    optima and better generalization", UAI 2018).

    Its batch norms are measured in any case: no batch has passed through these weights.
    """

    def __init__(self, network: nn.Module, settings: Settings) -> None:
        super().__init__(network, settings)
        self.average = AveragedModel(network)

    @property
    def measured(self) -> bool:
        return bool(self.average.n_averaged) or super().measured

    def after_epoch(self, epoch: int) -> None:
        if epoch > int(self.settings["swa_from"] * self.settings["epochs"]):
            self.average.update_parameters(self.trained)


AVERAGES: dict[str, Callable[[nn.Module, Settings], NoAverage]] = {
    "none": NoAverage,
    "ema": ExponentialAverage,
    "swa": StochasticAverage,
}
