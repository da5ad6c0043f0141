"""A run on made-up clips, for tests of the training job."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from helpers.library import training
from soundbench.core.storage import write_csv
from soundbench.training.run import Run

TRAINING = training(epochs=4, batch_size=8, learning_rate=0.01)
RUN = Run(
    dataset="made-up",
    model="cnn",
    seed=1,
    fold=1,
    protocol="nested",
    recipe={"family": "cnn", "width": 4, "blocks": 2, "convolutions": 1, "dropout": 0.1, "training": TRAINING},
    front_end={"front_end": "logmel", "scale": "db", "power": 2, "normalise": "dataset"},
)


def write_made_up(folder: Path) -> Path:
    """Forty clips of two classes, told apart by where their energy lies, in four folds of which one is the test's."""
    rng = np.random.default_rng(0)
    labels = np.array(["high", "low"] * 20)
    features = rng.normal(size=(40, 16, 20)).astype(np.float16)
    features[labels == "high", 8:] += 1
    features[labels == "low", :8] += 1
    clips = [f"clip{number:02d}" for number in range(40)]
    np.save(folder / "features.npy", features)
    write_csv(folder / "index.csv", pd.DataFrame({"clip": clips, "row": range(40), "frames": 20}))
    roles = np.repeat(["train", "train", "val", "test"], 10)
    split = pd.DataFrame({"clip": clips, "label": labels, "group": clips, "fold1": roles})
    write_csv(folder / "nested.csv", split)
    write_csv(folder / "literature.csv", split.replace({"fold1": {"val": "train"}}))
    write_csv(folder / "measures.csv", pd.DataFrame({"clip": clips, "samples": clips}))
    return folder


def write_several(folder: Path) -> Path:
    """The same number of clips with two independent parts of energy: as two labels, and as two numbers.

    The features are ``several.npy``, the splits ``multi-label.csv`` and ``regression.csv``; the rest is as made up.
    """
    write_made_up(folder)
    rng = np.random.default_rng(1)
    levels = rng.uniform(0, 2, (40, 2))
    features = rng.normal(size=(40, 16, 20))
    features[:, 8:] += levels[:, 0, None, None]
    features[:, :8] += levels[:, 1, None, None]
    np.save(folder / "several.npy", features.astype(np.float16))
    split = pd.read_csv(folder / "nested.csv")
    names = np.array(["high", "low"], dtype=object)
    write_csv(folder / "multi-label.csv", split.assign(label=[";".join(names[row > 1]) for row in levels]))
    numbers = dict(zip(("true_high", "true_low"), (100 * levels).T, strict=True))
    write_csv(folder / "regression.csv", split.drop(columns="label").assign(**numbers))
    return folder
