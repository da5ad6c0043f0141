"""Checks that feature arrays and split tables have not changed since they were written.

Snakemake compares dates only, so it does not notice a file that a disk or a copy has truncated or changed. The job that
finds such a file removes it, so that the same command makes it again.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from soundbench.core.errors import InputError
from soundbench.core.ragged import FIRST, FeatureArray, RaggedArray
from soundbench.core.storage import read_clip_table, write_csv
from soundbench.core.text import shortened_list

if TYPE_CHECKING:
    import pandas as pd

DIGEST = "digest"  # a column: in an index the digest of a row of the array, in a split table that of the whole table
LENGTH = 16  # hexadecimal digits of a SHA-256 that are kept
SKEW = 60  # seconds by which the clocks of a cluster's nodes may differ
NAMED = 3  # clips that a message names


def row_digest(row: np.ndarray) -> str:
    """A digest of a clip's features, their shape and their type."""
    digest = hashlib.sha256(f"{row.dtype.str} {row.shape}".encode())
    digest.update(np.ascontiguousarray(row).data)
    return digest.hexdigest()[:LENGTH]


def checked_array(path: str | Path, index: pd.DataFrame, rows: np.ndarray) -> FeatureArray:
    """Open a feature array and compare its ``rows`` with the digests in its index, if the index has them.

    Returns:
        The memory map ``(clips, bins, frames)``; of clips that are stored without padding, an object that reads as one.

    Raises:
        InputError: the array is missing, or has changed since it was written; then it is removed.
    """
    try:
        values: np.ndarray = np.load(path, mmap_mode="r")
    except FileNotFoundError as error:
        raise missing(path) from error
    except (ValueError, OSError, EOFError) as error:
        raise damaged(path, f"cannot be read as a feature array ({error})") from error
    array = RaggedArray.of(values, index) if FIRST in index else values
    if DIGEST not in index:
        return array
    checked = index[index["row"].isin(rows)]
    changed = checked["row"].ge(len(array)) | (
        checked[DIGEST] != checked["row"].map(lambda row: _digest_of(array, row))
    )
    if changed.any():
        clips = shortened_list(list(checked.loc[changed, "clip"]), NAMED)
        raise damaged(path, f"has changed since it was written, for {clips}")
    return array


def _digest_of(array: FeatureArray, row: int) -> str:
    if row >= len(array):
        return ""
    return row_digest(array.clip(row) if isinstance(array, RaggedArray) else array[row])


def write_split(path: str | Path, split: pd.DataFrame) -> None:
    """Write a split table; its last column is a digest of the table, the same in every row."""
    write_csv(path, split.assign(**{DIGEST: _table_digest(split)}))


def read_split(path: str | Path) -> pd.DataFrame:
    """Read a split table, without its digest.

    Raises:
        InputError: the table is missing, or has changed since it was written; then it is removed.
    """
    try:
        split = read_clip_table(path)
    except FileNotFoundError as error:
        raise missing(path) from error
    except ValueError as error:
        raise damaged(path, f"cannot be read as a table ({error})") from error
    if DIGEST in split and set(split.pop(DIGEST)) != {_table_digest(split)}:
        raise damaged(path, "has changed since it was written")
    return split


def _table_digest(split: pd.DataFrame) -> str:
    text = split.to_csv(index=False, lineterminator="\n")
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]


def check_dates(files: Iterable[str | Path]) -> None:
    """Refuse inputs that are dated in the future, before any work is done.

    Raises:
        InputError: an input has a later date than the outputs would have, so Snakemake would delete the outputs.
    """
    dates = {file: Path(file).stat().st_mtime for file in files if Path(file).exists()}
    late = {file: date for file, date in dates.items() if date > time.time() + SKEW}
    if lines := [f"{file}: {datetime.fromtimestamp(date):%Y-%m-%d %H:%M:%S}" for file, date in late.items()]:
        raise InputError(
            lines, "These inputs are dated in the future. Correct the clock, or change the dates (`touch`):"
        )


def missing(path: str | Path) -> InputError:
    """The error for a file that another job has removed because it was damaged."""
    return InputError(f"{path}: is missing; run the same command again to make it")


def damaged(path: str | Path, problem: str) -> InputError:
    """Remove a file that has changed since it was written; returns the error to raise."""
    Path(path).unlink(missing_ok=True)
    return InputError(f"{path}: {problem}. It was removed; run the same command again to make it")
