"""The training loop: epochs and batches, early stopping, and a state that can be saved at any batch."""

from __future__ import annotations

import copy
import logging
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import torch
from torch import nn
from tqdm import tqdm

from soundbench.batches import Examples, Normalisation, chunks
from soundbench.checkpoints import Checkpoint, State, Stopped
from soundbench.devices import uses_bfloat16
from soundbench.errors import InputError
from soundbench.freezing import freeze, set_training
from soundbench.online import OnlineAugmentation
from soundbench.optimisation import build_optimizer, build_schedule

logger = logging.getLogger(__name__)

Row = dict[str, float]


@dataclass
class Progress:
    """Where a training stands: a row of ``history.csv`` an epoch, and the weights to save."""

    history: list[Row] = field(default_factory=list)
    best_epoch: int = 0
    best_loss: float = math.inf
    weights: dict[str, torch.Tensor] = field(default_factory=dict)

    def record(self, row: Row, network: nn.Module) -> None:
        """Add an epoch. Its weights are kept if its validation loss is the lowest, or if nothing is validated."""
        self.history.append(row)
        loss = row.get("val_loss", -math.inf)
        if loss < self.best_loss or "val_loss" not in row:
            self.best_epoch, self.best_loss = len(self.history), loss
            self.weights = copy.deepcopy(network.state_dict())

    def exhausted(self, patience: int | None) -> bool:
        """Whether ``patience`` epochs have passed without a lower validation loss."""
        return patience is not None and len(self.history) - self.best_epoch >= patience


class Stopwatch:
    """Wall and CPU time (s), carried on over interruptions."""

    def __init__(self, wall: float = 0.0, cpu: float = 0.0) -> None:
        self._started = time.perf_counter() - wall, time.process_time() - cpu

    def read(self) -> dict[str, float]:
        """What to start another stopwatch from."""
        return {"wall": time.perf_counter() - self._started[0], "cpu": time.process_time() - self._started[1]}


@dataclass
class Epoch:
    """The position in an epoch: the order of the training clips, and the sums over the batches done so far."""

    order: torch.Tensor
    batches: int = 0
    loss: float = 0.0
    correct: int = 0


class Trainer:
    """A network, its optimiser and the examples, advanced batch by batch.

    Args:
        settings: the recipe's ``training``.
        parts: the examples of ``train`` and ``val``; the latter may be empty.
        tag: the beginning of each log line.
    """

    def __init__(
        self,
        network: nn.Module,
        settings: dict[str, Any],
        parts: dict[str, Examples],
        normalise: Normalisation,
        augmentation: OnlineAugmentation,
        device: torch.device,
        *,
        seed: int,
        tag: str,
    ) -> None:
        self.settings, self.parts, self.device, self.tag = settings, parts, device, tag
        self.normalise, self.augment = normalise, augmentation
        self.network = network.to(device, memory_format=torch.channels_last)
        freeze(self.network, settings["trainable"])
        self.optimizer = build_optimizer(self.network, settings)
        batches = len(chunks(torch.arange(len(parts["train"])), settings["batch_size"]))
        self.schedule = build_schedule(self.optimizer, settings, batches * settings["epochs"])
        self.bfloat16 = uses_bfloat16(settings["precision"], device)
        self.order = torch.Generator().manual_seed(seed)
        self.progress, self.epoch, self.stopwatch = Progress(), self._new_epoch(), Stopwatch()

    def state(self) -> State:
        """Everything that decides how training goes on, down to the position in the epoch."""
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "progress": vars(self.progress),
            "epoch": vars(self.epoch),
            "order": self.order.get_state(),
            "augment": self.augment.generator.get_state(),
            "random": torch.get_rng_state(),
            "random_cuda": torch.cuda.get_rng_state_all(),
            "stopwatch": self.stopwatch.read(),
        }

    def resume(self, state: State) -> None:
        """Go on from what :meth:`state` returned."""
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.progress, self.epoch = Progress(**state["progress"]), Epoch(**state["epoch"])
        self.order.set_state(state["order"])
        self.augment.generator.set_state(state["augment"])
        torch.set_rng_state(state["random"])
        torch.cuda.set_rng_state_all(state["random_cuda"][: torch.cuda.device_count()])
        self.stopwatch = Stopwatch(**state["stopwatch"])

    def fit(self, checkpoint: Checkpoint, stopping: Callable[[], bool], record: Callable[[Row], None]) -> None:
        """Train until the last epoch, or until ``patience`` epochs have brought no lower validation loss.

        Args:
            stopping: asked after every batch.
            record: told the row of ``history.csv`` after every epoch.

        Raises:
            Stopped: ``stopping()`` was true; the checkpoint holds the state after that batch.
            InputError: the loss is no longer finite.
        """
        while not self._finished():
            for _ in self._remaining_batches():
                stop = stopping()
                if stop or checkpoint.due():
                    checkpoint.save(self.state())
                if stop:
                    raise Stopped
            record(self._end_epoch())

    def _finished(self) -> bool:
        done = len(self.progress.history) >= self.settings["epochs"]
        return done or self.progress.exhausted(self.settings["patience"])

    def _new_epoch(self) -> Epoch:
        return Epoch(torch.randperm(len(self.parts["train"]), generator=self.order))

    def _losses(self, examples: Examples, chosen: torch.Tensor, training: bool) -> tuple[torch.Tensor, torch.Tensor]:
        """The mean loss of one batch and the number of its clips that are classified correctly."""
        pictures, classes = examples.batch(chosen, self.normalise, self.device)
        pictures, targets = self.augment(pictures, classes) if training else (pictures, classes)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16):
            logits = self.network(pictures.to(memory_format=torch.channels_last)).float()
        smoothing = self.settings["label_smoothing"] if training else 0.0
        loss = nn.functional.cross_entropy(logits, targets, label_smoothing=smoothing)
        return loss, (logits.detach().argmax(dim=1) == classes).sum()

    def _remaining_batches(self) -> Iterator[None]:
        """Train on what is left of the epoch, one batch a step of this iterator."""
        set_training(self.network)
        batches = chunks(self.epoch.order, self.settings["batch_size"])[self.epoch.batches :]
        for chosen in tqdm(batches, self.tag, leave=False, disable=None, unit="batch"):
            loss, correct = self._losses(self.parts["train"], chosen, training=True)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
            self.schedule.step()
            self.epoch.batches += 1
            self.epoch.loss += loss.item() * len(chosen)
            self.epoch.correct += int(correct)
            yield

    @torch.inference_mode()
    def validate(self) -> Row:
        """Mean loss and accuracy on the validation clips; nothing in a protocol that has none."""
        self.network.eval()
        examples, total, right = self.parts["val"], 0.0, 0
        if len(examples) == 0:
            return {}
        for chosen in chunks(torch.arange(len(examples)), self.settings["batch_size"]):
            loss, correct = self._losses(examples, chosen, training=False)
            total, right = total + loss.item() * len(chosen), right + int(correct)
        return {"val_loss": total / len(examples), "val_accuracy": right / len(examples)}

    def _end_epoch(self) -> Row:
        clips = len(self.parts["train"])
        if not math.isfinite(self.epoch.loss):
            raise InputError(f"{self.tag} the loss is no longer finite: a lower learning_rate may help")
        row = {"epoch": len(self.progress.history) + 1, "learning_rate": self.schedule.get_last_lr()[0]}
        row |= {"train_loss": self.epoch.loss / clips, "train_accuracy": self.epoch.correct / clips}
        self.progress.record(row | self.validate(), self.network)
        self.epoch = self._new_epoch()
        self._report(self.progress.history[-1])
        return self.progress.history[-1]

    def _report(self, row: Row) -> None:
        epoch, epochs = row["epoch"], self.settings["epochs"]
        left = timedelta(seconds=round(self.stopwatch.read()["wall"] / epoch * (epochs - epoch)))
        scores = "  ".join(
            f"{part} loss {row[f'{part}_loss']:.3f} accuracy {100 * row[f'{part}_accuracy']:.1f} %"
            for part in ("train", "val")
            if f"{part}_loss" in row
        )
        logger.info("%s epoch %d/%d  %s  %s left", self.tag, epoch, epochs, scores, left)
