"""Writing and reading the predictions of a large data set: CPU time, memory and size, as CSV and as Parquet.

    python tests/benchmarks/tables.py [--clips 100000] [--classes 100]

Each step runs in a process of its own. Parquet needs pyarrow, which the workflow does not install. For 100,000 clips
and 100 classes, CSV is written in 9.6 s of CPU time, read in 0.7 s with a peak of 350 MB, and has 127 MB; Parquet is
written in 0.8 s, read in 0.3 s with a peak of 280 MB, and has 61 MB. So tables are CSV, which every program reads:
writing and reading take a small part of the time of predicting.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(HERE), str(HERE.parent / "scripts")]

from benchmarks.scale import measured
from soundbench.core.storage import read_clip_table, write_csv


def predictions(clips: int, classes: int) -> pd.DataFrame:
    """Made-up predictions, with probabilities in float32."""
    probabilities = np.random.default_rng(0).dirichlet(np.ones(classes), clips).astype(np.float32)
    labels = np.array([f"class{number:03d}" for number in range(classes)])
    names = {"clip": [f"clip{number:06d}" for number in range(clips)], "fold": np.arange(clips) % 5 + 1}
    names |= {"label": labels[np.arange(clips) % classes], "predicted": labels[probabilities.argmax(axis=1)]}
    return pd.concat([pd.DataFrame(names), pd.DataFrame(probabilities, columns=labels)], axis=1)


def write(clips: int, classes: int, file: Path) -> str:
    """Write the table; the CPU time and the size."""
    table = predictions(clips, classes)
    save = partial(table.to_parquet, index=False) if file.suffix == ".parquet" else partial(write_csv, table=table)
    used = measured(save, file)
    return f"{used.cpu:.2f} s CPU, {file.stat().st_size / 1e6:.0f} MB on the disk"


def read(file: Path) -> str:
    """Read the table; the CPU time and the peak."""
    used = measured(pd.read_parquet if file.suffix == ".parquet" else read_clip_table, file)
    return f"{used.cpu:.2f} s CPU, peak {used.peak:.0f} MB"


def main() -> None:
    """Write and read the table in each format."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=100_000)
    parser.add_argument("--classes", type=int, default=100)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for suffix in ("csv", *(["parquet"] if find_spec("pyarrow") else [])):
            file = Path(folder, f"predictions.{suffix}")
            for step in (partial(write, arguments.clips, arguments.classes), read):
                with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
                    name = "read" if step is read else "write"
                    print(f"{name} {suffix}: {pool.submit(step, file).result()}", flush=True)


if __name__ == "__main__":
    main()
