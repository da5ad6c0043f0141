"""How much a train job costs beside a plain script that does the same work.

python tests/benchmarks/train_speed.py [--rounds 3] [--epochs 5] [--precision float32]

Both are processes of their own with one thread: the plain script holds all features in memory as float32 and trains
the same network with the same optimiser and schedule; the job is ``train_model`` as the workflow calls it, with its
memory map, records and progress. The rounds alternate; what counts is the ratio of CPU seconds, start-up included.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from soundbench.training.inputs import Inputs

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

CLIPS, CLASSES, SHAPE = 320, 10, (64, 216)  # the training clips of a fold of ESC-10, 5 s at a hop of 512
FRONT_END = {"front_end": "logmel", "scale": "db", "power": 2, "normalise": "dataset"}
NETWORK = {"family": "cnn", "width": 16, "blocks": 4, "convolutions": 1, "dropout": 0.2}


def training(epochs: int, precision: str) -> dict[str, Any]:
    """The training settings of the library's ``cnn``."""
    from soundbench.core.schema import with_defaults
    from soundbench.models.schema import load_schema

    schema = load_schema()
    settings = {"epochs": epochs, "learning_rate": 0.003, "precision": precision}
    return with_defaults(schema, schema["$defs"]["training"], settings)


def write_features(folder: Path) -> None:
    """Noise in the shape of ESC-10; what is measured does not depend on the values."""
    import numpy as np
    import pandas as pd

    clips = [f"clip{number}" for number in range(CLIPS)]
    np.save(folder / "x.npy", np.random.default_rng(0).normal(size=(CLIPS, *SHAPE)).astype(np.float16))
    pd.DataFrame({"clip": clips, "row": range(CLIPS), "frames": SHAPE[1]}).to_csv(folder / "index.csv", index=False)
    labels = [f"class{number % CLASSES}" for number in range(CLIPS)]
    split = pd.DataFrame({"clip": clips, "label": labels, "group": clips, "fold1": "train"})
    split.to_csv(folder / "split.csv", index=False)
    pd.DataFrame({"clip": clips, "samples": clips}).to_csv(folder / "measures.csv", index=False)


def inputs(folder: Path) -> Inputs:
    """The files that :func:`write_features` wrote."""
    from soundbench.features.files import FeatureFiles
    from soundbench.training.inputs import Inputs

    features = FeatureFiles(str(folder / "x.npy"), str(folder / "index.csv"))
    return Inputs(features, str(folder / "split.csv"), str(folder / "measures.csv"))


def job(folder: Path, epochs: int, precision: str) -> None:
    """The train job, afresh: a finished run would not be trained again."""
    shutil.rmtree(folder / "run", ignore_errors=True)
    from soundbench.training.job import train_model
    from soundbench.training.run import Execution, Outputs, Run

    recipe = NETWORK | {"training": training(epochs, precision)}
    train_model(
        Run("noise", "cnn", 1, 1, "literature", recipe, FRONT_END),
        inputs(folder),
        Outputs(folder / "run"),
        Execution(1, 60),
    )


def plain(folder: Path, epochs: int, precision: str) -> None:
    """The script one would write by hand."""
    import numpy as np
    import torch

    from soundbench.models.registry import build_model

    torch.set_num_threads(1)
    torch.manual_seed(1)
    features = torch.from_numpy(np.load(folder / "x.npy")).float().unsqueeze(1)
    targets = torch.arange(CLIPS) % CLASSES
    features = ((features - features.mean()) / features.std()).to(memory_format=torch.channels_last)
    network = build_model(NETWORK, CLASSES, SHAPE).to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(network.parameters(), 0.003, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.003, total_steps=epochs * CLIPS // 32)
    for _ in range(epochs):
        for chosen in torch.randperm(CLIPS).split(32):
            with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
                logits = network(features[chosen])
            loss = torch.nn.functional.cross_entropy(logits.float(), targets[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    torch.save(network.state_dict(), folder / "plain.pt")


def cpu_seconds(what: str, folder: Path, arguments: argparse.Namespace) -> float:
    """The CPU time of one process that runs ``what``."""
    command = [sys.executable, __file__, "--run", what, "--folder", str(folder)]
    command += ["--epochs", str(arguments.epochs), "--precision", arguments.precision]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Alternate job and script; print each round and the median ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--precision", choices=["float32", "bf16"], default="float32")
    parser.add_argument("--run", choices=["job", "plain"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run:
        {"job": job, "plain": plain}[arguments.run](arguments.folder, arguments.epochs, arguments.precision)
        return
    ratios = []
    with tempfile.TemporaryDirectory() as folder:
        write_features(Path(folder))
        for number in range(1, arguments.rounds + 1):
            seconds = {what: round(cpu_seconds(what, Path(folder), arguments), 2) for what in ("job", "plain")}
            ratios.append(seconds["job"] / seconds["plain"])
            print(f"round {number}: {json.dumps(seconds)} CPU s, ratio {ratios[-1]:.2f}")
    print(f"median ratio {statistics.median(ratios):.2f} ({arguments.precision}, {arguments.epochs} epochs)")


if __name__ == "__main__":
    main()
