"""Features are read from the disk before they are needed."""

from __future__ import annotations

import ctypes
import mmap
import os
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from soundbench.core.ragged import RaggedArray, prefetch_clip
from soundbench.training.examples import Examples

CLIPS = 64  # of 64 bins and 256 frames in float16, which are 32 kB


def forget(path: Path) -> None:
    """Remove a file from the memory of the system."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def share_in_memory(array: np.memmap, rows: slice) -> float:
    """The share of the pages of these rows that are in memory; asking for it reads none of them."""
    first = array.ctypes.data + rows.start * array.strides[0]
    start = first - first % mmap.PAGESIZE
    length = array.ctypes.data + rows.stop * array.strides[0] - start
    pages = (ctypes.c_ubyte * -(-length // mmap.PAGESIZE))()
    if ctypes.CDLL(None, use_errno=True).mincore(ctypes.c_void_p(start), ctypes.c_size_t(length), pages):
        pytest.skip(f"the system does not say what is in memory: {os.strerror(ctypes.get_errno())}")
    return float(np.mean(np.array(pages) & 1))


def stored(path: Path, *shape: int) -> np.memmap:
    """An array in a file that is not in memory."""
    if not hasattr(os, "posix_fadvise") or not hasattr(ctypes.CDLL(None), "mincore"):
        pytest.skip("this system does not say what is in memory")
    np.save(path, np.arange(np.prod(shape), dtype=np.float16).reshape(shape))
    array: np.memmap = np.load(path, mmap_mode="r")
    forget(path)
    if share_in_memory(array, slice(0, len(array))):
        pytest.skip("this file system is the memory")
    return array


def wait_for(array: np.memmap, rows: slice) -> None:
    """Wait until these rows are in memory."""
    for _ in range(200):
        if share_in_memory(array, rows) == 1:
            return
        time.sleep(0.05)
    raise AssertionError(f"{share_in_memory(array, rows):.0%} of the pages are in memory after ten seconds")


def test_a_prefetched_clip_is_read(tmp_path: Path) -> None:
    array = stored(tmp_path / "features.npy", CLIPS, 64, 256)
    prefetch_clip(array, 40)
    wait_for(array, slice(40, 41))
    assert share_in_memory(array, slice(0, 20)) == 0


def test_a_clip_without_padding_is_read(tmp_path: Path) -> None:
    array = stored(tmp_path / "features.npy", 64 * 256, 64)
    prefetch_clip(RaggedArray(array, np.array([0, 12000]), np.array([9, 300]), 300), 1)
    wait_for(array, slice(12000, 12300))
    assert share_in_memory(array, slice(0, 6000)) == 0


def test_while_a_batch_is_used_the_next_one_is_read(tmp_path: Path) -> None:
    array = stored(tmp_path / "features.npy", CLIPS, 64, 256)
    examples = Examples((array,), np.zeros(CLIPS, int), np.arange(CLIPS), torch.zeros(CLIPS))
    pieces = torch.arange(CLIPS).flip(0).split(8)
    prefetched = examples.prefetched(pieces)
    assert next(prefetched).tolist() == list(range(63, 55, -1))
    wait_for(array, slice(48, 56))
    assert share_in_memory(array, slice(0, 20)) == 0
    assert [piece.tolist() for piece in prefetched] == [piece.tolist() for piece in pieces[1:]]


def test_arrays_in_memory_may_be_prefetched_and_do_not_change() -> None:
    arrays = [np.ones((3, 2, 2)), np.ones((9, 2))]
    prefetch_clip(arrays[0], 1)
    prefetch_clip(RaggedArray(arrays[1], np.array([0, 4]), np.array([4, 5]), 5), 1)
    assert all((array == 1).all() for array in arrays)
