"""Feature arrays and split tables: whether they still hold what was written when a later job reads them.

Snakemake looks at dates alone: it takes a file that a disk or a copy has cut short, or changed, for the one it made.
The job that finds such a file removes it, so that the same command makes it again.
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
from soundbench.core.storage import read_clip_table, write_csv

if TYPE_CHECKING:
    import pandas as pd

DIGEST = "digest"  # the column: of a row of the array in an index, of the whole table in a split table
LENGTH = 16  # hexadecimal digits of a SHA-256: enough against accidents
SKEW = 60  # seconds: so much the clocks of a cluster's nodes may differ
NAMED = 3  # clips that a message names


def row_digest(row: np.ndarray) -> str:
    """A digest of a clip's features, their shape and their type."""
    digest = hashlib.sha256(f"{row.dtype.str} {row.shape}".encode())
    digest.update(np.ascontiguousarray(row).data)
    return digest.hexdigest()[:LENGTH]


def checked_array(path: str | Path, index: pd.DataFrame, rows: np.ndarray) -> np.ndarray:
    """Open a feature array; ``rows`` of it are compared with the digests in its index, where that has some.

    Returns:
        The memory map, ``(clips, bins, frames)``.

    Raises:
        InputError: the array is missing, or is not what was written; then it is removed.
    """
    try:
        array: np.ndarray = np.load(path, mmap_mode="r")
    except FileNotFoundError as error:
        raise missing(path) from error
    except (ValueError, OSError, EOFError) as error:
        raise damaged(path, f"cannot be read as a feature array ({error})") from error
    if DIGEST not in index:
        return array
    used = index[index["row"].isin(rows)]
    wrong = used["row"].ge(len(array)) | (used[DIGEST] != used["row"].map(lambda row: _digest_of(array, row)))
    if wrong.any():
        clips = list(used.loc[wrong, "clip"])
        more = f" and {len(clips) - NAMED} more" if len(clips) > NAMED else ""
        raise damaged(path, f"is not what was written for {', '.join(clips[:NAMED])}{more}")
    return array


def _digest_of(array: np.ndarray, row: int) -> str:
    return row_digest(array[row]) if row < len(array) else ""


def write_split(path: str | Path, split: pd.DataFrame) -> None:
    """Write a split table; its last column, the same in every row, is a digest of the table."""
    write_csv(path, split.assign(**{DIGEST: _table_digest(split)}))


def read_split(path: str | Path) -> pd.DataFrame:
    """Read a split table, without its digest.

    Raises:
        InputError: the table is missing, or is not what was written; then it is removed.
    """
    try:
        split = read_clip_table(path)
    except FileNotFoundError as error:
        raise missing(path) from error
    except ValueError as error:
        raise damaged(path, f"cannot be read as a table ({error})") from error
    if DIGEST in split and set(split.pop(DIGEST)) != {_table_digest(split)}:
        raise damaged(path, "is not what was written")
    return split


def _table_digest(split: pd.DataFrame) -> str:
    text = split.to_csv(index=False, lineterminator="\n")
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]


def check_dates(files: Iterable[str | Path]) -> None:
    """Refuse inputs that are dated in the future, before work is done that would be lost.

    Raises:
        InputError: Snakemake would delete the outputs, which are older, when the job has ended.
    """
    dates = {file: Path(file).stat().st_mtime for file in files if Path(file).exists()}
    late = {file: date for file, date in dates.items() if date > time.time() + SKEW}
    if found := [f"{file}: {datetime.fromtimestamp(date):%Y-%m-%d %H:%M:%S}" for file, date in late.items()]:
        raise InputError(found, "These inputs are dated in the future. Set the clock right, or `touch` them:")


def missing(path: str | Path) -> InputError:
    """The error of a file that another job has found damaged and removed."""
    return InputError(f"{path}: is missing; run the same command again, which makes it")


def damaged(path: str | Path, what: str) -> InputError:
    """Remove a file that is not what was written; returns the error to raise."""
    Path(path).unlink(missing_ok=True)
    return InputError(f"{path}: {what}, and has been removed; run the same command again, which makes it anew")
