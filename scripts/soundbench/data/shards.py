"""Shards: the clips of a large source in parts of equal size, each of which is a job.

Where a part begins depends only on the number of clips and of shards, so that no file has to say it.
"""

from __future__ import annotations

BLOCK = 16  # clips; shards begin at multiples of it, so that their batches are those of all clips together
SEPARATOR = "of"  # in the name of a shard, such as ``3of10``


def shard_names(shards: int) -> list[str]:
    """The names of all shards, in the order of their clips."""
    return [f"{number}{SEPARATOR}{shards}" for number in range(1, shards + 1)]


def shard_count(name: str | None) -> int:
    """The number of the shards of a source, by the name of one of them; 1 if ``name`` is None."""
    return 1 if name is None else int(name.split(SEPARATOR)[1])


def shard_rows(name: str | None, clips: int) -> slice:
    """The rows of the clips of a shard among all ``clips``; all rows if ``name`` is None."""
    if name is None:
        return slice(0, clips)
    number, shards = map(int, name.split(SEPARATOR))
    blocks = -(-clips // BLOCK)
    first, last = (min(clips, BLOCK * (blocks * part // shards)) for part in (number - 1, number))
    return slice(first, last)
