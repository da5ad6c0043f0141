"""Features as PNG files for people; models read the arrays."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np

from soundbench.core.integrity import checked_array
from soundbench.core.storage import atomic_folder, read_clip_table
from soundbench.data.copies import ORIGINAL, copy_name

matplotlib.use("Agg")
from matplotlib.image import imsave


def draw_features(features: str | Path, index: str | Path, variant: str, folder: str | Path) -> None:
    """Write ``<clip>_<variant>.png`` of every row of a feature array, one pixel per value, low frequencies below.

    Padding is left out, and each image spans the whole range of colours.
    """
    table = read_clip_table(index)
    array = checked_array(features, table, table["row"].to_numpy())
    copies = table["copy"] if variant != ORIGINAL else [1] * len(table)
    with atomic_folder(folder) as temporary:
        for clip, copy, row, frames in zip(table["clip"], copies, table["row"], table["frames"], strict=True):
            image = np.float32(array[row, :, :frames])
            imsave(temporary / f"{copy_name(clip, variant, copy)}.png", image, cmap="magma", origin="lower")
