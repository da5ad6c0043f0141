"""What a GPU gives: steps beside a bare loop, repeatable and resumed trainings, and trainings that share the GPU.

python tests/benchmarks/gpu.py [--root ESC-50-master] [--share 1 2 4 8 16] [--small]

It prints one table in Markdown. It also runs on a CPU, to try the script (``--small``); the figures then say nothing of
a GPU. Trainings that share a GPU are those of a study: ``resnet18`` on ESC-10, five folds and three seeds, without the
computation of features. Without ``--root`` its clips are made up, in the same number and length.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[2] / "scripts")]

from helpers.library import configuration, training
from helpers.workflow import Workflow
from soundbench.augment.batch import OnlineAugmentation
from soundbench.core.devices import choose_device, device_name, prepare_process
from soundbench.features.normalisation import Normalisation
from soundbench.models.registry import build_model
from soundbench.tasks.single_label import SingleLabel
from soundbench.training.checkpoints import Checkpoint, Stopped
from soundbench.training.examples import Examples
from soundbench.training.trainer import Trainer
from soundbench.training.training_data import TrainingData

Row = tuple[str, str]
SHAPE = (64, 216)  # of a clip of ESC-10
CLASSES = 10
BATCH = 32


class Case:
    """A training of one network on random features; what is measured does not depend on the values."""

    def __init__(self, model: str, clips: int, epochs: int, precision: str) -> None:
        self.clips = clips
        self.epochs = epochs
        self.bf16 = precision == "bf16"
        self.recipe = configuration()["models"][model]
        self.settings = training(epochs=epochs, batch_size=BATCH, precision=precision, keep="last")
        self.array = np.random.default_rng(0).normal(size=(clips, *SHAPE)).astype(np.float16)

    def network(self) -> torch.nn.Module:
        """The network with the same initial weights each time."""
        torch.manual_seed(1)
        return build_model(self.recipe, CLASSES, SHAPE)

    def trainer(self) -> Trainer:
        """The training of the workflow."""
        rows = np.arange(self.clips)
        clips = Examples((self.array,), np.zeros_like(rows), rows, torch.from_numpy(rows % CLASSES))
        nothing = Examples((self.array,), rows[:0], rows[:0], torch.zeros(0, dtype=torch.long))
        task = SingleLabel([str(number) for number in range(CLASSES)])
        augmentation = OnlineAugmentation({}, task, 1.0, 1)
        data = TrainingData({"train": clips, "val": nothing}, Normalisation(0, 1), augmentation)
        return Trainer(self.network(), self.settings, data, choose_device(), seed=1, tag="[gpu]")

    def trained(self, folder: Path, steps: int | None = None) -> Trainer:
        """A training to its end; with ``steps``, it is stopped after so many and continued by another trainer."""
        checkpoint = Checkpoint(folder / "checkpoint.pt", "", 1e9)
        if steps is not None:
            countdown = iter(range(steps - 1, -1, -1))
            with suppress(Stopped):
                self.trainer().fit(checkpoint, lambda: not next(countdown), lambda row: None)
        one = self.trainer()
        if state := checkpoint.load():
            one.resume(state)
        one.fit(checkpoint, lambda: False, lambda row: None)
        return one

    def bare_loop(self) -> None:
        """The loop that one would write by hand: all features on the device, and nothing that waits for it."""
        device = choose_device()
        network = self.network().to(device, memory_format=torch.channels_last).train()
        features = torch.from_numpy(self.array).to(device).float().unsqueeze(1)
        targets = (torch.arange(self.clips) % CLASSES).to(device)
        optimizer = torch.optim.AdamW(network.parameters(), 0.003, fused=device.type == "cuda" or None)
        for _ in range(self.epochs):
            for chosen in torch.randperm(self.clips).split(BATCH):
                batch = features[chosen.to(device)].to(memory_format=torch.channels_last)
                with torch.autocast(device.type, torch.bfloat16, enabled=self.bf16):
                    logits = network(batch)
                loss = torch.nn.functional.cross_entropy(logits.float(), targets[chosen.to(device)])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()


def seconds(work: Any) -> float:
    """The time until ``work()`` has ended, on the device too."""
    wait = torch.cuda.synchronize if torch.cuda.is_available() else lambda: None
    wait()
    started = time.perf_counter()
    work()
    wait()
    return time.perf_counter() - started


def steps(model: str, clips: int, epochs: int) -> Iterator[Row]:
    """The time of a step of the trainer and of the bare loop, in both precisions, after a first epoch of each."""
    for precision in ("float32", "bf16"):
        case = Case(model, clips, epochs, precision)
        first = Case(model, clips, 1, precision)
        with tempfile.TemporaryDirectory() as folder:
            first.trained(Path(folder))
            first.bare_loop()
            own = seconds(lambda: case.trained(Path(folder)))  # noqa: B023
        bare = seconds(case.bare_loop)
        number = epochs * -(-clips // BATCH)
        yield f"step of {model}, {precision}", f"{1000 * own / number:.2f} ms, {own / bare:.2f} × a bare loop"


def equal(first: Trainer, second: Trainer) -> bool:
    """Whether two trainings ended with the same bits."""
    pairs = zip(first.progress.weights.values(), second.progress.weights.values(), strict=True)
    return all(torch.equal(one, other) for one, other in pairs)


def repeated(model: str, clips: int) -> Iterator[Row]:
    """Whether trainings are repeatable and resume to the same bits, and how much bf16 changes the loss."""
    losses = {}
    for precision in ("float32", "bf16"):
        case = Case(model, clips, 2, precision)
        with tempfile.TemporaryDirectory() as folder:
            one, again, resumed = (case.trained(Path(folder), steps) for steps in (None, None, 3))
        losses[precision] = one.progress.history[-1]["train_loss"]
        yield f"same bits again, {precision}", "yes" if equal(one, again) else "no"
        yield f"same bits after an interruption, {precision}", "yes" if equal(one, resumed) else "no"
    yield "loss after two epochs", ", ".join(f"{value:.4f} in {precision}" for precision, value in losses.items())


def shared(model: str, shares: list[int], root: Path | None, small: bool) -> Iterator[Row]:
    """The time in which all trainings of a study end, with so many of them at once on one GPU."""
    made = {"classes": 3, "recordings": 1, "takes": 2, "seconds": 0.5} if small else {"classes": 10, "recordings": 8}
    study: dict[str, Any] = {
        "benchmark": {"datasets": ["esc10"] if root else ["synthetic"], "models": [model], "seeds": [1, 2, 3]},
        "sources": {"esc50": {"root": str(root)}} if root else {"synthetic": {"takes": 5, "seconds": 5.0} | made},
    }
    if small:
        study["models"] = {model: {"training": {"epochs": 1}}}
    for share in shares:
        with tempfile.TemporaryDirectory() as folder:
            workflow = Workflow(Path(folder) / "workflow")
            command = ["--profile", "profiles/gpu", "--resources", f"gpu={share}"]
            command += ["--configfile", workflow.overlay("study", **study)]
            workflow.run(*command, "--until", "compute_features", "split_clips")
            taken = seconds(lambda: workflow.run(*command, "--until", "train_model"))  # noqa: B023
            trained = len(list(workflow.results.glob("runs/*/*/*/*/model.safetensors")))
        yield f"{trained} trainings of {model}, {share} at once", f"{taken:.0f} s"


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, help="ESC-50 as it is unpacked")
    parser.add_argument("--share", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    parser.add_argument("--small", action="store_true", help="a small network, few clips and one epoch")
    arguments = parser.parse_args()
    prepare_process(1, 1)
    model, clips, epochs = ("cnn", 64, 2) if arguments.small else ("resnet18", 320, 10)
    print(f"| {device_name(choose_device(), bfloat16=False)}, PyTorch {torch.__version__} | |\n| --- | --- |")
    for name, value in (
        *steps(model, clips, epochs),
        *repeated(model, clips),
        *shared(model, arguments.share, arguments.root, arguments.small),
    ):
        print(f"| {name} | {value} |", flush=True)


if __name__ == "__main__":
    main()
