"""Figures, in one style."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from PIL import Image

from soundbench.core.storage import atomic_path

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

STYLE: dict[Any, Any] = {
    "figure.constrained_layout.use": True,
    "font.size": 10,
    "font.sans-serif": ["DejaVu Sans", "Verdana"],  # of the same widths
    "text.parse_math": False,  # a `$` in a name does not start a formula
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "legend.frameon": False,
    "svg.hashsalt": "soundbench",  # the same figure has the same bytes
    "svg.fonttype": "none",  # text, not outlines: searchable, readable by screen readers, and half the size
}


@contextmanager
def figure(
    path: str | Path, columns: int, width: float, height: float, title: str, rows: int = 1
) -> Iterator[tuple[Figure, np.ndarray]]:
    """A figure of ``rows`` × ``columns`` panels, each ``width`` × ``height`` inches, saved atomically as SVG after
    the block.

    Yields the canvas and its panels, row after row, ``(panels,)``. ``title`` describes the figure in words for screen
    readers.
    """
    with plt.rc_context(STYLE):
        canvas, axes = plt.subplots(rows, columns, figsize=(width * columns, height * rows), squeeze=False)
        yield canvas, axes.reshape(-1)
        with atomic_path(path) as temporary:
            canvas.savefig(temporary, bbox_inches="tight", metadata={"Date": None, "Title": title})
            Path(temporary).write_text(_IMAGE.sub(_repacked, Path(temporary).read_text()))
        plt.close(canvas)


_IMAGE = re.compile(r"(?<=data:image/png;base64,)[^\"]+")


def _repacked(image: re.Match[str]) -> str:
    """An image of at most 256 colours with a palette: half the size of matplotlib's four bytes per pixel."""
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(image[0]))).convert("RGBA"))
    colours, indices = np.unique(pixels.reshape(-1, 4), axis=0, return_inverse=True)
    if len(colours) > 256:
        return image[0]
    packed, content = Image.fromarray(indices.reshape(pixels.shape[:2]).astype(np.uint8), "P"), io.BytesIO()
    packed.putpalette(colours[:, :3].tobytes())
    packed.save(content, "PNG", optimize=True, transparency=colours[:, 3].tobytes())
    return base64.b64encode(content.getvalue()).decode()
