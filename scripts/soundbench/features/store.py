"""Features on disk: one job writes the features of all clips of a source, or of all copies of one variant, to one
memory-mapped array."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.lib.format import open_memmap

from soundbench.core.devices import keep_freed_memory
from soundbench.core.errors import InputError
from soundbench.core.integrity import DIGEST, row_digest
from soundbench.core.storage import atomic_path, read_clip_table, write_csv
from soundbench.data.shards import shard_rows
from soundbench.features.clip_features import Change, clip_features, features_shape, stored_features
from soundbench.features.group_normalisation import check_groups, normalise_by_group
from soundbench.features.settings import Settings, by_group, feature_bins, feature_dtype, feature_problems
from soundbench.features.size import check_lengths, check_size

PIECE = 16  # clips per task of a worker


def _fill_row(
    array: np.ndarray, frames: int, settings: Settings, job: tuple[int, str, Change | None]
) -> tuple[int, str, str | None]:
    """Compute one row of the array; returns the clip's frames, a digest of its row, and its problem, if there is
    one."""
    row, path, change = job
    try:
        array[row], count = stored_features(path, clip_features(path, settings, change), frames, settings)
    except InputError as error:
        return 0, "", str(error)
    return count, row_digest(array[row]), None


def _fill_rows(
    path: Path, frames: int, settings: Settings, jobs: list[tuple[int, str, Change | None]]
) -> list[tuple[int, str, str | None]]:
    """Compute rows of the array at ``path``; returns the result of :func:`_fill_row` for each."""
    array = open_memmap(path, mode="r+")
    return [_fill_row(array, frames, settings, job) for job in jobs]


def _workers(number: int) -> ProcessPoolExecutor:
    """A pool of processes; threads would wait for each other, because a clip needs many short calls in Python.

    On Linux, where that is safe, the processes are forked, so that they need not import torch again.
    """
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    return ProcessPoolExecutor(number, context, initializer=torch.set_num_threads, initargs=(1,))


def store_features(
    paths: Sequence[str],
    settings: Settings,
    frames: int,
    array: str | Path,
    threads: int,
    changes: Sequence[Change | None] | None = None,
) -> pd.DataFrame:
    """Write the features of files to one array, one row per file.

    Clips are processed one by one, in ``threads`` processes. The intermediate results of a clip fit into the cache of
    the processor, so this is three times as fast as batches of clips.

    Args:
        frames: the number of frames of every clip before resizing.
        changes: a function for each file that changes its samples, or None.

    Returns:
        One row per file: its ``row`` in the array, its ``frames`` without padding, and a ``digest`` of the row.

    Raises:
        InputError: naming all clips that cannot be used; or the disk is too small. No file is written then.
    """
    keep_freed_memory()
    torch.set_num_threads(1)
    shape = tuple(settings.get("resize") or (feature_bins(settings), frames))
    check_size(len(paths), shape, feature_dtype(settings), array)
    jobs = list(zip(range(len(paths)), paths, changes or [None] * len(paths), strict=True))
    with atomic_path(array) as temporary:
        open_memmap(temporary, mode="w+", dtype=feature_dtype(settings), shape=(len(paths), *shape)).flush()
        pieces = [jobs[first : first + PIECE] for first in range(0, len(jobs), PIECE)]
        fill = partial(_fill_rows, temporary, frames, settings)
        if threads == 1:
            filled = list(map(fill, pieces))
        else:
            with _workers(threads) as pool:
                filled = list(pool.map(fill, pieces))
        outcomes = [outcome for piece in filled for outcome in piece]
        if problems := [problem for _, _, problem in outcomes if problem]:
            raise InputError(problems, f"{len(problems)} of {len(paths)} clips cannot be used:")
    stored = {"frames": [count for count, _, _ in outcomes], DIGEST: [digest for _, digest, _ in outcomes]}
    return pd.DataFrame({"row": range(len(paths))} | stored)


def compute_features(
    clips: str | Path,
    settings: Settings,
    array: str | Path,
    index: str | Path,
    threads: int,
    copies: str | Path | None = None,
    shard: str | None = None,
) -> None:
    """Write the features of all clips of a source to one array ``(clips, bins, frames)``.

    Shorter clips are padded; ``index`` (``clip, row, frames, digest``) has their numbers of frames without padding.

    Args:
        copies: the table of a variant's copies. Then the features of the copies are computed instead, in the shape of
            the source's clips, and ``index`` also has the columns ``copy`` and ``file``.
        shard: the name of a part of the clips, or of the copies; None for all.

    Raises:
        InputError: naming all clips that cannot be read or are far too long, or groups that cannot be normalised; no
            file is written then.
    """
    source = read_clip_table(clips)
    check_groups(source, settings)
    table = source if copies is None else read_clip_table(copies)
    table = table[shard_rows(shard, len(table))].reset_index(drop=True)
    _check_rates(source, settings)
    check_lengths(source, settings)
    stored_rows = store_features(table["path"], settings, features_shape(source, settings)[1], array, threads)
    if by_group(settings) and shard is None:  # the shards of a source are normalised once they are in one array
        stored_rows[DIGEST] = normalise_by_group(array, table["group"], stored_rows["frames"])
    names = table[["clip"]] if copies is None else table[["clip", "copy", "file"]]
    write_csv(index, pd.concat([names, stored_rows], axis=1))


def _check_rates(clips: pd.DataFrame, settings: Settings) -> None:
    """Refuse settings that do not fit the sample rates of the files, if files are not resampled."""
    if settings["sample_rate"] is None:
        rates = sorted(set(clips["sample_rate"]))
        problems = {problem for rate in rates for problem in feature_problems("features", settings, rate)}
        if problems:
            raise InputError(
                sorted(problems), "This front-end keeps the sample rates of the files and does not fit them:"
            )
