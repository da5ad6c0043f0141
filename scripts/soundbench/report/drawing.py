"""Figures, in one style."""

from __future__ import annotations

import base64
import io
import math
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import matplotlib
import numpy as np
from PIL import Image

from soundbench.core.storage import atomic_path
from soundbench.report.style import text_colour
from soundbench.report.svg import compact

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.text import Text

WIDEST = 12.0  # inches: a figure of this width on a page of 1,000 px has letters of 9 px at 8 pt, the smallest here
PANELS_PER_ROW = 3
SMALL = 8  # pt, the smallest letters
LETTER = 0.07  # inches, about the width of one of them
LEGEND_ROWS = 2  # for which the heights of figures have space
LEGEND_ROW = 0.21  # inches
LETTERS = 28  # of a name; the tables have it whole

STYLE: dict[Any, Any] = {
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.w_pad": 0.1,  # inches: the last tick of a panel stays clear of the first of the next
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

# Where the title of a panel begins. Else matplotlib measures all ticks to keep it clear of a power of ten above them.
ABOVE = 1.0


class _Canvas(Figure):
    """A figure that is drawn once: before it is saved, matplotlib draws it for its layout and drops the drawing."""

    def draw(self, renderer: Any) -> None:
        engine = self.get_layout_engine()  # while it is saved another engine takes the place of this one
        if isinstance(engine, ConstrainedLayoutEngine):
            engine.execute(self)
        else:
            super().draw(renderer)


@contextmanager
def figure(
    path: str | Path, panels: int, width: float, height: float, title: str, columns: int = PANELS_PER_ROW
) -> Iterator[tuple[Figure, np.ndarray]]:
    """A figure of panels of ``width`` × ``height`` inches, saved atomically as SVG after the block.

    A row has at most ``columns`` panels and is at most :data:`WIDEST` inches wide; a single panel that is wider
    becomes narrower. Yields the canvas and its panels, row after row, ``(panels,)``. ``title`` describes the figure in
    words for screen readers.
    """
    columns = max(1, min(columns, panels, int(WIDEST // width)))
    rows = math.ceil(panels / columns)
    with plt.rc_context(STYLE):
        size = (min(WIDEST, width * columns), height * rows)
        canvas, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, FigureClass=_Canvas)
        for surplus in axes.reshape(-1)[panels:]:
            surplus.remove()
        yield canvas, axes.reshape(-1)[:panels]
        with atomic_path(path) as temporary, _measured_once():
            canvas.savefig(temporary, bbox_inches="tight", metadata={"Date": None, "Title": title})
            Path(temporary).write_text(_IMAGE.sub(_repacked, compact(Path(temporary).read_text())))
        plt.close(canvas)


@contextmanager
def _measured_once() -> Iterator[None]:
    """Keep the layouts of texts and the ticks of axes: to save a figure, matplotlib computes each about ten times."""
    lay_out, update = vars(Text)["_get_layout"], vars(Axis)["_update_ticks"]
    layouts: dict[tuple[Any, ...], Any] = {}
    ticks: dict[Axis, Any] = {}

    def layout(text: Any, renderer: Any) -> Any:
        font = (hash(text.get_fontproperties()), text.get_figure(root=True).dpi, type(renderer))
        turned = (text.get_rotation(), text.get_rotation_mode(), text.get_ha(), text.get_va())
        key = (text._get_wrapped_text(), *font, *turned, text._multialignment, text._linespacing)
        if key not in layouts:
            layouts[key] = lay_out(text, renderer)
        return layouts[key]

    def updated(axis: Any) -> Any:
        state = (*axis.get_view_interval(), *axis.axes.bbox.size)
        if ticks.get(axis, (None,))[0] != state:
            ticks[axis] = (state, update(axis))
        return ticks[axis][1]

    with patch.object(Text, "_get_layout", layout), patch.object(Axis, "_update_ticks", updated):
        yield


def first_of_rows(axes: Iterable[Axes]) -> list[Axes]:
    """The left-most panel of each row."""
    return [axis for axis in axes if (position := axis.get_subplotspec()) and position.is_first_col()]


def legend_below(canvas: Figure, axis: Axes) -> None:
    """One legend for all panels, below them; ``axis`` has every entry. A long one makes the canvas higher."""
    entries = axis.get_legend_handles_labels()
    canvas.legend(*entries, loc="outside lower center", ncols=PANELS_PER_ROW)
    more = max(0, math.ceil(len(entries[1]) / PANELS_PER_ROW) - LEGEND_ROWS)
    canvas.set_figheight(canvas.get_figheight() + LEGEND_ROW * more)


def write_shares(axis: Axes, image: AxesImage, shares: np.ndarray) -> None:
    """Write the shares (%) from 1 on into the cells of a matrix that ``image`` shows."""
    for (row, column), share in np.ndenumerate(shares):
        if share >= 1:
            shade = text_colour(tuple(image.to_rgba(share)))
            # It lies inside the matrix, so the layout need not measure it.
            number = axis.text(column, row, f"{share:.0f}", ha="center", va="center", color=shade, fontsize=SMALL)
            number.set_in_layout(False)


def shortened(name: str, letters: int = LETTERS) -> str:
    """A name of at most ``letters`` letters; a longer one loses its middle, since similar names differ at their end."""
    if len(name) <= letters:
        return name
    return f"{name[: letters - letters // 2]}…{name[len(name) - letters // 2 + 1 :]}"


_IMAGE = re.compile(r"(?<=data:image/png;base64,)[^\"]+")


def _repacked(image: re.Match[str]) -> str:
    """An image of at most 256 colours with a palette: half the size of matplotlib's four bytes per pixel."""
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(image[0]))).convert("RGBA"))
    # As whole numbers, which are sorted faster than rows.
    numbers, indices = np.unique(np.ascontiguousarray(pixels).view(">u4"), return_inverse=True)
    colours = numbers[:, None].view(np.uint8)
    if len(colours) > 256:
        return image[0]
    packed = Image.fromarray(indices.reshape(pixels.shape[:2]).astype(np.uint8), "P")
    content = io.BytesIO()
    packed.putpalette(colours[:, :3].tobytes())
    packed.save(content, "PNG", optimize=True, transparency=colours[:, 3].tobytes())
    return base64.b64encode(content.getvalue()).decode()
