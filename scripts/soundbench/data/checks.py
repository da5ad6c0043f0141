"""Checks of sources and views that the schema cannot express, made before any job starts."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from soundbench.core.schema import suggest
from soundbench.data.files import is_plain
from soundbench.data.names import printable
from soundbench.data.readers import READERS
from soundbench.data.recording_traits import TRAITS
from soundbench.data.targets import Targets, source_tasks, target_key_problems
from soundbench.data.view import View

CHECKSUM = re.compile(r"md5:[0-9a-f]{32}|sha256:[0-9a-f]{64}")

# Columns of clip tables and measures that readers do not fill.
RESERVED = {"channels", "clip", "clipped", "detail", "loudest", "path", "problem", "sample_rate", "samples", "seconds"}
RESERVED |= {"sha256", "source_label", *TRAITS}
RENAME = "rename the folder, or use a link to it"


def is_archive(path: str) -> bool:
    """Whether a source's ``root`` is an archive, which must be unpacked first."""
    return path.lower().endswith(".zip")


def source_problems(where: str, source: dict[str, Any]) -> Iterator[str]:
    """The problems of a source's keys."""
    if (checksum := source.get("checksum")) and not CHECKSUM.fullmatch(checksum):
        yield f"{where}.checksum: should be md5: or sha256: and the digest in hexadecimal, but is {checksum!r}"
    root = source.get("root")
    reader = source["reader"]
    yield from _expression_problems(where, source)
    for package in READERS.constant(reader, "NEEDS", ()):
        if find_spec(package) is None:
            yield f"{where}.reader: {reader} needs the package {package}, which is not installed: pip install {package}"
    if columns := source.get("columns"):
        if not source["table"]:
            yield f"{where}.columns: needs `table`, the table's path in the folder `root`"
        needed = ("path",) if source["labels"] or source["values"] else ("path", "label")
        yield from (f"{where}.columns.{name}: is missing" for name in needed if name not in columns)
    yield from target_key_problems(where, source)
    if bool(source.get("start")) != bool(source.get("end")):
        yield f"{where}.{'end' if source['start'] else 'start'}: is missing; a part of a file has a start and an end"
    if root is None:
        makes = any(READERS.defines(reader, function) for function in ("fetch", "make"))
        if not source.get("url") and not makes:
            yield f"{where}.root: name the folder or the .zip with these recordings{_published(source)}"
        return
    path = Path(root).expanduser()
    is_table = READERS.constant(reader, "ROOT") == "table" and not source.get("table")
    if not path.exists():
        yield f"{where}.root: {root} does not exist"
    elif not is_plain(str(path)):
        yield f"{where}.root: {printable(root)} holds one of {{ }} < >, which Snakemake reads as wildcards; {RENAME}"
    elif is_table and (is_archive(root) or not path.is_file()):
        yield f"{where}.root: {root} is not a table; with reader {reader}, root is the table itself"
    elif is_archive(root) and READERS.defines(reader, "unpack"):
        yield f"{where}.root: {root} is an archive; unpack it, and name the folder"
    elif not is_table and path.is_file() and not is_archive(root):
        yield f"{where}.root: {root} is neither a folder nor a .zip archive"


def mixture_problems(where: str, source: dict[str, Any], sources: dict[str, dict[str, Any]]) -> Iterator[str]:
    """The problems of a source that is made of another one, and those of the latter."""
    other = source["of"]
    if other not in sources:
        yield f"{where}.of: there is no source {other!r}{suggest(other, sources)}"
    elif "single-label" not in source_tasks(sources[other]):
        yield f"{where}.of: {other} has no single label per clip; name a source that has"
    else:
        yield from source_problems(f"sources.{other}", sources[other])
    for key in ("levels", "onsets"):
        if source[key][0] > source[key][1]:
            yield f"{where}.{key}: the first number of the range {source[key]} should be the lower one"
    if source["onsets"][1] >= source["seconds"]:
        yield f"{where}.onsets: the latest onset should be before the end of a mixture, {source['seconds']:g} s"


def _published(source: dict[str, Any]) -> str:
    """The address and the licence of recordings that a study cannot fetch, as the end of a message."""
    if not source.get("homepage"):
        return ", or give the address of an archive with url" if "url" in source else ""
    licence = f" (licence: {source['license']})" if source.get("license") else ""
    return f", which are not fetched; they are published at {source['homepage']}{licence}"


def _expression_problems(where: str, source: dict[str, Any]) -> Iterator[str]:
    """The problems of regular expressions: they are invalid, or lack a part that is needed; and of their codes."""
    groups: dict[str, list[str]] = {}
    for key in ("pattern", "ignore"):
        try:
            groups[key] = list(re.compile(source.get(key) or "").groupindex)
        except re.error as error:
            yield f"{where}.{key}: is not a regular expression ({error})"
    if not source.get("pattern") or "pattern" not in groups:
        return
    named = groups["pattern"]
    targets = Targets(source["labels"], values=source["values"])
    if "label" not in named and not targets.replaces_label():
        yield f"{where}.pattern: needs a part named label, such as (?P<label>[a-z]+)"
    for key, names in targets.columns.items():
        for name in [name for name in names if name not in named]:
            yield f"{where}.{key}: the pattern has no part named {name}; it has {', '.join(named)}"
    for name in sorted(RESERVED & {*named} | ({"part"} & {*named} if source["lists"] else set())):
        yield f"{where}.pattern: no part may be named {name}, because the workflow makes a column of this name"
    for name in [name for name in source["codes"] if name not in named]:
        yield f"{where}.codes.{name}: the pattern has no part named {name}; it has {', '.join(named)}"


def _group_problems(where: str, view: View) -> Iterator[str]:
    """The problems of the columns of groups and of the folds that keep two of them apart."""
    split = view["split"]
    columns = view.get("group") or []
    if split["scheme"] != "crossed":
        if len(columns) > 1:
            yield f"{where}.group: two columns need split.scheme: crossed; name one column, or use that scheme"
        return
    if len(columns) != 2:
        yield f"{where}.group: the scheme crossed needs two columns of the clips, such as [speaker, text]"
    parts = split["parts"]
    if split["folds"] != (folds := math.prod(parts)):
        yield f"{where}.split.folds: should be {folds}, one fold per pair of the {' × '.join(map(str, parts))} parts"
    if split["protocol"] == "nested" and parts[0] < 3:
        yield f"{where}.split.parts: the nested protocol needs 3 parts of the first column or more"


def view_problems(where: str, view: View) -> Iterator[str]:
    """The problems of a view's keys that contradict each other."""
    split = view["split"]
    nested = split["protocol"] == "nested"
    yield from _group_problems(where, view)
    if split["scheme"] == "holdout":
        ratio = split["test_ratio"] + (split["val_ratio"] if nested else 0)
        if ratio >= 1:
            yield f"{where}.split: the ratios leave {1 - ratio:g} of the clips to train on; their sum should be below 1"
    elif nested and split["scheme"] != "predefined" and split["folds"] < 3:
        yield f"{where}.split.folds: the nested protocol needs 3 folds (train, validate, test) or more"
    if not nested and "val" in (view.get("limit") or {}):
        yield f"{where}.limit.val: the literature protocol has no validation clips"
    merged = Counter(label for labels in (view.get("merge") or {}).values() for label in labels)
    for label in sorted(label for label, times in merged.items() if times > 1):
        yield f"{where}.merge: {label} is merged into two labels"
    for label in sorted(set(view.get("drop") or ()) & (set(view.get("keep") or ()) | set(merged))):
        yield f"{where}.drop: {label} is dropped, but also kept or merged"
    if view.get("keep"):
        for label in sorted(set(merged) - set(view["keep"]) - set(view.get("drop") or ())):
            yield f"{where}.merge: {label} is not among the labels to keep"
