"""How long a whole study takes beside a plain script that does the same work: from recordings to the last page.

python tests/benchmarks/whole_study.py --root ESC-50-master [--cores 2] [--epochs 3] [--seeds 1] [--precision float32]

ResNet-18 is trained on the five folds of ESC-10. The plain script reads and resamples the recordings, computes
log-mels, trains the folds one after the other on all cores, tests them and writes predictions, scores and the figure of
the confusion matrix. The workflow also audits the recordings, looks for confounds, computes intervals, and writes its
pages; its trainings have one thread each. What counts is the ratio of the elapsed times, on cores that are idle.
Five trainings leave one of two cores idle during the last one; those of an even number of seeds do not.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[2] / "scripts")]

RATE, HOP, BATCH = 22050, 512, 32  # Hz, samples, clips


def workflow(study: argparse.Namespace, folder: Path) -> None:
    """The study with Snakemake, in a fresh copy of the workflow."""
    from helpers.workflow import Workflow

    copy = Workflow(folder / "workflow")
    overlay = copy.overlay(
        "study",
        sources={"esc50": {"root": str(study.root.absolute())}},
        benchmark={"datasets": ["esc10-literature"], "models": ["resnet18"], "seeds": list(seeds(study))},
        models={"resnet18": {"training": {"epochs": study.epochs, "precision": study.precision, "patience": None}}},
    )
    copy.run("--cores", str(study.cores), "--configfile", overlay, fresh=True)


def seeds(study: argparse.Namespace) -> range:
    """The seeds of the study."""
    return range(1, study.seeds + 1)


def plain(study: argparse.Namespace, folder: Path) -> None:
    """The script that one would write by hand, in a process of its own."""
    options = {name: str(getattr(study, name)) for name in ("root", "cores", "epochs", "seeds", "precision")}
    command = [sys.executable, __file__, *(f"--{name}={value}" for name, value in options.items()), f"--plain={folder}"]
    subprocess.run(command, check=True, env=os.environ | {"OMP_NUM_THREADS": str(study.cores)})


def plain_script(study: argparse.Namespace, folder: Path) -> None:
    """What that process does."""
    import numpy as np
    import pandas as pd
    import soundfile
    import soxr
    import timm
    import torch
    from sklearn.metrics import ConfusionMatrixDisplay, accuracy_score
    from torchaudio.transforms import AmplitudeToDB, MelSpectrogram

    torch.set_num_threads(study.cores)
    clips = pd.read_csv(study.root / "meta" / "esc50.csv").query("esc10").reset_index(drop=True)
    mel = torch.nn.Sequential(MelSpectrogram(RATE, 1024, hop_length=HOP, n_mels=64), AmplitudeToDB(top_db=80))
    features = []
    for name in clips["filename"]:
        samples, rate = soundfile.read(study.root / "audio" / name, dtype="float32")
        features.append(mel(torch.from_numpy(soxr.resample(samples, rate, RATE))))
    whole = torch.stack(features).unsqueeze(1)
    targets = torch.from_numpy(clips["category"].astype("category").cat.codes.to_numpy(np.int64))
    predicted = np.empty(len(clips), np.int64)
    for seed, fold in product(seeds(study), range(1, 6)):
        torch.manual_seed(seed)
        train, test = (np.flatnonzero(clips["fold"].eq(fold) == tested) for tested in (False, True))
        values = (whole - whole[train].mean()) / whole[train].std()
        network = timm.create_model("resnet18", in_chans=1, num_classes=10).to(memory_format=torch.channels_last)
        optimizer = torch.optim.AdamW(network.parameters(), 0.001, weight_decay=0.01)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.001, total_steps=study.epochs * len(train) // BATCH)

        def logits(chosen: torch.Tensor, network: torch.nn.Module = network, x: torch.Tensor = values) -> torch.Tensor:
            with torch.autocast("cpu", torch.bfloat16, enabled=study.precision == "bf16"):
                return network(x[chosen].to(memory_format=torch.channels_last)).float()

        for _ in range(study.epochs):
            for chosen in torch.from_numpy(np.random.default_rng(seed).permutation(train)).split(BATCH):
                loss = torch.nn.functional.cross_entropy(logits(chosen), targets[chosen])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
        network.eval()
        with torch.inference_mode():
            predicted[test] = logits(torch.from_numpy(test)).argmax(1).numpy()
        torch.save(network.state_dict(), folder / f"seed{seed}-fold{fold}.pt")
        if fold == 5:
            clips.assign(predicted=predicted).to_csv(folder / f"seed{seed}.csv")
            matrix = ConfusionMatrixDisplay.from_predictions(targets.numpy(), predicted)
            matrix.figure_.savefig(folder / f"confusion-seed{seed}.svg")
            (folder / f"seed{seed}.txt").write_text(f"{accuracy_score(targets.numpy(), predicted):.3f}\n")


def seconds(what: Callable[..., None], arguments: argparse.Namespace) -> tuple[float, float]:
    """The elapsed time and the CPU time of ``what`` (s)."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        what(arguments, Path(folder))
        elapsed = time.monotonic() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return elapsed, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Time the script and the workflow, one after the other, and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="ESC-50 as published")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--precision", choices=["float32", "bf16"], default="float32")
    parser.add_argument("--plain", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.plain:
        plain_script(arguments, arguments.plain)
        return
    script, study = seconds(plain, arguments), seconds(workflow, arguments)
    print(f"plain script: {script[0]:.1f} s elapsed, {script[1]:.1f} s CPU")
    print(f"whole study: {study[0]:.1f} s elapsed, {study[1]:.1f} s CPU")
    print(f"ratios: {study[0] / script[0]:.2f} of the elapsed time, {study[1] / script[1]:.2f} of the CPU time")


if __name__ == "__main__":
    main()
