"""What on-the-fly augmentation costs: its share of a training step of the small CNN, on one core.

    python tests/benchmarks/online.py

A batch of 32 clips of 64 mels × 216 frames (5 s), every effect on. Both are timed in turns, and the best counts.
"""

from __future__ import annotations

import os

os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])  # before torch counts the cores

import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[2] / "scripts")]

from helpers.library import configuration
from soundbench.augment.batch import OnlineAugmentation
from soundbench.models.registry import build_model
from soundbench.tasks.single_label import SingleLabel
from soundbench.training.optimizers import build_optimizer

ROUNDS = 10
CLIPS, BINS, FRAMES, CLASSES = 32, 64, 216, 10
EVERYTHING = {"stretch": [0.9, 1.1], "crop": 0.1, "roll": 1.0, "gain": 6, "mixup": 0.3, "spec_augment": {}}


def steps() -> dict[str, Callable[[], object]]:
    """A training step of the library's CNN without augmentation, and each effect by itself and all together."""
    recipe = configuration(models={"cnn": {"training": {"augment": EVERYTHING}}})["models"]["cnn"]
    features, targets = torch.randn(CLIPS, 1, BINS, FRAMES), torch.arange(CLIPS) % CLASSES
    network = build_model(recipe, CLASSES, (BINS, FRAMES)).to(memory_format=torch.channels_last)
    optimizer = build_optimizer(network, recipe["training"])

    def step() -> None:
        logits = network(features.to(memory_format=torch.channels_last))
        optimizer.zero_grad(set_to_none=True)
        torch.nn.functional.cross_entropy(logits, targets).backward()
        optimizer.step()

    def effect(settings: dict[str, object]) -> Callable[[], object]:
        augment = OnlineAugmentation(settings, SingleLabel([str(n) for n in range(CLASSES)]), 0.05, 0)
        return lambda: augment(features, targets)

    augment = recipe["training"]["augment"]
    return {"step": step, "all": effect(augment)} | {name: effect({name: augment[name]}) for name in augment}


def main() -> None:
    """Measure, and print milliseconds and shares."""
    torch.set_num_threads(1)
    runs, seconds = steps(), {}
    for _ in range(ROUNDS + 1):
        for name, run in runs.items():
            started = time.perf_counter()
            run()
            seconds.setdefault(name, []).append(time.perf_counter() - started)
    best = {name: 1000 * min(taken[1:]) for name, taken in seconds.items()}
    for name, milliseconds in best.items():
        print(f"{name:14} {milliseconds:7.2f} ms  {100 * milliseconds / best['step']:6.1f} %")
    print("everything on costs at most 10 % of a step, is what is asked for")


if __name__ == "__main__":
    main()
