"""Checks of what a source holds: the files in its folder, and the columns of its clips that data sets name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from soundbench.core.schema import suggest
from soundbench.data.checks import RESERVED
from soundbench.data.files import folder_with

Config = dict[str, Any]


def file_problems(where: str, source: Config) -> Iterator[str]:
    """The table and the lists that are not in the folder of a source; archives are not opened."""
    folder = Path(source.get("root") or "").expanduser()
    if not source.get("root") or not folder.is_dir():
        return
    named = {"table": source.get("table")} | {f"lists.{part}": name for part, name in source.get("lists", {}).items()}
    for key, name in named.items():
        # folder_with reads the whole folder, which may hold many files.
        if name and not (folder / name).is_file() and not (folder_with(folder, [name]) / name).is_file():
            others = [path.name for path in folder.glob(f"*{Path(name).suffix}") if path.is_file()]
            yield f"{where}.{key}: {folder} holds no file {name}{suggest(name, others) if others else ''}"


def column_problems(where: str, view: Config, source: Config) -> Iterator[str]:
    """The columns of groups that the clips of a view do not have, as far as the keys of the source say."""
    if source["reader"] == "pattern":
        further = {*re.compile(source["pattern"]).groupindex}
        hint = "further columns are the named parts of `pattern`"
    elif source["reader"] == "csv":
        further = {*source["columns"], *source["values"]}
        hint = "further columns are named by `columns`, with `table`"
    else:
        return
    known = {"fold", "group", "label", "part"} | further | RESERVED
    for name in [name for name in view.get("group") or [] if name not in known]:
        near = suggest(name, further) if further else ""
        yield f"{where}.group: clips of {view['source']} have no column {name!r}; {hint}{near}"
