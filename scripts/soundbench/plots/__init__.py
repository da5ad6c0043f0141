"""Figures, in one style."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib
import numpy as np

from soundbench.storage import atomic_path

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

STYLE = {
    "figure.constrained_layout.use": True,
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "legend.frameon": False,
    "svg.hashsalt": "soundbench",  # the same figure is the same bytes
}


@contextmanager
def figure(
    path: str | Path, columns: int, width: float, height: float, title: str, rows: int = 1
) -> Iterator[tuple[Figure, np.ndarray]]:
    """A figure of ``rows`` × ``columns`` panels, each ``width`` × ``height`` inches, saved atomically after the block.

    Yields the canvas and its panels, row after row, ``(panels,)``. ``title`` says in words what it shows, to those who
    hear a page instead of seeing it.
    """
    with plt.rc_context(STYLE):
        canvas, axes = plt.subplots(rows, columns, figsize=(width * columns, height * rows), squeeze=False)
        yield canvas, axes.reshape(-1)
        with atomic_path(path) as temporary:
            canvas.savefig(temporary, metadata={"Date": None, "Title": title})
        plt.close(canvas)
