"""The size of a feature array, which is checked before any clip is decoded."""

from __future__ import annotations

import logging
import math
from pathlib import Path

import pandas as pd

from soundbench.core.capacity import check_room, memory_bytes
from soundbench.core.errors import InputError
from soundbench.features.settings import Settings, has_fixed_length

logger = logging.getLogger(__name__)

LONGEST_RATIO = 100  # the longest allowed clip, in median lengths; all clips are padded to the longest
VALUES = {"float16": 2, "float32": 4}  # bytes
ADVICE = "`features.NAME.duration` (s) can crop clips"


def check_lengths(clips: pd.DataFrame, settings: Settings) -> None:
    """Refuse clips that are far longer than the others, if the front-end neither crops nor resizes.

    Args:
        clips: the clip table of a source.

    Raises:
        InputError: naming all clips of at least :data:`LONGEST_RATIO` times the median length.
    """
    if has_fixed_length(settings):
        return
    median = clips["seconds"].median()
    long = clips[clips["seconds"] >= LONGEST_RATIO * median]
    if len(long):
        heading = f"All clips are padded to the longest. {ADVICE}. Otherwise leave out the clips that are far too long:"
        lengths = zip(long["path"], long["seconds"], strict=True)
        raise InputError(
            [f"{path}: lasts {s:.4g} s, {s / median:.0f} times the median" for path, s in lengths], heading
        )


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
