"""Sources of clips. Each module here is a *reader*: it turns one kind of source into the same clip table.

A reader has ``read(root, **options)``, which returns one row a clip with the columns ``clip, path, label, group,
fold``, and, where soundbench can obtain the recordings itself, ``fetch(target, **options)``. The options are the
source's keys in ``config/datasets.yaml``. A new reader is one module here and its keys in the schema.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import soundfile

from soundbench.errors import InputError
from soundbench.storage import file_sha256, write_csv, write_json

if TYPE_CHECKING:
    import pandas as pd

READERS = ("esc50", "synthetic")

CLIP_COLUMNS = ["clip", "path", "label", "group", "fold", "seconds", "sample_rate", "channels", "sha256"]


def reader(name: str) -> ModuleType:
    """The module that reads sources of this kind."""
    return importlib.import_module(f"soundbench.datasets.{name}")


def _options(source: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in source.items() if key not in ("reader", "root")}


def fetch_source(source: dict[str, Any], manifest: str | Path) -> None:
    """Obtain a source's recordings in the folder of ``manifest``, then write the manifest that says so."""
    reader(source["reader"]).fetch(Path(manifest).parent, **_options(source))
    write_json(manifest, source)


def index_clips(source: dict[str, Any], root: str | Path, table: str | Path) -> None:
    """Write the clip table of a source: one row a clip, with what its file's header says.

    Raises:
        InputError: naming every clip whose file is missing or is no audio, all at once.
    """
    clips = reader(source["reader"]).read(Path(root), **_options(source))
    write_csv(table, _with_headers(clips)[CLIP_COLUMNS])


def _with_headers(clips: pd.DataFrame) -> pd.DataFrame:
    headers, problems = [], []
    for path in clips["path"]:
        try:
            info = soundfile.info(path)
        except (soundfile.LibsndfileError, OSError) as error:
            found = "cannot be read as audio" if Path(path).exists() else "does not exist"
            problems.append(f"{path}: {found} ({str(error).rstrip('.')})")
            continue
        headers.append((info.frames / info.samplerate, info.samplerate, info.channels, file_sha256(path)))
    if problems:
        raise InputError(problems, f"{len(problems)} of {len(clips)} clips cannot be used:")
    columns = ["seconds", "sample_rate", "channels", "sha256"]
    return clips.assign(**dict(zip(columns, zip(*headers, strict=True), strict=True)))
