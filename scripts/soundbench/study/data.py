"""Inputs and parameters of the rules that make clip tables, audits and splits from sources of recordings."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from soundbench.data.checks import is_archive
from soundbench.data.files import files_state, folders_below, is_plain, shards
from soundbench.data.readers import READERS
from soundbench.data.shards import shard_count, shard_names
from soundbench.study.paths import CLIPS, FETCHED, LANDMARKS, MEASURES, fill
from soundbench.study.study import Study, Wildcards

AUTO = "auto"
CLIPS_PER_SHARD = 10_000  # with `shards: auto`


class DataInputs:
    """Inputs and parameters of fetching, indexing, auditing and splitting."""

    def __init__(self, study: Study) -> None:
        self.study = study

    def reader_module(self, wildcards: Wildcards) -> str:
        """The module that reads a source, by its dotted name."""
        return READERS.module(self.study.source(wildcards)["reader"])

    def own_root(self, wildcards: Wildcards) -> str:
        """The user's own folder, table or archive of a source's recordings; empty if there is none."""
        return self._root(wildcards.source)

    def _root(self, source: str) -> str:
        root = self.study.settings["sources"][source].get("root")
        return str(Path(root).expanduser()) if root else ""

    def by_recordings(self, wildcards: Wildcards, base: int, per_thousand: int) -> int:
        """A resource of a job that has no clip table yet: ``base``, and more for every 1,000 recordings of the user, or
        of a shard of them."""
        number = files_state(self.own_root(wildcards)).number // shard_count(getattr(wildcards, "shard", None))
        return base + per_thousand * (number // 1000)

    def shards(self, source: str) -> list[str]:
        """The names of the shards of a source; none if it is one job."""
        entry = self.study.settings["sources"][source]
        root = self._root(source)
        shards = -(-files_state(root).number // CLIPS_PER_SHARD) if entry["shards"] == AUTO else entry["shards"]
        return shard_names(shards) if shards > 1 else []

    @cached_property
    def sharded(self) -> list[str]:
        """The sources in shards."""
        return [name for name in self.study.settings["sources"] if self.shards(name)]

    @cached_property
    def whole(self) -> list[str]:
        """The sources whose clips one job measures, and whose features one job computes."""
        return [name for name in self.study.settings["sources"] if name not in self.sharded]

    def of_shards(self, pattern: str) -> Callable[[Wildcards], list[str]]:
        """An input function: ``pattern`` for every shard of a source; none if it is one job."""
        return lambda wildcards: fill(pattern, shard=self.shards(wildcards.source))

    def own_archive(self, wildcards: Wildcards) -> list[str]:
        """The user's own files that must be unpacked before a source can be read: an archive, or Arrow files."""
        root = self.own_root(wildcards)
        if root and READERS.defines(self.study.source(wildcards)["reader"], "unpack"):
            return [root, *filter(is_plain, map(str, shards(Path(root))))]
        return [root] if is_archive(root) else []

    def mixed_clips(self, wildcards: Wildcards) -> dict[str, str]:
        """The clip table of the source that a source is made of; none for other sources."""
        of = self.study.source(wildcards).get("of")
        return {"clips": fill(CLIPS, source=of)[0]} if of else {}

    def source_files(self, wildcards: Wildcards) -> list[str] | str:
        """The files that must exist before a source can be read: the user's recordings, or the manifest of
        ``fetch_dataset``.

        The dates of the folders below the user's recordings change when clips are added or removed.
        """
        root = self.own_root(wildcards)
        return [root, *folders_below(root)] if root and not self.own_archive(wildcards) else FETCHED

    def source_root(self, wildcards: Wildcards, input: list[str]) -> str:
        """The folder (or table) of a source's recordings: the user's own, or that of ``fetch_dataset``."""
        if self.own_root(wildcards) == input[0]:
            return input[0]
        unpacked = self.own_archive(wildcards) or self.study.source(wildcards).get("url")
        return str(Path(input[0]).parent / ("recordings" if unpacked else ""))

    def clip_table(self, wildcards: Wildcards) -> str:
        """The clip table of the source of a data set."""
        return self.of_source(CLIPS)(wildcards)

    def measures(self, wildcards: Wildcards) -> dict[str, str]:
        """The measurements of the clips of the source of a data set."""
        patterns = {"measures": MEASURES, "landmarks": LANDMARKS}
        return {name: self.of_source(pattern)(wildcards) for name, pattern in patterns.items()}

    def of_source(self, pattern: str) -> Callable[[Wildcards], str]:
        """An input function: ``pattern`` for the source of a data set."""
        return lambda wildcards: fill(pattern, source=self.study.source_of(wildcards.dataset))[0]
