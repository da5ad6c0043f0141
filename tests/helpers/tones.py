"""Clips with several tones at once, told apart by their frequencies, as a source of several labels or of numbers."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile

RATE = 16000
SECONDS = 0.3
TONES = {"high": 3000, "low": 300, "middle": 1000}  # Hz


def write_tones(folder: Path, takes: int = 10) -> Path:
    """A table of clips: each set of tones ``takes`` times, with their ``loudness`` and ``brightness``.

    Returns:
        The table, with ``path, label, group, loudness, brightness``; labels are joined by ``;``.
    """
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True)
    times = np.arange(round(RATE * SECONDS)) / RATE
    rows = []
    for chosen, take in product(product((False, True), repeat=len(TONES)), range(takes)):
        labels = [label for label, there in zip(TONES, chosen, strict=True) if there]
        if not labels:
            continue
        level = rng.uniform(0.2, 1.0)
        samples = np.sum([np.sin(2 * np.pi * TONES[label] * times + rng.uniform(0, 6)) for label in labels], axis=0)
        samples = 0.2 * level * samples + 1e-3 * rng.standard_normal(len(times))
        name = f"{''.join(label[0] for label in labels)}-{take}.wav"
        soundfile.write(folder / name, samples, RATE)
        brightness = float(np.mean([np.log2(TONES[label] / 1000) for label in labels]))
        rows.append((name, ";".join(labels), name, level, brightness))
    table = pd.DataFrame(rows, columns=["path", "label", "group", "loudness", "brightness"])
    table.to_csv(folder / "clips.csv", index=False)
    return folder / "clips.csv"
