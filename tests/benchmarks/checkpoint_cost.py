"""What checkpoints cost: the share of a training's time that goes into writing them, at the most frequent setting.

python tests/benchmarks/checkpoint_cost.py [--epochs 20] [--family timm --name resnet18]

``checkpoint_seconds`` is 0 here, so that nothing but the limit in soundbench/checkpoints.py holds writing back; the
workflow's default of 60 s writes more rarely still.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

from train_speed import inputs, training, write_features

from soundbench.training.checkpoints import Checkpoint, State
from soundbench.training.job import train_model
from soundbench.training.run import Execution, Outputs, Run


def main() -> None:
    """Train once; print the number of checkpoints, their cost and its share."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--family", default="cnn")
    parser.add_argument("--name")
    arguments = parser.parse_args()
    cnn = {"width": 16, "blocks": 4, "convolutions": 1, "dropout": 0.2}
    network = cnn if arguments.family == "cnn" else {"name": arguments.name}
    recipe = {"family": arguments.family, **network, "training": training(arguments.epochs, "float32")}
    costs: list[float] = []
    write = Checkpoint.save

    def timed(checkpoint: Checkpoint, state: State) -> None:
        started = time.perf_counter()
        write(checkpoint, state)
        costs.append(time.perf_counter() - started)

    with tempfile.TemporaryDirectory() as name, mock.patch.object(Checkpoint, "save", timed):
        folder = Path(name)
        write_features(folder)
        run = Run("noise", arguments.family, 1, 1, "literature", recipe, {})
        started = time.perf_counter()
        train_model(run, inputs(folder), Outputs(folder / "run"), Execution(1, 0))
        spent = time.perf_counter() - started
    print(f"{len(costs)} checkpoints in {spent:.1f} s, {1000 * sum(costs) / len(costs):.0f} ms each")
    print(f"{100 * sum(costs) / spent:.2f} % of the time")


if __name__ == "__main__":
    main()
