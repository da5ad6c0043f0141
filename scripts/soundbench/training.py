"""Training one model on one fold of one split."""

from __future__ import annotations

import copy
import logging
import math
import time
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any

import pandas as pd
import torch
from safetensors.torch import save_file
from torch import nn
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from soundbench.batches import Examples, Normalisation, choose_normalisation, chunks, load_examples, load_training
from soundbench.devices import choose_device, device_name, prepare_process, uses_bfloat16
from soundbench.errors import InputError
from soundbench.feature_settings import values_per_decibel
from soundbench.models import build_model
from soundbench.online import OnlineAugmentation
from soundbench.optimisation import build_optimizer, build_schedule
from soundbench.splits import fold_column
from soundbench.storage import atomic_path, read_clip_table, write_csv, write_json

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Run:
    """What is trained: the names that tell it from all others, and the recipes it follows."""

    dataset: str
    model: str
    seed: int
    fold: int
    protocol: str
    recipe: dict[str, Any]
    front_end: dict[str, Any]
    augment: list[dict[str, Any]] = field(default_factory=list)
    code: str = ""

    @property
    def tag(self) -> str:
        """``[dataset/model/seed/fold]``, the beginning of each of its log lines."""
        return f"[{self.dataset}/{self.model}/seed{self.seed}/fold{self.fold}]"


@dataclass
class Progress:
    """Where a training stands: a row of ``history.csv`` an epoch, and the weights to save."""

    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    best_loss: float = math.inf
    weights: dict[str, torch.Tensor] = field(default_factory=dict)

    def record(self, row: dict[str, float], network: nn.Module) -> None:
        """Add an epoch. Its weights are kept if its validation loss is the lowest, or if nothing is validated."""
        self.history.append(row)
        loss = row.get("val_loss", -math.inf)
        if loss < self.best_loss or "val_loss" not in row:
            self.best_epoch, self.best_loss = len(self.history), loss
            self.weights = copy.deepcopy(network.state_dict())

    def exhausted(self, patience: int | None) -> bool:
        """Whether ``patience`` epochs have passed without a lower validation loss."""
        return patience is not None and len(self.history) - self.best_epoch >= patience


class Trainer:
    """The training loop: a network, its optimiser and the examples, advanced epoch by epoch."""

    def __init__(
        self,
        run: Run,
        network: nn.Module,
        parts: dict[str, Examples],
        normalise: Normalisation,
        augmentation: OnlineAugmentation,
        device: torch.device,
    ) -> None:
        self.run, self.parts, self.normalise, self.device = run, parts, normalise, device
        self.settings = run.recipe["training"]
        self.network = network.to(device, memory_format=torch.channels_last)
        self.optimizer = build_optimizer(self.network, self.settings)
        self.order = torch.Generator().manual_seed(run.seed)
        self.augment = augmentation
        batches = len(chunks(torch.arange(len(parts["train"])), self.settings["batch_size"]))
        self.schedule = build_schedule(self.optimizer, self.settings, batches * self.settings["epochs"])
        self.bfloat16 = uses_bfloat16(self.settings["precision"], device)

    def _losses(self, examples: Examples, chosen: torch.Tensor, training: bool) -> tuple[torch.Tensor, torch.Tensor]:
        """The mean loss of one batch and the number of its clips that are classified correctly."""
        pictures, classes = examples.batch(chosen, self.normalise, self.device)
        pictures, targets = self.augment(pictures, classes) if training else (pictures, classes)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16):
            logits = self.network(pictures.to(memory_format=torch.channels_last)).float()
        smoothing = self.settings["label_smoothing"] if training else 0.0
        loss = nn.functional.cross_entropy(logits, targets, label_smoothing=smoothing)
        return loss, (logits.detach().argmax(dim=1) == classes).sum()

    def train_epoch(self) -> dict[str, float]:
        """One pass over the training clips in a new order; returns its mean loss and accuracy."""
        self.network.train()
        examples, total, correct = self.parts["train"], 0.0, 0
        batches = chunks(torch.randperm(len(examples), generator=self.order), self.settings["batch_size"])
        for chosen in tqdm(batches, self.run.tag, leave=False, disable=None, unit="batch"):
            loss, right = self._losses(examples, chosen, training=True)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
            self.schedule.step()
            total, correct = total + loss.item() * len(chosen), correct + right.item()
        if not math.isfinite(total):
            raise InputError(f"{self.run.tag} the loss is no longer finite: a lower learning_rate may help")
        return {"train_loss": total / len(examples), "train_accuracy": correct / len(examples)}

    @torch.inference_mode()
    def validate(self) -> dict[str, float]:
        """Mean loss and accuracy on the validation clips; nothing in a protocol that has none."""
        self.network.eval()
        examples, total, correct = self.parts["val"], 0.0, 0
        if len(examples) == 0:
            return {}
        for chosen in chunks(torch.arange(len(examples)), self.settings["batch_size"]):
            loss, right = self._losses(examples, chosen, training=False)
            total, correct = total + loss.item() * len(chosen), correct + right.item()
        return {"val_loss": total / len(examples), "val_accuracy": correct / len(examples)}

    def fit(self, events: SummaryWriter) -> Progress:
        """Train until the last epoch, or until ``patience`` epochs have brought no lower validation loss."""
        progress, started = Progress(), time.perf_counter()
        while len(progress.history) < self.settings["epochs"] and not progress.exhausted(self.settings["patience"]):
            rate = self.optimizer.param_groups[0]["lr"]
            row = {"epoch": len(progress.history) + 1, "learning_rate": rate, **self.train_epoch(), **self.validate()}
            progress.record(row, self.network)
            for name, value in row.items():
                events.add_scalar(name, value, row["epoch"])
            self._report(row, time.perf_counter() - started)
        return progress

    def _report(self, row: dict[str, float], elapsed: float) -> None:
        epoch, epochs = row["epoch"], self.settings["epochs"]
        left = timedelta(seconds=round(elapsed / epoch * (epochs - epoch)))
        scores = "  ".join(
            f"{part} loss {row[f'{part}_loss']:.3f} accuracy {100 * row[f'{part}_accuracy']:.1f} %"
            for part in ("train", "val")
            if f"{part}_loss" in row
        )
        logger.info("%s epoch %d/%d  %s  %s left", self.run.tag, epoch, epochs, scores, left)


def online_augmentation(run: Run, classes: int, normalise: Normalisation) -> OnlineAugmentation:
    """The recipe's on-the-fly augmentation, with the seed of the run."""
    decibel = (values_per_decibel(run.front_end) or 0.0) / normalise.std
    return OnlineAugmentation(run.recipe["training"]["augment"], classes, decibel, run.seed)


def train_model(
    run: Run,
    *,
    features: str,
    index: str,
    variants: dict[str, tuple[str, str]],
    split: str,
    threads: int,
    model: str,
    description: str,
    history: str,
    events: str,
) -> None:
    """Train ``run``; write its weights, their description, the history and the TensorBoard events.

    Args:
        variants: the feature array and the index of each variant that the view augments with.

    Raises:
        InputError: a copy of a clip that is not trained on stands among the training clips, or the loss is no longer
            finite.
    """
    prepare_process(run.seed, threads)
    clips = read_clip_table(split)
    labels, roles = sorted(set(clips["label"])), clips[fold_column(run.fold)]
    rows = read_clip_table(index)
    training = load_training(features, rows, clips, roles, labels, run.augment, variants, run.seed)
    parts = {"train": training, "val": load_examples(features, rows, clips[roles == "val"], labels)}
    normalise, shape = choose_normalisation(run.front_end, training), training.shape
    augmentation = online_augmentation(run, len(labels), normalise)
    device = choose_device()
    started = time.perf_counter()
    trainer = Trainer(run, build_model(run.recipe, len(labels), shape), parts, normalise, augmentation, device)
    with SummaryWriter(events) as writer:
        progress = trainer.fit(writer)
    measured = {
        "train_seconds": round(time.perf_counter() - started, 3),
        "device": device_name(device),
        "torch": torch.__version__,
    }
    with atomic_path(model) as temporary:
        save_file({name: value.cpu().contiguous() for name, value in progress.weights.items()}, temporary)
    write_csv(history, pd.DataFrame(progress.history))
    write_json(
        description,
        {
            **asdict(run),
            "labels": labels,
            "examples": {role: len(examples) for role, examples in parts.items()},
            "shape": list(shape),
            "normalisation": asdict(normalise),
            "parameters": sum(parameter.numel() for parameter in trainer.network.parameters()),
            "epochs": len(progress.history),
            "best_epoch": progress.best_epoch,
            "measured": measured,
        },
    )
