"""Clips of a view that are copies of other recordings: of another source, or of those that noise is taken from."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from soundbench.core.storage import read_clip_table, write_csv
from soundbench.data.copies import recordings
from soundbench.data.fingerprints import Landmarks, load_landmarks, near_duplicates
from soundbench.data.inspection import inspect_clips
from soundbench.data.subsets import view_clips
from soundbench.data.view import View


def overlap(
    clips: pd.DataFrame,
    landmarks: list[Landmarks],
    others: pd.DataFrame,
    other_landmarks: list[Landmarks],
    least: float,
) -> pd.DataFrame:
    """Pairs of a clip and another recording that have the same samples, or sound alike.

    Args:
        clips: ``clip, samples``, a row each of ``landmarks``.
        others: ``path, samples``, a row each of ``other_landmarks``.
        least: from which likeness on two recordings are near-duplicates.

    Returns:
        ``clip, path, samples, likeness``: the clip, and file and digest of its copy.
    """
    same = clips[["clip", "samples"]].merge(others[["path", "samples"]], on="samples").assign(likeness=1.0)
    pairs = near_duplicates([*landmarks, *other_landmarks], least)
    pairs = pairs[(pairs["first"] < len(clips)) & (pairs["second"] >= len(clips))]
    near = others.iloc[pairs["second"] - len(clips)][["path", "samples"]].reset_index(drop=True)
    near = near.assign(clip=clips["clip"].to_numpy()[pairs["first"]], likeness=pairs["likeness"].to_numpy())
    found = pd.concat([same, near])[["clip", "path", "samples", "likeness"]]
    return found.drop_duplicates(["clip", "path"]).round({"likeness": 3})


def _usable(table: pd.DataFrame, landmarks: list[Landmarks]) -> tuple[pd.DataFrame, list[Landmarks]]:
    """The clips that could be decoded, and their landmarks; the index of ``table`` tells the place of the latter."""
    table = table[table["problem"] == ""]
    return table, [landmarks[row] for row in table.index]


def _of_view(measures: str, landmarks: str, view: View) -> tuple[pd.DataFrame, list[Landmarks]]:
    return _usable(view_clips(read_clip_table(measures), view), load_landmarks(landmarks))


def overlap_with_source(
    measures: str, landmarks: str, view: View, other_measures: str, other_landmarks: str, table: str
) -> None:
    """Write the :func:`overlap` of a view with all clips of a source."""
    others = _usable(read_clip_table(other_measures), load_landmarks(other_landmarks))
    write_csv(table, overlap(*_of_view(measures, landmarks, view), *others, view["audit"]["near_duplicate"]))


def overlap_with_noise(
    measures: str, landmarks: str, view: View, folders: Iterable[str], threads: int, table: str
) -> None:
    """Write the :func:`overlap` of a view with the recordings in folders that noise is taken from.

    Of recordings longer than a minute the beginning is compared.
    """
    paths = [str(file) for folder in folders for file in recordings(folder)]
    found = inspect_clips(paths, threads)
    files = {"path": paths, "samples": [one.samples for one in found], "problem": [one.problem for one in found]}
    others = _usable(pd.DataFrame(files), [one.landmarks for one in found])
    write_csv(table, overlap(*_of_view(measures, landmarks, view), *others, view["audit"]["near_duplicate"]))
