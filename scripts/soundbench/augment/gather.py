"""The augmented copies of a source from those of its shards."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from soundbench.core.storage import atomic_folder, link_or_copy, write_csv


def gather_copies(
    tables: Sequence[str | Path], folders: Sequence[str | Path], table: str | Path, folder: str | Path
) -> None:
    """Write the copies of all shards, and their tables, as one of each, as if one job had made them.

    The files are hard links to those of the shards, which may be removed afterwards.

    Args:
        tables, folders: those of each shard that :func:`soundbench.augment.waveform.augment_clips` wrote.
    """
    # All columns are read as text, so that numbers are written as they were.
    parts = [pd.read_csv(each, dtype=str, keep_default_na=False) for each in tables]
    with atomic_folder(folder) as temporary:
        for part, shard in zip(parts, folders, strict=True):
            for file in part["file"]:
                link_or_copy(Path(shard) / file, temporary / file)
    copies = pd.concat(parts, ignore_index=True)
    write_csv(table, copies.assign(path=[str(Path(folder) / file) for file in copies["file"]]))
