"""Peak memory and CPU time of the jobs that go through all clips, and how both grow with their number.

    python tests/benchmarks/scale.py [--clips 2000 20000] [--seconds 1]

Clips are noise with bursts at 16 kHz. Each step runs in a process of its own, with one thread, so that its peak is its
own. The growth law is the exponent b of ``clips ** b`` between the smallest and the largest number of clips.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[2] / "scripts")]

RATE = 16000  # Hz
CLASSES = 10
VIEW = {
    "task": "single-label",
    "split": {"scheme": "kfold", "folds": 5, "protocol": "literature", "duplicates": "fail"},
    "augment": [],
    "audit": {"silent": -60, "clipped": 0.002, "short": 0.25, "long": 4, "near_duplicate": 0.3},
}


class Used(NamedTuple):
    """What a step used: CPU seconds, and the peak of its memory (MB)."""

    cpu: float
    peak: float


def write_clips(folder: Path, clips: int, seconds: float) -> None:
    """Write that many recordings, each its own group, in one folder per class."""
    import numpy as np
    import soundfile

    length = round(seconds * RATE)
    for number in range(clips):
        noise = np.random.default_rng(number)
        bursts = np.repeat(noise.uniform(0, 0.3, 20), -(-length // 20))[:length]
        path = folder / "recordings" / f"class{number % CLASSES}" / f"{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, bursts * noise.standard_normal(length), RATE)


def index(folder: Path) -> None:
    """Measure the clips."""
    from soundbench.data.index import IndexFiles, index_clips

    files = {name: folder / f"{name}.csv" for name in ("clips", "measures")}
    others = {"landmarks": folder / "landmarks.npz", "notes": folder / "notes.json"}
    index_clips({"reader": "folder"}, folder / "recordings", "fail", 1, IndexFiles(**files, **others))


def audit(folder: Path) -> None:
    """Audit the clips."""
    from soundbench.report.pages.audit import audit_clips

    inputs = [folder / name for name in ("measures.csv", "landmarks.npz", "notes.json")]
    audit_clips(*inputs, "own", VIEW, folder / "audit.csv", folder / "audit.html")


def features(folder: Path) -> None:
    """Compute log-mels."""
    from helpers.library import front_end
    from soundbench.features.store import compute_features

    settings = front_end(front_end="logmel", n_mels=64, sample_rate=RATE)
    compute_features(folder / "clips.csv", settings, folder / "orig.npy", folder / "orig.csv", 1)


STEPS: list[Callable[[Path], None]] = [index, audit, features]


def measured(step: Callable[[Path], None], folder: Path) -> Used:
    """Run a step in this process, which has run nothing else."""
    started = time.process_time()
    step(folder)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Used(time.process_time() - started, peak)


def measure(clips: int, seconds: float) -> dict[str, Used]:
    """What each step uses for so many clips, each in a process of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_clips(folder, clips, seconds)
        used = {}
        for step in STEPS:
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
                used[step.__name__] = pool.submit(measured, step, folder).result()
            cpu, peak = used[step.__name__]
            print(f"{step.__name__}, {clips} clips: {cpu:.1f} CPU s, {peak:.0f} MB", file=sys.stderr, flush=True)
        return used


def exponent(numbers: list[int], values: list[float]) -> float:
    """The exponent b of a growth with ``number ** b`` from the first to the last."""
    return math.log(values[-1] / values[0]) / math.log(numbers[-1] / numbers[0])


def table(results: dict[int, dict[str, Used]]) -> str:
    """One line per step and number of clips, then the growth of each step."""
    lines = ["step       clips     CPU s  peak MB  KB per clip"]
    numbers = list(results)
    for name in results[numbers[0]]:
        for clips, used in results.items():
            cpu, peak = used[name]
            lines.append(f"{name:<9}{clips:>7}{cpu:>10.1f}{peak:>9.0f}{1024 * peak / clips:>13.1f}")
        if len(numbers) > 1:
            cpu, peak = (exponent(numbers, [getattr(results[n][name], part) for n in numbers]) for part in Used._fields)
            lines.append(f"{name:<9}growth: CPU clips^{cpu:.2f}, memory clips^{peak:.2f}")
    return "\n".join(lines)


def main() -> None:
    """Measure every number of clips; print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, nargs="+", default=[2000, 20000])
    parser.add_argument("--seconds", type=float, default=1)
    arguments = parser.parse_args()
    print(table({clips: measure(clips, arguments.seconds) for clips in sorted(arguments.clips)}))


if __name__ == "__main__":
    main()
