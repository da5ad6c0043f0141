"""A figure of the regions of clips that decisions rest on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from soundbench.core.storage import read_clip_table
from soundbench.evaluation.explanations import Explanations
from soundbench.features.settings import bin_frequencies, hop_samples
from soundbench.report.drawing import ABOVE, SMALL, figure, first_of_rows, shortened
from soundbench.report.figures.samples import CORRECT, WRONG, frequency_names

PANEL = 3.4  # inches, the width of a panel
SHARE = 0.5  # of the largest fall: what falls further is outlined
LEAST = 0.01  # the largest fall below which no region is outlined
EDGE = "#00FF9C"  # stands out on every shade of the spectrogram


def plot_explanations(explanations: list[str], clips: str, path: str) -> None:
    """Draw what a network reads of some test clips, with the regions that its decisions rest on.

    Of several seeds the first is shown. Nothing is drawn where no decision is explained.

    Args:
        explanations: ``explanations.npz`` of each seed, with ``predictions.csv`` beside it.
        clips: the clip table, for lengths and sample rates.
    """
    first = min(explanations, key=lambda file: int(Path(file).parent.name.removeprefix("seed")))
    found = Explanations.read(first)
    if not len(found.explained):
        return
    table = read_clip_table(Path(first).with_name("predictions.csv")).set_index("clip")
    files = read_clip_table(clips).set_index("clip")
    settings = json.loads(str(found.front_end))
    title = "what the network reads of test clips, and the regions that its decisions rest on"
    with figure(path, len(found.explained), PANEL, 2.4, title) as (_, axes):
        for number, (axis, clip) in enumerate(zip(axes, found.explained, strict=True)):
            drops = found.drops[number]
            drops = drops[:, ~np.isnan(drops[0])]
            _draw_clip(axis, found.features[number], drops, settings, files.loc[clip])
            _name(axis, table.loc[clip], float(drops.max()))
        for axis in first_of_rows(axes):
            known = bin_frequencies(settings, int(files.loc[found.explained[0], "sample_rate"]))
            axis.set_ylabel("frequency (Hz)" if known else "bin", fontsize=SMALL)


def _name(axis: Axes, row: pd.Series, fall: float) -> None:
    correct = row["label"] == row["predicted"]
    verdict = "correct" if correct else f"taken for {shortened(row['predicted'])}"
    probability = f"{100 * row[row['predicted']]:.0f} %"
    title = f"{shortened(row['label'])}\n{verdict}, {probability}\nlargest fall: {100 * fall:.0f} points"
    axis.set_title(title, color=CORRECT if correct else WRONG, fontsize=9, y=ABOVE)


def _draw_clip(axis: Axes, features: np.ndarray, drops: np.ndarray, settings: dict[str, Any], clip: pd.Series) -> None:
    """The features of a clip without padding, and an outline of the regions whose silencing lowers the probability."""
    sounding = features[:, ~np.isnan(features[0])].astype(float)
    bins, frames = sounding.shape
    rate = settings["sample_rate"] or int(clip["sample_rate"])
    longest = settings.get("duration") or float(clip["seconds"])
    seconds = min(longest, float(clip["seconds"]) if settings.get("resize") else frames * hop_samples(settings) / rate)
    extent = (0, seconds, 0, bins)
    axis.imshow(sounding, cmap="magma", aspect="auto", interpolation="none", origin="lower", extent=extent)
    if drops.max() >= LEAST:
        times = seconds * _edges(frames, drops.shape[1]) / frames
        _outline(axis, drops >= SHARE * drops.max(), times, _edges(bins, len(drops)))
    frequencies = bin_frequencies(settings, rate)
    if frequencies:
        ticks = [tick for tick in (100, 500, 1000, 2000, 4000, 8000) if frequencies[0] < tick < frequencies[-1]]
        axis.set_yticks(np.interp(ticks, frequencies, np.arange(bins) + 0.5), frequency_names(ticks))
    axis.set_xlabel("time (s)", fontsize=SMALL)
    axis.tick_params(labelsize=SMALL)
    axis.spines[:].set_in_layout(False)  # the numbers beside them lie further out


def _edges(number: int, parts: int) -> np.ndarray:
    """The edges of the parts that ``numpy.array_split`` divides a number of rows or columns into, ``(parts + 1,)``."""
    return np.cumsum([0, *map(len, np.array_split(np.arange(number), parts))])


def _outline(axis: Axes, marked: np.ndarray, x: np.ndarray, y: np.ndarray) -> None:
    """Draw the edges between marked regions and others.

    Args:
        marked: ``(bands, spans)``.
        x, y: the edges of the spans and of the bands.
    """
    padded = np.pad(marked, 1).astype(int)
    level = [[(x[c], y[r]), (x[c + 1], y[r])] for r, c in np.argwhere(np.diff(padded, axis=0)[:, 1:-1])]
    upright = [[(x[c], y[r]), (x[c], y[r + 1])] for r, c in np.argwhere(np.diff(padded, axis=1)[1:-1])]
    axis.add_collection(LineCollection(level + upright, colors=EDGE, linewidths=2, capstyle="projecting"))
