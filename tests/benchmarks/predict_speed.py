"""How fast recordings are predicted from the command line, start-up included, and with how much memory.

    python tests/benchmarks/predict_speed.py [clips]

A model of the library's `cnn` (untrained weights are as fast as trained ones) predicts 5 s WAVs at 44.1 kHz, then a
tenth of them, then one recording of 2 h and one of 12 minutes, each in a process of its own on two cores. Peak memory
should be the same for few and many, for short and long.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS.parent / "scripts")]

from helpers.untrained import write_model

RATE, SECONDS, HOURS = 44100, 5, 2


def noise(seconds: int, seed: int) -> np.ndarray:
    """Noise of this length (s), as float32."""
    return 0.1 * np.random.default_rng(seed).standard_normal(seconds * RATE, np.float32)


def write_recordings(folder: Path, number: int) -> None:
    """Short recordings, a tenth of them in a folder of their own, and two long ones; all as 16-bit WAV."""
    for name in ("all", "tenth", "long", "short"):
        (folder / name).mkdir()
    for clip in range(number):
        soundfile.write(folder / "all" / f"{clip:05d}.wav", noise(SECONDS, clip), RATE)
        if clip < number // 10:
            soundfile.write(folder / "tenth" / f"{clip:05d}.wav", noise(SECONDS, clip), RATE)
    for name, minutes in (("long", 60 * HOURS), ("short", 6 * HOURS)):
        with soundfile.SoundFile(folder / name / "recording.wav", "w", RATE, 1) as file:
            for minute in range(minutes):
                file.write(noise(60, minute))


def measure(folder: Path, name: str, seconds: float) -> None:
    """Predict the recordings of one folder, and print what it took."""
    command = [sys.executable, TESTS.parent / "scripts" / "predict_clips.py", folder / "model", folder / name]
    started = time.perf_counter()
    process = subprocess.Popen([*command, "--output", folder / f"{name}.csv", "--threads", "2"])
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    assert status == 0
    cpu = usage.ru_utime + usage.ru_stime
    print(
        f"{name:6} {seconds:6.0f} s of sound in {wall:5.1f} s: {seconds / wall:5.0f} × real time; "
        f"CPU {cpu:5.1f} s, peak memory {usage.ru_maxrss / 1024:4.0f} MB",
        flush=True,
    )


def main(number: int) -> None:
    """Write the recordings, and measure each set of them."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_model(folder / "model", labels=[f"label {number}" for number in range(10)])
        write_recordings(folder, number)
        sets = {"tenth": number // 10 * SECONDS, "all": number * SECONDS, "short": 360 * HOURS, "long": 3600 * HOURS}
        for name, seconds in sets.items():
            measure(folder, name, seconds)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
