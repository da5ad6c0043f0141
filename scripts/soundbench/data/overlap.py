"""Clips of a view that are copies of other recordings: clips of another source, or recordings for noise."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd

from soundbench.core.errors import InputError
from soundbench.core.storage import read_clip_table, write_csv
from soundbench.data.copies import recordings
from soundbench.data.fingerprints import UNSEARCHED, Landmarks, load_landmarks, near_duplicates
from soundbench.data.inspection import inspect_clips
from soundbench.data.subsets import read_view
from soundbench.data.view import View

logger = logging.getLogger(__name__)

MOST_LANDMARKS = 500_000  # of recordings that are compared at once; more would leave out pairs that many of them share


def overlap(
    clips: pd.DataFrame,
    landmarks: list[Landmarks],
    others: pd.DataFrame,
    other_landmarks: list[Landmarks],
    least: float,
) -> pd.DataFrame:
    """Pairs of a clip and another recording that have the same samples or sound alike.

    Args:
        clips: ``clip, samples``, one row per item of ``landmarks``.
        others: ``path, samples``, one row per item of ``other_landmarks``.
        least: the least likeness of near-duplicates.

    Returns:
        ``clip, path, samples, likeness``: the clip, and the file and the digest of its copy.
    """
    duplicates = clips[["clip", "samples"]].merge(others[["path", "samples"]], on="samples").assign(likeness=1.0)
    pairs = near_duplicates([*landmarks, *other_landmarks], least)
    if unsearched := pairs.attrs[UNSEARCHED]:
        logger.warning(
            "most landmarks of %d recordings are common to many, so copies of these may not be found", unsearched
        )
    pairs = pairs[(pairs["first"] < len(clips)) & (pairs["second"] >= len(clips))]
    near = others.iloc[pairs["second"] - len(clips)][["path", "samples"]].reset_index(drop=True)
    near = near.assign(clip=clips["clip"].to_numpy()[pairs["first"]], likeness=pairs["likeness"].to_numpy())
    table = pd.concat([duplicates, near])[["clip", "path", "samples", "likeness"]]
    return table.drop_duplicates(["clip", "path"]).round({"likeness": 3})


def _usable(table: pd.DataFrame, landmarks: list[Landmarks]) -> tuple[pd.DataFrame, list[Landmarks]]:
    """The clips that could be decoded, and their landmarks; the index of ``table`` has their positions."""
    table = table[table["problem"] == ""]
    return table, [landmarks[row] for row in table.index]


def _of_view(measures: str, landmarks: str, view: View) -> tuple[pd.DataFrame, list[Landmarks]]:
    return _usable(read_view(measures, view), load_landmarks(landmarks))


def overlap_with_source(
    measures: str, landmarks: str, view: View, other_measures: str, other_landmarks: str, table: str
) -> None:
    """Write the :func:`overlap` of a view with all clips of a source."""
    others = _usable(read_clip_table(other_measures), load_landmarks(other_landmarks))
    write_csv(table, overlap(*_of_view(measures, landmarks, view), *others, view["audit"]["near_duplicate"]))


def overlap_with_noise(
    measures: str, landmarks: str, view: View, folders: Iterable[str], threads: int, table: str
) -> None:
    """Write the :func:`overlap` of a view with the recordings in the folders for noise.

    Each recording is compared whole with the first minute of each clip.

    Raises:
        InputError: recordings cannot be used, for example because their end is missing; all of them are named.
    """
    paths = [str(file) for folder in folders for file in recordings(folder)]
    inspections = inspect_clips(paths, threads, longest=math.inf)
    bad = [f"{path}: {one.detail}" for path, one in zip(paths, inspections, strict=True) if one.problem]
    if bad:
        heading = f"{len(bad)} of {len(paths)} recordings for noise cannot be used; repair them, or remove them:"
        raise InputError(bad, heading)
    files = pd.DataFrame({"path": paths, "samples": [inspection.samples for inspection in inspections]})
    points = [inspection.landmarks for inspection in inspections]
    clips = _of_view(measures, landmarks, view)
    least = view["audit"]["near_duplicate"]
    write_csv(table, pd.concat([overlap(*clips, *batch, least) for batch in _batches(files, points)]))


def _batches(table: pd.DataFrame, landmarks: list[Landmarks]) -> Iterator[tuple[pd.DataFrame, list[Landmarks]]]:
    """Recordings and their landmarks, about :data:`MOST_LANDMARKS` at a time; at least one batch."""
    before = np.cumsum([0, *map(len, landmarks)])[: len(landmarks)] // MOST_LANDMARKS
    for number in np.unique(before) if landmarks else [0]:
        rows = np.flatnonzero(before == number)
        yield table.iloc[rows], [landmarks[row] for row in rows]
