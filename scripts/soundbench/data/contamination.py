"""Lists of what a pretrained model has seen, and the clips that they name.

A list is a text file with one entry per line: a clip, a path, a group such as a Freesound id, or a digest of samples,
as ``trained_on.txt`` beside each model has them. Empty lines and lines that begin with ``#`` do not count.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from soundbench.core.errors import InputError
from soundbench.data.files import AUDIO_SUFFIXES
from soundbench.data.parts import file_of
from soundbench.data.trained_on import DIGITS

if TYPE_CHECKING:
    import pandas as pd

DIGEST = re.compile(rf"[0-9a-fA-F]{{{DIGITS},64}}")
KINDS = ("samples", "clip", "path", "group")  # what an entry may be equal to, in the order in which a clip is counted


def read_list(file: str | Path) -> set[str]:
    """The entries of a list.

    Raises:
        InputError: it cannot be read as text, or it has no entry.
    """
    path = Path(file).expanduser()
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: cannot be read as a text file ({error})") from error
    entries = {line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")}
    if not entries:
        raise InputError(f"{file}: holds no entry; write one clip, path, group or digest per line")
    return entries


def list_problems(where: str, files: Iterable[str]) -> Iterator[str]:
    """The problems of lists that a key of the configuration names."""
    for file in files:
        try:
            read_list(file)
        except InputError as error:
            yield f"{where}: {error}"


def listed(clips: pd.DataFrame, entries: Iterable[str]) -> pd.Series:
    """By which of :data:`KINDS` each clip of a source is listed, ``(clips,)``; empty for clips that are not.

    Suffixes of audio files do not count. A path matches by its end: all folders below the one that holds the whole
    source must be equal. An entry without a folder may name a group. Digests match by their first digits.

    Args:
        clips: the measurements of all clips of a source: ``clip, path, group, samples``.
    """
    entries = [entry.replace("\\", "/") for entry in entries]
    names = {_without_suffix(entry) for entry in entries}
    digests = {entry[:DIGITS].lower() for entry in entries if DIGEST.fullmatch(entry)}
    files = [PurePosixPath(_without_suffix(path)) for path in _below_root(clips["path"])]
    depths = {len(file.parts) for file in files}
    ends = {"/".join(PurePosixPath(name).parts[-depth:]) for name in names for depth in depths}
    found = {
        "samples": clips["samples"].str[:DIGITS].isin(digests),
        "clip": clips["clip"].isin(names),
        "path": [file.as_posix() in ends for file in files],
        "group": clips["group"].astype(str).isin(names),
    }
    kinds = clips["clip"].map(lambda _: "")
    for kind in reversed(KINDS):
        kinds = kinds.mask(found[kind], kind)
    return kinds


def _without_suffix(path: str) -> str:
    suffix = PurePosixPath(path).suffix
    return path.removesuffix(suffix) if suffix.lower() in AUDIO_SUFFIXES else path


def _below_root(paths: Iterable[str]) -> list[str]:
    """The paths of clips' files relative to the folder that holds all of them."""
    files = [file_of(path) for path in paths]
    root = os.path.commonpath([file.parent for file in files])
    return [file.relative_to(root).as_posix() for file in files]
