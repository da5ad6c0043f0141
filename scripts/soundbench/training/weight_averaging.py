"""Averages over the training of a network, by name: of its weights, or of its predictions. The averaged network is
validated and saved instead of the trained one."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from soundbench.models.finetuning import trained_batch_norms
from soundbench.models.mean_outputs import MeanOutputs
from soundbench.training.settings import TrainingSettings


@torch.no_grad()
def measure_batch_norms(network: nn.Module, batches: Iterable[torch.Tensor]) -> None:
    """Set the statistics of a network's batch norms to the means over ``batches``; the network is then ready to
    predict.

    This is torch's ``update_bn``, except that dropout is off, as in prediction, and frozen batch norms do not change.
    """
    norms = trained_batch_norms(network.eval())
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # for torch this means the plain mean over batches
        norm.train()
    try:
        for features in batches:
            network(features)
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
            norm.eval()


class NoAverage:
    """No average: the trained network itself."""

    def __init__(self, network: nn.Module, settings: TrainingSettings) -> None:
        self.trained = network
        self.settings = settings

    @property
    def network(self) -> nn.Module:
        """The network that is validated and saved."""
        return self.trained

    @property
    def measured(self) -> bool:
        """Whether the network's batch norms must be measured before it predicts."""
        return self.settings["batch_norm"] == "measured"

    def after_step(self) -> None:
        """Update the average after a step of the optimiser."""

    def after_epoch(self, epoch: int) -> None:
        """Update the average after an epoch; the first epoch is 1."""

    def state_dict(self) -> dict[str, Any]:
        """The state that :meth:`load_state_dict` restores."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a saved state."""


class _Averaged(NoAverage):
    """An :class:`AveragedModel`, which replaces the trained network after its first update."""

    average: AveragedModel

    @property
    def network(self) -> nn.Module:
        return self.average.module if self.average.n_averaged else self.trained

    def state_dict(self) -> dict[str, Any]:
        return self.average.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.average.load_state_dict(state)


class ExponentialAverage(_Averaged):
    """The exponential moving average over steps (B. Polyak and A. Juditsky, 1992, with decay).

    The running statistics of batch norms are averaged like the weights, as in timm; measuring them after every epoch
    would cost a third of the training time. The decay rises to ``ema_decay`` as in TensorFlow, so that the first steps
    of a short training lose their weight.
    """

    def __init__(self, network: nn.Module, settings: TrainingSettings) -> None:
        super().__init__(network, settings)
        self.average = AveragedModel(network, use_buffers=True)

    @torch.no_grad()
    def after_step(self) -> None:
        """As torch's ``update_parameters``, which copies the number of updates to a GPU and so waits for each step."""
        updates = int(self.average.n_averaged)
        if not updates:
            self.average.update_parameters(self.trained)  # a copy
            return
        decay = min(self.settings["ema_decay"], (1 + updates) / (10 + updates))
        pairs = list(zip(_tensors(self.average.module), _tensors(self.trained), strict=True))
        values = [pair for pair in pairs if pair[0].is_floating_point()]
        counts = [pair for pair in pairs if not pair[0].is_floating_point()]  # of batches
        torch._foreach_lerp_([own for own, _ in values], [latest for _, latest in values], 1 - decay)
        if counts:
            torch._foreach_copy_([own for own, _ in counts], [latest for _, latest in counts])
        self.average.n_averaged += 1


def _tensors(network: nn.Module) -> Iterator[torch.Tensor]:
    return chain(network.parameters(), network.buffers())


class StochasticAverage(_Averaged):
    """The mean of the weights after each of the last epochs (P. Izmailov et al., "Averaging weights leads to wider
    optima and better generalization", UAI 2018).

    Its batch norms are always measured, because no batch was computed with these weights.
    """

    def __init__(self, network: nn.Module, settings: TrainingSettings) -> None:
        super().__init__(network, settings)
        self.average = AveragedModel(network)

    @property
    def measured(self) -> bool:
        return bool(self.average.n_averaged) or super().measured

    def after_epoch(self, epoch: int) -> None:
        epochs = self.settings["epochs"]
        last = self.settings["checkpoints"]
        # Without rounding, 0.7 × 90 is less than 63.
        if epoch > (int(round(self.settings["swa_from"] * epochs, 6)) if last is None else epochs - last):
            self.average.update_parameters(self.trained)


class PredictionAverage(NoAverage):
    """The mean of the outputs of the networks after each of the last epochs, which are all kept."""

    def __init__(self, network: nn.Module, settings: TrainingSettings) -> None:
        super().__init__(network, settings)
        self.average = MeanOutputs([])

    @property
    def network(self) -> nn.Module:
        return self.average if self.average.members else self.trained

    def after_epoch(self, epoch: int) -> None:
        if epoch > self.settings["epochs"] - (self.settings["checkpoints"] or 0):
            self.average.members.append(copy.deepcopy(self.trained))

    def state_dict(self) -> dict[str, Any]:
        return self.average.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.average = MeanOutputs.of_state(self.trained, state)
        self.average.load_state_dict(state)


AVERAGES: dict[str, Callable[[nn.Module, TrainingSettings], NoAverage]] = {
    "none": NoAverage,
    "ema": ExponentialAverage,
    "swa": StochasticAverage,
    "predictions": PredictionAverage,
}
