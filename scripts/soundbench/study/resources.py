"""The memory and the time that jobs ask for: more for many clips, and more with each attempt."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from soundbench.data.shards import shard_count
from soundbench.study.study import Wildcards

ROW = {"clips": 200, "measures": 400, "index": 45, "tables": 130}  # bytes of a row of these tables, about
Resource = Callable[[Wildcards, Any, int], int]


def by_clips(base: int, per_thousand: int, table: str = "clips") -> Resource:
    """A resource function: ``base``, and ``per_thousand`` for every 1,000 clips, times the attempt.

    A job of one shard asks for what its part of the clips needs. The number of clips follows from the size of a table,
    which takes no time even for 10,000 jobs. When a study is planned the table may be missing; Snakemake asks again
    before the job starts.

    Args:
        base: what a job with few clips needs: MB of memory, or minutes.
        table: the name of the input that has one row per clip, a key of :data:`ROW`; it may be several files.
    """

    def resource(wildcards: Wildcards, input: Any, attempt: int) -> int:
        files = [input[table]] if isinstance(input[table], str | Path) else input[table]
        size = sum(path.stat().st_size for path in map(Path, files) if path.is_file())
        clips = size // ROW[table] // shard_count(getattr(wildcards, "shard", None))
        return attempt * (base + per_thousand * (clips // 1000))

    return resource
