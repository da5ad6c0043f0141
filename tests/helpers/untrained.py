"""Folders of untrained models, which are as fast as trained ones and made at once, and sounds for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from safetensors.torch import save_file

from helpers.library import configuration
from soundbench.core.storage import write_json
from soundbench.models.registry import build_model

LABELS = ["dog", "rain", "wind"]
TINY_INPUT = {"models": {"cnn": {"width": 4}}, "shape": (64, 44)}  # features of a second


def write_model(
    folder: Path,
    labels: list[str],
    front_end: str = "logmel64",
    shape: tuple[int, int] = (64, 216),
    seed: int = 0,
    **config: Any,
) -> Path:
    """A model of the library's `cnn` that takes features of ``shape`` (bins, frames): by default of clips of 5 s.

    Args:
        config: changes of the library.
    """
    library = configuration(**config)
    recipe = library["models"]["cnn"] | {"features": front_end}
    torch.manual_seed(seed)
    folder.mkdir(parents=True)
    save_file(build_model(recipe, len(labels), shape).state_dict(), folder / "model.safetensors")
    names = {"dataset": "own", "model": "cnn", "seed": 1, "fold": seed + 1, "recipe": recipe}
    normalisation = {"mean": -40.0, "std": 20.0}
    inputs = {"front_end": library["features"][front_end], "shape": shape, "normalisation": normalisation}
    write_json(folder / "model.json", names | {"labels": labels} | inputs)
    return folder


def write_sound(path: Path, seconds: float, rate: int = 22050, channels: int = 1, seed: int = 0) -> Path:
    """A chirp in noise."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    chirp = 0.3 * np.sin(2 * np.pi * (200 + 300 * time) * time)
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, chirp[:, None] + 0.05 * rng.standard_normal((len(time), channels)), rate)
    return path
