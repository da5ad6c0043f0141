"""Where the features of clips are."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FeatureFiles:
    """A feature array and its index, a table with the row of each clip in the array.

    The array is ``(clips, bins, frames)``; or ``(frames of all clips, bins)`` if most of it would be padding, and then
    the index has the first frame of each clip (:mod:`soundbench.core.ragged`).
    """

    array: str
    index: str
