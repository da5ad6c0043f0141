"""Normalisation of features by group: each speaker, or each recording, gets zero mean and unit deviation by itself.

It removes what the clips of a group have in common, such as a voice or a microphone. B. Schuller et al. compare kinds
of normalisation ("Cross-corpus acoustic emotion recognition", IEEE Transactions on Affective Computing 1, 2010). This
one needs several clips of the group that is tested, without their labels, so models on such features are
*transductive*. The report says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.lib.format import open_memmap

from soundbench.core.errors import InputError
from soundbench.core.integrity import row_digest
from soundbench.core.storage import atomic_path
from soundbench.features.settings import Settings, by_group, is_vector

# Deviations below this share of the mean are rounding errors of values that are all the same.
SMALLEST = 1e-6


def check_groups(clips: pd.DataFrame, settings: Settings) -> None:
    """Refuse groups of a single clip where each clip is one vector: all its values would be zero.

    Args:
        clips: the source's clips, with ``clip`` and ``group``.

    Raises:
        InputError: naming these groups.
    """
    if not (by_group(settings) and is_vector(settings)):
        return
    sizes = clips["group"].value_counts()
    if single := sorted(sizes.index[sizes == 1]):
        problems = [f"group {group!r} has one clip" for group in single]
        raise InputError(
            problems,
            "normalise: group needs two clips in each group; choose normalise: none, or give the clips that share a "
            "speaker or a recording the same group:",
        )


def normalise_by_group(array: str | Path, groups: Sequence[str], frames: Sequence[int]) -> list[str]:
    """Replace a feature array ``(clips, bins, frames)`` by one in which each bin of each group has zero mean and unit
    deviation, over the frames of its clips without padding.

    Args:
        groups: ``(clips,)``, the group of each row.
        frames: ``(clips,)``, the frames of each row without padding.

    Returns:
        The digest of each row.
    """
    stored = np.load(array, mmap_mode="r")
    lengths = np.asarray(frames)
    digests = [""] * len(stored)
    with atomic_path(array) as temporary:
        normalised = open_memmap(temporary, mode="w+", dtype=stored.dtype, shape=stored.shape)
        for rows in pd.Series(range(len(stored))).groupby(np.asarray(groups)).indices.values():
            mean, deviation = _statistics(stored, rows, lengths)
            for row in rows:
                normalised[row] = (stored[row] - mean) / deviation
                digests[row] = row_digest(normalised[row])
        normalised.flush()
    return digests


def _statistics(stored: np.ndarray, rows: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean and the standard deviation, ``(bins, 1)`` each, of the rows of one group; 1 for a constant bin."""
    count = int(lengths[rows].sum())
    own = [(row, int(lengths[row])) for row in rows]
    mean = sum(stored[row, :, :length].sum(axis=1, dtype=np.float64) for row, length in own) / count
    squares = [np.square(stored[row, :, :length] - mean[:, None]).sum(axis=1, dtype=np.float64) for row, length in own]
    deviation = np.sqrt(sum(squares) / count)
    constant = deviation <= SMALLEST * np.maximum(np.abs(mean), SMALLEST)
    return mean[:, None], np.where(constant, 1.0, deviation)[:, None]
