"""Features on disk: one job writes the features of all clips of a source, or of all copies of one variant, to one
memory-mapped array. If most of it would be padding, the frames of clips are stored one after another instead."""

from __future__ import annotations

import logging
import multiprocessing
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.lib.format import open_memmap

from soundbench.core.devices import compute_on_one_thread, keep_freed_memory
from soundbench.core.errors import InputError
from soundbench.core.integrity import DIGEST, row_digest
from soundbench.core.prefetch import mapped_in_pool
from soundbench.core.ragged import FIRST, LONGEST, write_frames
from soundbench.core.storage import atomic_path, read_clip_table, write_csv
from soundbench.data.shards import shard_rows
from soundbench.features.clip_features import Change, clip_features, stored_features
from soundbench.features.group_normalisation import check_groups, normalise_by_group
from soundbench.features.settings import Settings, by_group, feature_bins, feature_dtype, feature_problems
from soundbench.features.size import Lengths, check_size, check_whole_clips, clip_frames, clip_lengths, long_clips

logger = logging.getLogger(__name__)

PIECE = 16  # clips per task of a worker
Job = tuple[int, str, Change | None]  # the row of a clip, its file, and what changes its samples
Outcome = tuple[int, str, str | None]  # the frames of a clip, a digest of its features, and its problem
Found = TypeVar("Found")


def _fill_row(array: np.ndarray, frames: int, settings: Settings, job: Job) -> Outcome:
    """Compute one row of the array; returns the clip's frames, a digest of its row, and its problem, if there is
    one."""
    row, path, change = job
    try:
        array[row], count = stored_features(path, clip_features(path, settings, change), frames, settings)
    except InputError as error:
        return 0, "", str(error)
    return count, row_digest(array[row]), None


def _fill_rows(path: Path, frames: int, settings: Settings, jobs: list[Job]) -> list[Outcome]:
    """Compute rows of the array at ``path``; returns the result of :func:`_fill_row` for each."""
    array = open_memmap(path, mode="r+")
    return [_fill_row(array, frames, settings, job) for job in jobs]


def _compute_clips(frames: int, settings: Settings, jobs: list[Job]) -> list[tuple[np.ndarray, Outcome]]:
    """The features ``(own frames, bins)`` of clips without padding, of at most ``frames``, and the outcome of each."""
    found = []
    for _, path, change in jobs:
        try:
            features = clip_features(path, settings, change)
            stored, count = stored_features(path, features, min(frames, features.shape[1]), settings)
            clip = np.ascontiguousarray(stored.T)
            outcome: Outcome = count, row_digest(clip), None
        except InputError as error:
            clip = np.empty((0, feature_bins(settings)), feature_dtype(settings))
            outcome = 0, "", str(error)
        found.append((clip, outcome))
    return found


def _workers(number: int) -> ProcessPoolExecutor:
    """A pool of processes; threads would wait for each other, because a clip needs many short calls in Python.

    On Linux, where that is safe, the processes are forked, so that they need not import torch again.
    """
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    return ProcessPoolExecutor(number, context, initializer=compute_on_one_thread)


def _of_pieces(compute: Callable[[list[Job]], list[Found]], jobs: list[Job], threads: int) -> Iterator[Found]:
    """What ``compute`` returns for each job, in their order; pieces of them are computed in ``threads`` processes."""
    pieces = [jobs[first : first + PIECE] for first in range(0, len(jobs), PIECE)]
    if threads == 1:
        yield from chain.from_iterable(map(compute, pieces))
        return
    with _workers(threads) as pool:
        for _, found in mapped_in_pool(pool, compute, pieces, 2 * threads):
            yield from found


def _clips_of(computed: Iterator[tuple[np.ndarray, Outcome]], outcomes: list[Outcome]) -> Iterator[np.ndarray]:
    """The features of the clips, one by one; their outcomes are added to ``outcomes``."""
    for clip, outcome in computed:
        outcomes.append(outcome)
        yield clip


def store_features(
    paths: Sequence[str],
    settings: Settings,
    lengths: Lengths,
    array: str | Path,
    threads: int,
    changes: Sequence[Change | None] | None = None,
) -> pd.DataFrame:
    """Write the features of files to one array, one row per file.

    Clips are processed one by one, in ``threads`` processes. The intermediate results of a clip fit into the cache of
    the processor, so this is three times as fast as batches of clips.

    Args:
        lengths: the frames of the clips before resizing; a clip with more than the longest is cropped to it.
        changes: a function for each file that changes its samples, or None.

    Returns:
        One row per file: its ``row`` in the array, its ``frames`` without padding, and a ``digest`` of its features. If
        the array is ragged, also the columns that :mod:`soundbench.core.ragged` names.

    Raises:
        InputError: naming all clips that cannot be used; or the disk is too small. No file is written then.
    """
    keep_freed_memory()
    compute_on_one_thread()
    dtype, bins = feature_dtype(settings), feature_bins(settings)
    shape = tuple(settings.get("resize") or (bins, round(lengths.mean) if lengths.ragged else lengths.longest))
    check_size(len(paths), shape, dtype, array)
    jobs = list(zip(range(len(paths)), paths, changes or [None] * len(paths), strict=True))
    outcomes: list[Outcome] = []
    with atomic_path(array) as temporary:
        if lengths.ragged:
            computed = _of_pieces(partial(_compute_clips, lengths.longest, settings), jobs, threads)
            write_frames(temporary, _clips_of(computed, outcomes), bins, dtype)
        else:
            open_memmap(temporary, mode="w+", dtype=dtype, shape=(len(paths), *shape)).flush()
            outcomes += _of_pieces(partial(_fill_rows, temporary, lengths.longest, settings), jobs, threads)
        if problems := [problem for _, _, problem in outcomes if problem]:
            raise InputError(problems, f"{len(problems)} of {len(paths)} clips cannot be used:")
    frames = np.array([count for count, _, _ in outcomes], int)
    stored = pd.DataFrame({"row": range(len(paths)), "frames": frames, DIGEST: [digest for _, digest, _ in outcomes]})
    return stored.assign(**{FIRST: frames.cumsum() - frames, LONGEST: lengths.longest}) if lengths.ragged else stored


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

    Shorter clips are padded, here or when they are read; ``index`` (``clip, row, frames, digest``) has their numbers of
    frames without padding.

    Args:
        copies: the table of a variant's copies. Then the features of the copies are computed instead, in the shape of
            the source's clips, and ``index`` also has the columns ``copy`` and ``file``.
        shard: the name of a part of the clips, or of the copies; None for all.

    Raises:
        InputError: naming all clips that cannot be read, or groups that cannot be normalised; no file is written then.
    """
    source = read_clip_table(clips)
    check_groups(source, settings)
    table = source if copies is None else read_clip_table(copies)
    table = table[shard_rows(shard, len(table))].reset_index(drop=True)
    _check_rates(source, settings)
    _check_lengths(source, settings)
    stored_rows = store_features(table["path"], settings, clip_lengths(source, settings), array, threads)
    if by_group(settings) and shard is None:  # the shards of a source are normalised once they are in one array
        stored_rows[DIGEST] = normalise_by_group(array, table["group"], stored_rows["frames"])
    names = table[["clip"]] if copies is None else table[["clip", "copy", "file"]]
    write_csv(index, pd.concat([names, stored_rows], axis=1))


def _check_lengths(clips: pd.DataFrame, settings: Settings) -> None:
    """Warn of clips that are far longer than the others; refuse them where features are stored with padding."""
    index = clips.assign(frames=clip_frames(clips, settings))
    if by_group(settings):
        check_whole_clips(index, settings, "normalise: group", "Set `duration` (s) of the front-end")
    if long := long_clips(index, settings):
        logger.warning("Only models with `training.crop` can use these features:\n  - %s", "\n  - ".join(long))


def _check_rates(clips: pd.DataFrame, settings: Settings) -> None:
    """Refuse settings that do not fit the sample rates of the files, if files are not resampled."""
    if settings["sample_rate"] is None:
        rates = sorted(set(clips["sample_rate"]))
        problems = {problem for rate in rates for problem in feature_problems("features", settings, rate)}
        if problems:
            raise InputError(
                sorted(problems), "This front-end keeps the sample rates of the files and does not fit them:"
            )
