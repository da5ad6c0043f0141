"""Figures. One style, and one colour a model wherever it appears."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib
import numpy as np

from soundbench.storage import atomic_path

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

# M. Okabe and K. Ito, "Color universal design", 2008: told apart by the colour-blind too.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
STYLE = {
    "figure.constrained_layout.use": True,
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "legend.frameon": False,
    "svg.hashsalt": "soundbench",  # the same figure is the same bytes
}
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")


def model_colours(models: Iterable[str]) -> dict[str, str]:
    """A colour a model, by its place in the configuration."""
    return {model: PALETTE[number % len(PALETTE)] for number, model in enumerate(models)}


def model_markers(models: Iterable[str]) -> dict[str, str]:
    """A marker a model, so that no figure needs its colours; with more models than colours the pairs still differ."""
    return {model: MARKERS[(number + number // len(PALETTE)) % len(MARKERS)] for number, model in enumerate(models)}


@contextmanager
def figure(
    path: str | Path, columns: int, width: float, height: float, title: str = ""
) -> Iterator[tuple[Figure, np.ndarray]]:
    """A figure of ``columns`` panels, each ``width`` × ``height`` inches, saved atomically after the block.

    ``title`` says in words what it shows, to those who hear a page instead of seeing it.
    """
    with plt.rc_context(STYLE):
        canvas, axes = plt.subplots(1, columns, figsize=(width * columns, height), squeeze=False)
        yield canvas, axes[0]
        with atomic_path(path) as temporary:
            canvas.savefig(temporary, metadata={"Date": None, "Title": title or None})
        plt.close(canvas)
