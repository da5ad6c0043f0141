"""How fast features are made: against librosa on one core, and with the job's threads on two.

    python tests/benchmarks/features.py [clips]

Clips of 5 s at 44.1 kHz become 128 log-mels at 22.05 kHz (n_fft 1024, hop 256). librosa's side is what tutorials do:
`librosa.load`, `melspectrogram`, `power_to_db` and a `.npy` a clip. Both sides take turns, and the best round of each
counts, so that the ratios stand on a machine that others use too.
"""

from __future__ import annotations

import os

ALLOWED = sorted(os.sched_getaffinity(0))
os.sched_setaffinity(0, ALLOWED[:1])  # before numpy and torch count the cores

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import librosa
import numpy as np
import pandas as pd
import soundfile

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[2] / "scripts")]

from library import front_end
from soundbench.features import compute_features

ROUNDS = 25
RATE, SECONDS = 44100, 5


def write_clips(folder: Path, number: int) -> Path:
    """Noise and tones as 16-bit WAV, and their clip table."""
    rng, time_axis, rows = np.random.default_rng(0), np.arange(SECONDS * RATE) / RATE, []
    for clip in range(number):
        path = folder / f"{clip}.wav"
        sound = 0.1 * rng.standard_normal(len(time_axis)) + 0.3 * np.sin(2 * np.pi * (200 + 50 * clip) * time_axis)
        soundfile.write(path, sound, RATE, subtype="PCM_16")
        rows.append((path.stem, path, SECONDS, RATE))
    pd.DataFrame(rows, columns=["clip", "path", "seconds", "sample_rate"]).to_csv(folder / "clips.csv", index=False)
    return folder / "clips.csv"


def librosas(folder: Path, number: int) -> None:
    """The same features as a tutorial makes them."""
    for clip in range(number):
        samples, rate = librosa.load(folder / f"{clip}.wav")
        mels = librosa.feature.melspectrogram(y=samples, sr=rate, n_mels=128, n_fft=1024, hop_length=256)
        np.save(folder / f"{clip}.npy", librosa.power_to_db(mels))


def best(sides: dict[str, Callable[[], None]]) -> dict[str, float]:
    """Seconds of the best of several rounds of each side, which take turns after one round to warm up."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(ROUNDS + 1):
        for name, run in sides.items():
            started = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - started)
    return {name: min(taken[1:]) for name, taken in seconds.items()}


def main(number: int) -> None:
    """Measure, and print the times a clip and the ratios."""
    settings = front_end(front_end="logmel", n_mels=128, hop_length=256)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table = write_clips(folder, number)

        def ours(threads: int) -> Callable[[], None]:
            return lambda: compute_features(table, settings, folder / "all.npy", folder / "all.csv", threads)

        one = best({"librosa": lambda: librosas(folder, number), "soundbench": ours(1)})
        for side, seconds in one.items():
            print(f"{side:10} {1000 * seconds / number:6.2f} ms a clip, one core")
        print(f"soundbench is {one['librosa'] / one['soundbench']:.2f} × as fast (at least 2.3 is asked for)")
        if len(ALLOWED) > 1:
            os.sched_setaffinity(0, ALLOWED[:2])
            two = best({"1 thread": ours(1), "2 threads": ours(2)})
            ratio = two["1 thread"] / two["2 threads"]
            print(f"two threads on two cores are {ratio:.2f} × as fast as one (at least 1.7 is asked for)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 60)
