"""The feature array of a source from those of its shards."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from numpy.lib.format import open_memmap

from soundbench.core.integrity import DIGEST, checked_array
from soundbench.core.ragged import FIRST, RaggedArray
from soundbench.core.storage import atomic_path, read_clip_table, write_csv
from soundbench.features.files import FeatureFiles
from soundbench.features.group_normalisation import normalise_by_group
from soundbench.features.settings import Settings, by_group


def gather_features(shards: Sequence[FeatureFiles], whole: FeatureFiles, clips: str, settings: Settings) -> None:
    """Write the arrays and the indexes of all shards as one of each, as if one job had computed them.

    One shard is read at a time, and its rows are compared with their digests.

    Args:
        clips: the source's clip table, with the groups of clips for ``normalise: group``.
        settings: the front-end.
    """
    indexes = [read_clip_table(shard.index) for shard in shards]
    arrays = [
        checked_array(shard.array, index, index["row"].to_numpy()) for shard, index in zip(shards, indexes, strict=True)
    ]
    stored = [array.values if isinstance(array, RaggedArray) else array for array in arrays]
    rows = first = 0
    with atomic_path(whole.array) as temporary:
        shape = (sum(map(len, stored)), *stored[0].shape[1:])
        written = open_memmap(temporary, mode="w+", dtype=stored[0].dtype, shape=shape)
        for values, index in zip(stored, indexes, strict=True):
            written[first : first + len(values)] = values
            index["row"] += rows
            if FIRST in index:
                index[FIRST] += first
            rows += len(index)
            first += len(values)
        written.flush()
    index = pd.concat(indexes, ignore_index=True)
    if by_group(settings):
        groups = read_clip_table(clips).set_index("clip")["group"]
        index[DIGEST] = normalise_by_group(whole.array, groups[index["clip"]], index["frames"])
    write_csv(Path(whole.index), index)
