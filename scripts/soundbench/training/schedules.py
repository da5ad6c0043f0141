"""Learning-rate schedules, by name, with warm-up. Each multiplies the optimiser's own rates.

A schedule steps after every step of the optimiser. Only ``plateau`` uses a loss, after every epoch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import optim
from torch.optim import lr_scheduler

from soundbench.training.settings import TrainingSettings, falling_epochs

Builder = Callable[[optim.Optimizer, TrainingSettings, int], lr_scheduler.LRScheduler]


def _constant(optimizer: optim.Optimizer, settings: TrainingSettings, steps: int) -> lr_scheduler.LRScheduler:
    return lr_scheduler.ConstantLR(optimizer, factor=1.0)


def _cosine(optimizer: optim.Optimizer, settings: TrainingSettings, steps: int) -> lr_scheduler.LRScheduler:
    """I. Loshchilov and F. Hutter, "SGDR", ICLR 2017, without restarts."""
    return lr_scheduler.CosineAnnealingLR(optimizer, steps * settings["epochs"])


def _onecycle(optimizer: optim.Optimizer, settings: TrainingSettings, steps: int) -> lr_scheduler.LRScheduler:
    """L. Smith and N. Topin, "Super-convergence", 2018; the configured rates are the peaks."""
    peaks = [group["lr"] for group in optimizer.param_groups]
    return lr_scheduler.OneCycleLR(optimizer, peaks, total_steps=steps * settings["epochs"])


def _step(optimizer: optim.Optimizer, settings: TrainingSettings, steps: int) -> lr_scheduler.LRScheduler:
    milestones = [epoch * steps for epoch in falling_epochs(settings)]
    return lr_scheduler.MultiStepLR(optimizer, milestones, settings["step_factor"])


SCHEDULES: dict[str, Builder] = {
    "constant": _constant,
    "cosine": _cosine,
    "onecycle": _onecycle,
    "step": _step,
    "plateau": _constant,  # constant within an epoch; Schedule lowers the rate between epochs
}


class Schedule:
    """The schedule that ``settings["schedule"]`` names, multiplied by the warm-up; ``last_rate`` is the :attr:`rate` of
    the latest step.

    During ``warmup_epochs`` the scheduled rate is multiplied by a factor that rises linearly to 1 (P. Goyal et al.,
    "Accurate, large minibatch SGD", 2017). The schedule itself starts at the first step, as in timm.

    Args:
        steps: the number of steps of the optimiser per epoch.
    """

    def __init__(self, optimizer: optim.Optimizer, settings: TrainingSettings, steps: int) -> None:
        self.optimizer = optimizer
        self.last_rate = 0.0
        self._plateau = None
        self._stepped = [SCHEDULES[settings["schedule"]](optimizer, settings, steps)]
        if warmup_steps := round(settings["warmup_epochs"] * steps):
            self._stepped.append(lr_scheduler.LinearLR(optimizer, 1 / (warmup_steps + 1), total_iters=warmup_steps))
        if settings["schedule"] == "plateau":
            # It counts epochs without a lower loss as early stopping does.
            self._plateau = lr_scheduler.ReduceLROnPlateau(
                optimizer, factor=settings["step_factor"], patience=settings["plateau_epochs"] - 1, threshold=0.0
            )

    @property
    def rate(self) -> float:
        """The highest rate of all parameters."""
        return max(group["lr"] for group in self.optimizer.param_groups)

    def step(self) -> None:
        """Set the rates of the next step of the optimiser."""
        self.last_rate = self.rate
        for schedule in self._stepped:
            schedule.step()

    def end_epoch(self, loss: float) -> None:
        """Update ``plateau`` with the loss of the epoch: the validation loss, or the training loss if there are no
        validation clips."""
        if self._plateau is not None:
            self._plateau.step(loss)

    def state_dict(self) -> dict[str, Any]:
        """The state that :meth:`load_state_dict` restores."""
        return {"parts": [part.state_dict() for part in self._parts()], "last_rate": self.last_rate}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a saved state; the other rates are in the state of the optimiser."""
        for part, saved in zip(self._parts(), state["parts"], strict=True):
            part.load_state_dict(saved)
        self.last_rate = state["last_rate"]

    def _parts(self) -> list[Any]:
        return [*self._stepped, *([self._plateau] if self._plateau is not None else [])]
