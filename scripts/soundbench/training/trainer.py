"""The training loop: epochs of optimiser steps, early stopping, and a state that can be saved after any step.

A step takes ``batch_size × accumulate`` clips. Each batch is read and augmented as a whole, and computed in
microbatches that fit the device's memory. The gradients of all microbatches add up to the gradient of the mean loss
over the clips of the step. Only the result of batch norms depends on the microbatches, which they normalise separately.
On a GPU, features that fit are in its memory and losses are summed there, so that no step waits for the one before.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import nn
from torch.nn.utils import clip_grad_norm_
from tqdm import tqdm

from soundbench.core.devices import place, uses_bfloat16
from soundbench.core.finite import check_loss, check_weights
from soundbench.core.microbatches import Microbatches, chunks
from soundbench.models.finetuning import freeze, restart_means, set_training
from soundbench.tasks.losses import build_loss, validation_loss
from soundbench.training.checkpoints import Checkpoint, State, Stopped
from soundbench.training.optimizers import build_optimizer
from soundbench.training.progress import Epoch, Progress, Row, Stopwatch, Sums, epoch_line
from soundbench.training.random_state import random_state, restore_random_state
from soundbench.training.schedules import Schedule
from soundbench.training.settings import TrainingSettings
from soundbench.training.training_data import TrainingData
from soundbench.training.weight_averaging import AVERAGES, measure_batch_norms

Record = Callable[[Row], None]

logger = logging.getLogger(__name__)


class Trainer:
    """Trains a network on examples, step by step.

    Args:
        settings: the recipe's ``training``.
        tag: the beginning of each log line.
    """

    def __init__(
        self,
        network: nn.Module,
        settings: TrainingSettings,
        data: TrainingData,
        device: torch.device,
        *,
        seed: int,
        tag: str,
    ) -> None:
        self.settings = settings
        self.data = data.on_device(device)
        self.parts = self.data.parts
        self.device = device
        self.tag = tag
        self.normalise = data.normalise
        self.augment = data.augmentation
        self.task = data.augmentation.task
        self.network = place(network, device)
        freeze(self.network, settings["trainable"])
        restart_means(self.network)
        self.bfloat16 = uses_bfloat16(settings["precision"], device)
        self.precision = torch.autocast(device.type, torch.bfloat16, enabled=self.bfloat16)
        self.order = torch.Generator().manual_seed(seed)
        self.progress = Progress()
        self.epoch = self._new_epoch()
        self.stopwatch = Stopwatch()
        self.optimizer = build_optimizer(self.network, settings)
        self.schedule = Schedule(self.optimizer, settings, len(self._steps()))
        self.loss = build_loss(settings, self.task, data.parts["train"].targets, device)
        self.validation_loss = validation_loss(self.task)
        self.average = AVERAGES[settings["average"]](self.network, settings)
        self.microbatches = Microbatches(min(settings["batch_size"], len(self.parts["train"])), tag)

    def state(self) -> State:
        """Everything that the rest of the training depends on, with the position in the epoch."""
        return {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "progress": vars(self.progress),
            "epoch": self.epoch.state(),
            "microbatches": self.microbatches.size,
            "order": self.order.get_state(),
            "random": random_state(self.augment.generator, self.device),
            "stopwatch": self.stopwatch.read(),
        }

    def resume(self, state: State) -> None:
        """Restore a state that :meth:`state` returned."""
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.progress = Progress(**state["progress"])
        self.epoch = Epoch.resumed(state["epoch"], self.device)
        self.microbatches.size = state["microbatches"]
        self.order.set_state(state["order"])
        restore_random_state(state["random"], self.augment.generator, self.device)
        self.stopwatch = Stopwatch(**state["stopwatch"])

    def fit(
        self, checkpoint: Checkpoint, stopping: Callable[[], bool], record: Record, until: int | None = None
    ) -> None:
        """Train until the last epoch, or until ``patience`` epochs have passed without a lower validation loss.

        Args:
            stopping: called after every step; training stops if it returns True.
            record: called with the row of ``history.csv`` after every epoch.
            until: the epoch after which the training pauses; the checkpoint then holds its state.

        Raises:
            Stopped: ``stopping()`` was true; the checkpoint holds the state after that step.
            InputError: a loss or a weight is not finite, or the device's memory is too small for a single clip.
        """
        while not self.finished and len(self.progress.history) < (until or self.settings["epochs"]):
            for _ in self._remaining_steps():
                stop = stopping()
                if stop or checkpoint.due():
                    self._check_losses()
                    checkpoint.save(self.state())
                if stop:
                    raise Stopped
            record(self._end_epoch())
        if not self.finished:
            checkpoint.save(self.state())

    @property
    def finished(self) -> bool:
        """Whether the last epoch is trained, or early stopping has ended the training."""
        done = len(self.progress.history) >= self.settings["epochs"]
        return done or self.progress.exhausted(self.settings["patience"])

    def _new_epoch(self) -> Epoch:
        return Epoch(torch.randperm(len(self.parts["train"]), generator=self.order), Sums(self.device))

    def _check_losses(self) -> None:
        """Refuse losses of this epoch that are not finite; not at every step, since this waits for the device."""
        check_loss(self.epoch.sums.read()["loss"], f"{self.tag} the loss")

    def _steps(self) -> tuple[torch.Tensor, ...]:
        """The clips of each step of the epoch."""
        return chunks(self.epoch.order, self.settings["batch_size"] * self.settings["accumulate"])

    def _remaining_steps(self) -> Iterator[None]:
        """Train the remaining steps of the epoch; yield after each step of the optimiser."""
        set_training(self.network)
        steps = self._steps()[self.epoch.steps :]
        prefetched = self.parts["train"].prefetched(steps)
        for chosen in tqdm(prefetched, self.tag, len(steps), leave=False, disable=None, unit="step"):
            step = self._gradient(chosen)
            if self.settings["gradient_clip"] is not None:
                clip_grad_norm_(self.network.parameters(), self.settings["gradient_clip"])
            self.optimizer.step()
            self.schedule.step()
            self.average.after_step()
            self.epoch.steps += 1
            self.epoch.sums.add(step.loss * len(chosen), step.progress)
            yield

    def _gradient(self, chosen: torch.Tensor) -> Sums:
        """Compute the gradient of the mean loss over the clips ``chosen``.

        Returns:
            The mean loss, and the sum of the task's measure of progress.
        """
        saved_state = random_state(self.augment.generator, self.device)

        def compute(size: int) -> Sums:
            restore_random_state(saved_state, self.augment.generator, self.device)
            self.optimizer.zero_grad(set_to_none=True)
            sums = Sums(self.device)
            for microbatch in self.data.microbatches(chunks(chosen, self.settings["batch_size"]), size, self.device):
                sums.add(*self._add_gradient(*microbatch, len(chosen)))
            return sums

        return self.microbatches.fit(compute)

    def _add_gradient(
        self, features: torch.Tensor, targets: torch.Tensor, truth: torch.Tensor, clips: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Add the gradient of one microbatch to the gradient of a step of ``clips`` clips.

        Returns:
            Its share of the mean loss, and the sum of the task's measure of progress.
        """
        outputs = self._outputs(self.network, features)
        loss = self.loss(outputs, targets) * (len(features) / clips)
        loss.backward()
        return loss.detach(), self.task.progress_sum(outputs.detach(), truth)

    def _outputs(self, network: nn.Module, features: torch.Tensor) -> torch.Tensor:
        with self.precision:
            return network(features.to(memory_format=torch.channels_last)).float()

    @torch.inference_mode()
    def validate(self) -> Row:
        """Mean loss and progress on the validation clips; empty if the protocol has no validation clips."""
        network = self.average.network.eval()
        part = self.parts["val"]

        def compute(size: int) -> Row:
            sums = Sums(self.device)
            for outputs, targets in part.outputs(partial(self._outputs, network), size, self.normalise, self.device):
                loss = self.validation_loss(outputs, targets).double() * len(targets)
                sums.add(loss, self.task.progress_sum(outputs, targets))
            return sums.row("val", self.task.progress, len(part))

        return self.microbatches.fit(compute) if len(part) else {}

    def _measure_batch_norms(self) -> None:
        """Measure them on the training clips without augmentation."""

        def compute(size: int) -> None:
            batches = self.parts["train"].unaugmented_batches(size, self.normalise, self.device)
            with self.precision:
                measure_batch_norms(self.average.network, (features for features, _ in batches))

        self.microbatches.fit(compute)

    def epoch_weights(self) -> dict[str, torch.Tensor]:
        """The weights after the latest epoch, as they would be saved if it were the last one."""
        if self.average.measured and not len(self.parts["val"]):  # else they were measured to be validated
            self._measure_batch_norms()
        return self.average.network.state_dict()

    def _end_epoch(self) -> Row:
        self._check_losses()
        epoch = len(self.progress.history) + 1
        row = {"epoch": epoch, "learning_rate": self.schedule.last_rate}
        row |= self.epoch.sums.row("train", self.task.progress, len(self.parts["train"]))
        self.average.after_epoch(epoch)
        if self.average.measured and (len(self.parts["val"]) or epoch == self.settings["epochs"]):
            self._measure_batch_norms()
        check_weights(self.average.network.state_dict(), f"{self.tag} the network")
        row |= self.validate()
        check_loss(row.get("val_loss", 0.0), f"{self.tag} the validation loss")
        self.schedule.end_epoch(row.get("val_loss", row["train_loss"]))
        self.progress.record(row, self.average.network, self.settings["keep"])
        self.epoch = self._new_epoch()
        line = epoch_line(row, self.task.progress, self.settings["epochs"], self.stopwatch.read()["wall"])
        logger.info("%s %s", self.tag, line)
        return row
