"""Sources of clips. Each module here is a *reader*: it turns one kind of source into the same clip table.

A reader has ``read(root, **options)``, which returns one row a clip with the columns ``clip, path, label, group,
fold`` (empty where nothing is published) and any more that describe a clip. Where soundbench can obtain the
recordings itself, it has ``verify(root)``, which tells whether an archive from the network held them all, or
``fetch(target, **options)``, which makes them. The options are the source's keys in ``config/datasets.yaml``. A new
reader is one module here and its keys in the schema.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import soundfile

from soundbench.errors import InputError
from soundbench.fetching import fetch_archive, unpack
from soundbench.storage import file_sha256, write_csv, write_json

if TYPE_CHECKING:
    import pandas as pd

READERS = ("csv", "emodb", "esc50", "folder", "synthetic")

RECORDINGS = "recordings"
CLIP_COLUMNS = ["clip", "path", "label", "group", "fold", "seconds", "sample_rate", "channels", "sha256"]


def reader(name: str) -> ModuleType:
    """The module that reads sources of this kind."""
    return importlib.import_module(f"soundbench.datasets.{name}")


def _options(source: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in source.items() if key not in ("reader", "root", "url", "checksum")}


def fetch_source(source: dict[str, Any], manifest: str | Path) -> None:
    """Obtain a source's recordings in the folder of ``manifest``, then write the manifest that says so.

    What comes in an archive, the user's own (``root``) or one from the network (``url``), is unpacked in its folder
    ``recordings``; else the reader makes them.
    """
    module, home = reader(source["reader"]), Path(manifest).parent
    if source.get("root"):
        unpack(Path(source["root"]).expanduser(), home / RECORDINGS)
    elif source.get("url"):
        fetch_archive(source["url"], source["checksum"], home / RECORDINGS, module.verify)
    else:
        module.fetch(home, **_options(source))
    write_json(manifest, source)


def index_clips(source: dict[str, Any], root: str | Path, table: str | Path) -> None:
    """Write the clip table of a source: one row a clip, with what its file's header says.

    Raises:
        InputError: naming every clip whose file is missing, is no audio or holds no samples, all at once.
    """
    clips = read_clips(source, root)
    more = [name for name in clips if name not in CLIP_COLUMNS]
    write_csv(table, _with_headers(clips)[[*CLIP_COLUMNS, *more]])


def read_clips(source: dict[str, Any], root: str | Path) -> pd.DataFrame:
    """What a source's reader tells of its clips, each with a name of its own."""
    clips = reader(source["reader"]).read(Path(root), **_options(source))
    if twice := sorted(set(clips.loc[clips["clip"].duplicated(), "clip"])):
        raise InputError(f"{root}: clips that are listed more than once: {', '.join(twice)}")
    return clips


def _with_headers(clips: pd.DataFrame) -> pd.DataFrame:
    headers, problems = [], []
    for path in clips["path"]:
        try:
            info = soundfile.info(path)
        except (soundfile.LibsndfileError, OSError) as error:
            found = "cannot be read as audio" if Path(path).exists() else "does not exist"
            problems.append(f"{path}: {found} ({str(error).rstrip('.')})")
            continue
        if info.frames == 0:
            problems.append(f"{path}: holds no samples")
            continue
        headers.append((info.frames / info.samplerate, info.samplerate, info.channels, file_sha256(path)))
    if problems:
        raise InputError(problems, f"{len(problems)} of {len(clips)} clips cannot be used:")
    columns = ["seconds", "sample_rate", "channels", "sha256"]
    return clips.assign(**dict(zip(columns, zip(*headers, strict=True), strict=True)))
