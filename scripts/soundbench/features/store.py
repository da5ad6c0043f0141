"""Features on disk: one job turns all clips of a source, or all copies of one variant, into one memory-mapped array."""

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
from soundbench.features.frontends import Change, clip_features, features_shape, stored
from soundbench.features.settings import BINS, Settings, feature_problems
from soundbench.features.size import check_lengths, check_size

PIECE = 16  # clips that a worker is given at a time


def _fill_row(
    array: np.ndarray, frames: int, settings: Settings, job: tuple[int, str, Change | None]
) -> tuple[int, str, str | None]:
    """Compute one row of the array; returns the clip's frames, a digest of its row, and what is wrong with it."""
    row, path, change = job
    try:
        array[row], count = stored(path, clip_features(path, settings, change), frames, settings)
    except InputError as error:
        return 0, "", str(error)
    return count, row_digest(array[row]), None


def _fill_rows(
    path: Path, frames: int, settings: Settings, jobs: list[tuple[int, str, Change | None]]
) -> list[tuple[int, str, str | None]]:
    """Compute rows of the array at ``path``; :func:`_fill_row` says what is returned of each."""
    array = open_memmap(path, mode="r+")
    return [_fill_row(array, frames, settings, job) for job in jobs]


def _workers(number: int) -> ProcessPoolExecutor:
    """Processes, since threads would wait for each other's Python between the many short calls that a clip needs.

    Forked, where that is safe: they then need not import torch again.
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
    """Write the features of files, a row each.

    Clips are processed one by one, in ``threads`` processes: their intermediate results then stay in the cache, which
    is three times as fast as batches of clips.

    Args:
        frames: of a clip before any resizing.
        changes: what is done to the samples of each file first.

    Returns:
        A row a file: its ``row`` in the array, the ``frames`` that are no padding, and a ``digest`` of the row.

    Raises:
        InputError: naming every clip that cannot be used, all at once, or the disk has no room; no file is left behind.
    """
    keep_freed_memory()
    torch.set_num_threads(1)
    shape = tuple(settings.get("resize") or (settings[BINS[settings["front_end"]]], frames))
    check_size(len(paths), shape, array)
    jobs = list(zip(range(len(paths)), paths, changes or [None] * len(paths), strict=True))
    with atomic_path(array) as temporary:
        open_memmap(temporary, mode="w+", dtype=np.float16, shape=(len(paths), *shape)).flush()
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
    counts, digests, _ = zip(*outcomes, strict=True)
    return pd.DataFrame({"row": range(len(paths)), "frames": counts, DIGEST: digests})


def compute_features(
    clips: str | Path,
    settings: Settings,
    array: str | Path,
    index: str | Path,
    threads: int,
    copies: str | Path | None = None,
) -> None:
    """Compute the features of all clips of a source into one array ``(clips, bins, frames)`` of float16.

    Shorter clips are padded; ``index`` (``clip, row, frames, digest``) keeps their true frame counts.

    Args:
        copies: the table of a variant's copies, to compute these instead. They get the shape of the source's clips,
            and ``index`` the columns ``copy`` and ``file``.

    Raises:
        InputError: naming every clip that cannot be read, or is far too long, all at once; no file is left behind.
    """
    source = read_clip_table(clips)
    table = source if copies is None else read_clip_table(copies)
    _check_rates(source, settings)
    check_lengths(source, settings)
    stored_rows = store_features(table["path"], settings, features_shape(source, settings)[1], array, threads)
    names = table[["clip"]] if copies is None else table[["clip", "copy", "file"]]
    write_csv(index, pd.concat([names, stored_rows], axis=1))


def _check_rates(clips: pd.DataFrame, settings: Settings) -> None:
    """Refuse settings that do not fit the files' own sample rates, where these are kept."""
    if settings["sample_rate"] is None:
        rates = sorted(set(clips["sample_rate"]))
        problems = (problem for rate in rates for problem in feature_problems("features", settings, rate))
        if found := sorted(set(problems)):
            raise InputError(found, "This front-end keeps the files' own sample rates, and does not fit them:")
