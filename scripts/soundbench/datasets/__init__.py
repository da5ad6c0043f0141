"""Sources of clips. Each module here is a *reader*: it turns one kind of source into the same clip table.

A reader has ``read(root, **options)``, which returns one row a clip with the columns ``clip, path, label, group,
fold`` (empty where nothing is published) and any more that describe a clip. Where soundbench can obtain the
recordings itself, it has ``verify(root)``, which tells whether an archive from the network held them all, or
``fetch(target, **options)``, which makes them. The options are the source's keys in ``config/datasets.yaml``. A new
reader is one module here and its keys in the schema.
"""

from __future__ import annotations

import importlib
import logging
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from soundbench.archives import unpack
from soundbench.errors import InputError
from soundbench.fetching import fetch_archive
from soundbench.storage import write_csv, write_json

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)

READERS = ("csv", "emodb", "esc50", "folder", "synthetic")

RECORDINGS = "recordings"
FILE_COLUMNS = ["seconds", "sample_rate", "channels", "sha256"]
CLIP_COLUMNS = ["clip", "path", "label", "group", "fold", *FILE_COLUMNS]
MEASURES = ["problem", "detail", "samples", "loudest", "clipped"]


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
    module, home, fetched = reader(source["reader"]), Path(manifest).parent, source
    if source.get("root"):
        unpack(Path(source["root"]).expanduser(), home / RECORDINGS)
    elif source.get("url"):
        digest = fetch_archive(source["url"], source["checksum"], home / RECORDINGS, module.verify)
        fetched = source | {"checksum": digest}
    else:
        module.fetch(home, **_options(source))
    write_json(manifest, fetched)


def index_clips(
    source: dict[str, Any],
    root: str | Path,
    on_bad_clip: str,
    threads: int,
    *,
    clips: str | Path,
    measures: str | Path,
    landmarks: str | Path,
) -> None:
    """Write the clip table of a source, one row a clip, and what the audit measures; each file is decoded once.

    Args:
        on_bad_clip: ``fail``, or ``skip`` to leave clips that cannot be used out of the clip table.
        measures: takes all clips, also bad ones, with the columns of the clip table and :data:`MEASURES`.
        landmarks: takes their fingerprints, in the same order.

    Raises:
        InputError: naming every clip that cannot be used, all at once, if they are not to be skipped or none is left.
    """
    # Not above: fetching needs neither.
    from soundbench.fingerprints import save_landmarks
    from soundbench.inspection import inspect_clips

    table = read_clips(source, root)
    columns = [*CLIP_COLUMNS, *(name for name in table if name not in CLIP_COLUMNS)]
    inspections = inspect_clips(list(table["path"]), threads)
    for name in (*FILE_COLUMNS, *MEASURES):
        table[name] = [getattr(inspection, name) for inspection in inspections]
    good = table["problem"] == ""
    if bad := [f"{clip.path}: {clip.detail}" for clip in table[~good].itertuples()]:
        heading = f"{len(bad)} of {len(table)} clips cannot be used"
        if on_bad_clip == "fail" or not good.any():
            raise InputError(bad, f"{heading} (`on_bad_clip: skip` in the source leaves such clips out):")
        logger.warning("%s and are left out:\n  - %s", heading, "\n  - ".join(bad))
    save_landmarks(landmarks, [inspection.landmarks for inspection in inspections])
    write_csv(measures, table[[*columns, *MEASURES]])
    write_csv(clips, table.loc[good, columns])


def read_clips(source: dict[str, Any], root: str | Path) -> pd.DataFrame:
    """What a source's reader tells of its clips, each with a name of its own."""
    clips = reader(source["reader"]).read(Path(root), **_options(source))
    if twice := sorted(set(clips.loc[clips["clip"].duplicated(), "clip"])):
        raise InputError(f"{root}: clips that are listed more than once: {', '.join(twice)}")
    return clips
