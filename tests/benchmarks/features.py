"""How fast features are made: against librosa on one core, and with two of the job's workers on two.

    python tests/benchmarks/features.py [clips]

Clips of 5 s at 44.1 kHz become 128 log-mels at 22.05 kHz (n_fft 1024, hop 256). librosa's side is what tutorials do:
`librosa.load`, `melspectrogram`, `power_to_db` and a `.npy` a clip. Both sides take turns, and the best round of each
counts; on one core the processor's time is counted, so that the ratio stands on a machine that others use too. The
two workers are timed by the clock and need two idle cores.
"""

from __future__ import annotations

import os

ALLOWED = sorted(os.sched_getaffinity(0))
os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # before numpy and torch count the cores

import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import soundfile

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[2] / "scripts")]

from helpers.library import front_end
from helpers.reference import librosa
from soundbench.features.store import compute_features

ROUNDS = 4
RATE, SECONDS = 44100, 5


def write_clips(folder: Path, number: int) -> None:
    """Noise and tones as 16-bit WAV, and their clip table."""
    rng, time_axis, rows = np.random.default_rng(0), np.arange(SECONDS * RATE) / RATE, []
    for clip in range(number):
        path = folder / f"{clip}.wav"
        sound = 0.1 * rng.standard_normal(len(time_axis)) + 0.3 * np.sin(2 * np.pi * (200 + 50 * clip) * time_axis)
        soundfile.write(path, sound, RATE, subtype="PCM_16")
        rows.append((path.stem, path, SECONDS, RATE))
    pd.DataFrame(rows, columns=["clip", "path", "seconds", "sample_rate"]).to_csv(folder / "clips.csv", index=False)


def librosas(folder: Path, number: int) -> None:
    """The same features as a tutorial makes them."""
    for clip in range(number):
        samples, rate = librosa.load(folder / f"{clip}.wav")
        mels = librosa.feature.melspectrogram(y=samples, sr=rate, n_mels=128, n_fft=1024, hop_length=256)
        np.save(folder / f"{clip}.npy", librosa.power_to_db(mels))


def ours(folder: Path, settings: dict[str, Any], threads: int) -> None:
    """The same features as the workflow's job makes them."""
    compute_features(folder / "clips.csv", settings, folder / "all.npy", folder / "all.csv", threads)


def timed(cores: list[int], clock: str, run: Callable[..., None], *arguments: Any) -> float:
    """Seconds that one round takes on these cores, by a clock of the module ``time``."""
    os.sched_setaffinity(0, cores)
    started = getattr(time, clock)()
    run(*arguments)
    return getattr(time, clock)() - started


def best(cores: list[int], clock: str, sides: dict[str, tuple[Any, ...]]) -> dict[str, float]:
    """Seconds of the best of several rounds of each side, each in a process of its own, after one to warm up."""
    with ExitStack() as stack:
        context = multiprocessing.get_context("spawn")
        pools = {name: stack.enter_context(ProcessPoolExecutor(1, context)) for name in sides}
        rounds = [
            {name: pools[name].submit(timed, cores, clock, *sides[name]).result() for name in sides}
            for _ in range(ROUNDS + 1)
        ]
    return {name: min(seconds[name] for seconds in rounds[1:]) for name in sides}


def main(number: int) -> None:
    """Measure, and print the times a clip and the ratios."""
    settings = front_end(front_end="logmel", n_mels=128, hop_length=256)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_clips(folder, number)
        sides = {"librosa": (librosas, folder, number), "soundbench": (ours, folder, settings, 1)}
        one = best(ALLOWED[:1], "process_time", sides)
        for side, seconds in one.items():
            print(f"{side:10} {1000 * seconds / number:6.2f} ms a clip, one core")
        print(f"soundbench is {one['librosa'] / one['soundbench']:.2f} × as fast (at least 2.3 is asked for)")
        if len(ALLOWED) > 1:
            two = best(
                ALLOWED[:2], "perf_counter", {"one": (ours, folder, settings, 1), "two": (ours, folder, settings, 2)}
            )
            print(f"two workers on two cores are {two['one'] / two['two']:.2f} × as fast (at least 1.7 is asked for)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
