"""Feature arrays of clips that differ much in length: the frames of all clips one after another, without padding."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.lib.format import dtype_to_descr, write_array_header_1_0

from soundbench.core.prefetch import prefetch_rows

if TYPE_CHECKING:
    import pandas as pd

FIRST = "first_frame"  # columns of an index whose array is ragged: where a clip begins in the array,
LONGEST = "longest"  # and the frames to which all clips are padded when they are read


@dataclass(frozen=True, eq=False)
class RaggedArray:
    """Reads clips of any length as if they were an array ``(clips, bins, frames)``, padded to the longest.

    A clip is padded with its lowest value, as in :func:`soundbench.features.clip_features.fixed_size`.

    Attributes:
        values: ``(frames of all clips, bins)``, such as a memory map.
        firsts: the first frame of each clip in ``values``, ``(clips,)``.
        lengths: the frames of each clip, ``(clips,)``.
        longest: the frames to which clips are padded.
    """

    values: np.ndarray
    firsts: np.ndarray
    lengths: np.ndarray
    longest: int

    @classmethod
    def of(cls, values: np.ndarray, index: pd.DataFrame) -> RaggedArray:
        """The clips that an index, or a part of it, places in ``values``."""
        rows = index["row"].to_numpy(int)  # a table without rows has no types
        firsts, lengths = (np.zeros(rows.max(initial=-1) + 1, int) for _ in range(2))
        firsts[rows] = index[FIRST]
        lengths[rows] = index["frames"]
        return cls(values, firsts, lengths, int(index[LONGEST].max()) if len(index) else 0)

    def __len__(self) -> int:
        return len(self.firsts)

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(clips, bins, frames)`` with padding."""
        return len(self), self.values.shape[1], self.longest

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the values."""
        return self.values.dtype

    @property
    def itemsize(self) -> int:
        """The bytes of a value."""
        return self.values.itemsize

    def clip(self, row: int) -> np.ndarray:
        """A clip as it is stored, ``(frames, bins)`` without padding."""
        return self.values[self.firsts[row] : self.firsts[row] + self.lengths[row]]

    def __getitem__(self, key: Any) -> np.ndarray:
        """Read one clip, clips by their rows, or with ``[row, :, first:last]`` some frames of one clip.

        Only the frames that are asked for are read, except where a clip must be padded.
        """
        if isinstance(key, tuple):
            row, _, frames = key
            first, last, _ = frames.indices(self.longest)
            return self._read(row, first, np.empty((self.shape[1], max(last - first, 0)), self.dtype))
        if np.ndim(key) == 0:
            return self._read(key, 0, np.empty(self.shape[1:], self.dtype))
        found = np.empty((len(key), *self.shape[1:]), self.dtype)
        for row, target in zip(key, found, strict=True):
            self._read(row, 0, target)
        return found

    def _read(self, row: int, first: int, target: np.ndarray) -> np.ndarray:
        """Fill ``target`` ``(bins, frames)`` with a clip from its frame ``first`` on."""
        clip = self.clip(row)
        found = clip[first : first + target.shape[1]]
        target[:, : len(found)] = found.T
        if len(found) < target.shape[1]:
            target[:, len(found) :] = clip.min()
        return target


FeatureArray = np.ndarray | RaggedArray


def prefetch_clip(array: FeatureArray, row: int) -> None:
    """Tell the system that a clip will be read soon."""
    if isinstance(array, RaggedArray):
        prefetch_rows(array.values, array.firsts[row], array.firsts[row] + array.lengths[row])
    else:
        prefetch_rows(array, row, row + 1)


def write_frames(path: Path, clips: Iterable[np.ndarray], bins: int, dtype: str) -> None:
    """Write clips ``(frames, bins)`` one after another to one ``.npy`` file; only one is in memory at a time."""
    written = 0
    with path.open("wb") as file:
        _write_header(file, (0, bins), dtype)
        for clip in clips:
            file.write(clip.tobytes())
            written += len(clip)
        # NumPy leaves room in the header, so that the first dimension can be changed.
        file.seek(0)
        _write_header(file, (written, bins), dtype)


def _write_header(file: BinaryIO, shape: tuple[int, int], dtype: str) -> None:
    write_array_header_1_0(file, {"descr": dtype_to_descr(np.dtype(dtype)), "fortran_order": False, "shape": shape})
