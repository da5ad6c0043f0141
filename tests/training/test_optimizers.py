"""Optimisers do without torch's compiler, and take the same steps as with it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from helpers.workflow import REPOSITORY

TRAINING = """
import sys
from pathlib import Path
from helpers.trainers import fit, trainer
from soundbench.training import optimizers
if {with_compiler}:
    optimizers.leave_out_compiler = lambda: None
for name in ("adamw", "sgd"):
    one = fit(trainer(optimizer=name, average="ema", gradient_clip=1.0, epochs=1), Path("{folder}"))
    print(*(float(value.double().sum()).hex() for value in one.progress.weights.values()))
print("torch._dynamo" in sys.modules)
"""


@pytest.mark.slow
def test_training_does_not_import_the_compiler_and_gives_the_same_weights(tmp_path: Path) -> None:
    *weights_with, with_compiler = trained(True, tmp_path)
    *weights, without = trained(False, tmp_path)
    assert (with_compiler, without) == ("True", "False")
    assert weights == weights_with


def trained(with_compiler: bool, folder: Path) -> list[str]:
    """The sums of weights of two trainings in a process of its own, and whether it has imported the compiler."""
    code = TRAINING.format(with_compiler=with_compiler, folder=folder)
    environment = {"PYTHONPATH": f"{REPOSITORY / 'scripts'}:{REPOSITORY / 'tests'}"}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.splitlines()
