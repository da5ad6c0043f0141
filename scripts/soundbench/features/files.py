"""Where the features of clips are."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FeatureFiles:
    """A feature array ``(clips, bins, frames)`` and its index, a table with the row of each clip in the array."""

    array: str
    index: str
