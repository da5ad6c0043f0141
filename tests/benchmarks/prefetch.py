"""How long a training waits for features that are on the disk and not in memory, with and without prefetching.

python tests/benchmarks/prefetch.py [--clips 20000] [--step 10]

The features (64 × 431 values of float16 per clip) are written to a file, which the system then forgets. A step reads a
batch of 32 clips, in random order, and pauses for ``--step`` ms in place of the computation. It prints the mean time
that a step waited for its clips.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

import numpy as np
import torch

from soundbench.training.examples import Examples

SHAPE, BATCH, STEPS = (64, 431), 32, 200


def write(path: Path, clips: int) -> None:
    """Features of ``clips`` clips."""
    array = np.lib.format.open_memmap(path, "w+", np.float16, (clips, *SHAPE))
    for row in range(clips):
        array[row] = row
    array.flush()


def waited(path: Path, clips: int, step: float, prefetch: bool) -> float:
    """The mean time (ms) that a step waits for its clips."""
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    rows = np.arange(clips)
    examples = Examples((np.load(path, mmap_mode="r"),), np.zeros(clips, int), rows, torch.zeros(clips))
    pieces = torch.randperm(clips, generator=torch.Generator().manual_seed(1)).split(BATCH)[:STEPS]
    paused = 0.0
    started = time.perf_counter()
    for piece in examples.prefetched(pieces) if prefetch else pieces:
        examples.features(piece.numpy())
        pause = time.perf_counter()
        time.sleep(step / 1000)
        paused += time.perf_counter() - pause
    return 1000 * (time.perf_counter() - started - paused) / len(pieces)


def main() -> None:
    """Print both times and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=20_000)
    parser.add_argument("--step", type=float, default=10, help="ms")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "features.npy"
        write(path, arguments.clips)
        for _ in range(2):
            plain, prefetched = (waited(path, arguments.clips, arguments.step, prefetch) for prefetch in (False, True))
            print(f"{plain:.2f} ms without, {prefetched:.2f} ms with prefetching: {prefetched / plain:.2f} of the time")


if __name__ == "__main__":
    main()
