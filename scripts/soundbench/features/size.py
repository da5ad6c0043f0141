"""The lengths of clips and the size of a feature array, which is checked before any clip is decoded."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from soundbench.core.capacity import check_room, memory_bytes
from soundbench.core.errors import InputError
from soundbench.features.settings import EMBEDDING, Settings, by_group, frame_count, has_fixed_length, hop_samples

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)

LONGEST_RATIO = 100  # the longest clip, in median lengths, of which models take whole clips, padded to the longest
LEAST_FILLED = 0.5  # the share of a padded array that is no padding, below which clips are stored without padding
VALUES = {"float16": 2, "float32": 4}  # bytes
ADVICE = "`features.NAME.duration` (s) can crop clips"


@dataclass(frozen=True)
class Lengths:
    """The frames of the clips of a source before resizing: of the longest, and the mean."""

    longest: int
    mean: float

    @property
    def ragged(self) -> bool:
        """Whether the clips are stored without padding (:mod:`soundbench.core.ragged`), which would be most of it."""
        return self.mean < LEAST_FILLED * self.longest


def clip_frames(clips: pd.DataFrame, settings: Settings) -> list[int]:
    """The frames of each clip of a source before resizing.

    Args:
        clips: the source's clips, with ``seconds`` and ``sample_rate`` (Hz).
    """
    pairs = zip(clips["seconds"], clips["sample_rate"], strict=True)
    sizes = [(settings.get("duration") or seconds, settings["sample_rate"] or own) for seconds, own in pairs]
    frames = {size: frame_count(*size, settings) for size in set(sizes)}
    return [frames[size] for size in sizes]


def clip_lengths(clips: pd.DataFrame, settings: Settings) -> Lengths:
    """The lengths of a source's clips (see :func:`clip_frames`), in the sense of how they are stored.

    All are equal if features are resized, or normalised by group: the padding is then another value in each bin.
    """
    frames = clip_frames(clips, settings)
    longest = max(frames)
    padded = settings.get("resize") or by_group(settings)
    return Lengths(longest, longest if padded else sum(frames) / len(frames))


def long_clips(index: pd.DataFrame, settings: Settings) -> list[str]:
    """The clips that last at least :data:`LONGEST_RATIO` times the median, one line each; none if the length of clips
    does not matter.

    Args:
        index: ``clip, frames`` of the features.
        settings: the front-end.
    """
    if settings["front_end"] == EMBEDDING or has_fixed_length(settings):
        return []
    median = index["frames"].median()
    long = index[index["frames"] >= LONGEST_RATIO * median]
    if long.empty:
        return []
    rate = settings.get("sample_rate")
    frame, unit, digits = (hop_samples(settings) / rate, "s", 1) if rate else (1, "frames", 0)
    return [
        f"{clip}: lasts {frames * frame:,.{digits}f} {unit}, the median {median * frame:,.{digits}f} {unit}"
        for clip, frames in zip(long["clip"], long["frames"], strict=True)
    ]


def check_whole_clips(index: pd.DataFrame, settings: Settings, user: str, remedy: str) -> None:
    """Refuse features of whole clips if some clips are far longer than the others, since all are padded to the longest.

    Args:
        index: ``clip, frames`` of the features.
        settings: the front-end.
        user: what takes whole clips, and ``remedy`` what it can do instead.

    Raises:
        InputError: naming all clips that :func:`long_clips` finds.
    """
    if long := long_clips(index, settings):
        heading = f"{user} takes whole clips, all padded to the longest. {remedy}, or leave out these clips:"
        raise InputError(long, heading)


def check_size(clips: int, shape: tuple[int, ...], dtype: str, array: str | Path) -> None:
    """Log the size of a feature array, and refuse one that does not fit the disk.

    Args:
        shape: the shape of the features of one clip.
        dtype: the type of their values.

    Raises:
        NoRoomError: it does not fit.
    """
    size = VALUES[dtype] * clips * math.prod(shape)
    text = f"{array}, {clips} × {' × '.join(map(str, shape))}"
    check_room(f"{text}: {ADVICE}. The array", size, array)
    logger.info("%s: %.1f MB", text, size / 1e6)
    if size > (memory := memory_bytes()):
        logger.warning(
            "%s: is larger than the memory (%.0f MB), so training reads it from the disk in each epoch. %s",
            text,
            memory / 1e6,
            ADVICE,
        )
