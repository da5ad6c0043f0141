"""Sources of clips. Each module of ``readers`` is a *reader*: it turns one kind of source into a clip table.

A reader has ``read(root, **options)``, which returns one row per clip with the columns ``clip, path, label, group,
fold`` (empty if there are no published folds) and further columns that describe a clip; ``attrs["notes"]`` lists what
was left out. If soundbench can obtain the recordings, the reader has ``verify(root)``, which checks that a downloaded
archive holds all of them, or ``fetch(target, **options)``, which makes them, or ``make(clips, target, **options)``,
which makes them of the clips of another source, the key ``of``. If the user's folder holds no audio files,
``unpack(root, target, **options)`` writes them into the folder that is then read. ``NEEDS`` names packages that are not
installed with the workflow. ``ROOT = "table"`` states that ``root`` is a file. ``SETTINGS`` describes the keys of its
sources in ``config/datasets.yaml``; all except ``root``, ``url`` and ``checksum`` are the options.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soundbench.core.errors import InputError
from soundbench.core.storage import read_clip_table, write_csv, write_json
from soundbench.core.text import sorted_list
from soundbench.data.archives import unpack
from soundbench.data.download import fetch_archive
from soundbench.data.names import name_problem, normalised, printable, similar_names
from soundbench.data.parts import part_of
from soundbench.data.readers import READERS
from soundbench.data.recording_traits import TRAITS
from soundbench.data.shards import shard_rows
from soundbench.data.targets import labels_in

if TYPE_CHECKING:
    import pandas as pd

    from soundbench.data.fingerprints import Landmarks

logger = logging.getLogger(__name__)

RECORDINGS = "recordings"
FILE_COLUMNS = ["seconds", "sample_rate", "channels", "sha256"]
CLIP_COLUMNS = ["clip", "path", "label", "group", "fold", *FILE_COLUMNS]
MEASURES = ["problem", "detail", "samples", "loudest", "clipped", *TRAITS]
MEASURED = [*FILE_COLUMNS, *MEASURES]  # of each clip, when it is decoded
TEXT = ["sha256", "problem", "detail", "samples"]  # of these columns, those that are no numbers


def _options(source: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in source.items() if key not in ("reader", "root", "url", "checksum", "of")}


def fetch_source(source: dict[str, Any], manifest: str | Path, clips: str | None = None) -> None:
    """Obtain a source's recordings in the folder of ``manifest``, then write the manifest.

    An archive, the user's own (``root``) or a downloaded one (``url``), is unpacked into the folder ``recordings``.
    Without an archive the reader makes the recordings.

    Args:
        clips: the clip table of the source that this one is made of, if it is.
    """
    module = READERS.load(source["reader"])
    home = Path(manifest).parent
    fetched = source
    if source.get("root"):
        root = Path(source["root"]).expanduser()
        if READERS.defines(source["reader"], "unpack"):
            module.unpack(root, home / RECORDINGS, **_options(source))
        else:
            unpack(root, home / RECORDINGS)
    elif source.get("url"):
        digest = fetch_archive(source["url"], source["checksum"], home / RECORDINGS, module.verify)
        fetched = source | {"checksum": digest}
    elif clips:
        module.make(read_clip_table(clips), home, **_options(source))
    else:
        module.fetch(home, **_options(source))
    write_json(manifest, fetched)


@dataclass(frozen=True)
class IndexFiles:
    """The files that an index consists of.

    Attributes:
        clips: the clip table.
        measures: the table of all clips, also bad ones, with the columns of the clip table and :data:`MEASURES`.
        landmarks: the fingerprints of all clips, in the same order.
        notes: the notes of the reader, a list of sentences.
    """

    clips: str | Path
    measures: str | Path
    landmarks: str | Path
    notes: str | Path


def index_clips(
    source: dict[str, Any],
    root: str | Path,
    on_bad_clip: str,
    threads: int,
    outputs: IndexFiles,
    shards: Sequence[tuple[str, str]] = (),
) -> None:
    """Write the clip table of a source, one row per clip, and measurements for the audit; each clip is decoded once.

    Args:
        on_bad_clip: ``fail``; or ``skip`` to leave clips that cannot be used out of the clip table.
        shards: the files of all shards that :func:`inspect_shard` wrote; if there are none, clips are inspected here.

    Raises:
        InputError: naming all clips that cannot be used, if they are not skipped, or if no clip can be used.
    """
    # They are imported here, because fetching does not need them.
    from soundbench.data.fingerprints import save_landmarks

    table = read_clips(source, root)
    columns = [*CLIP_COLUMNS, *(name for name in table if name not in CLIP_COLUMNS)]
    measured, points = _read_shards(shards, table) if shards else _inspected(table["path"], threads)
    table[MEASURED] = measured[MEASURED]
    good = table["problem"] == ""
    if bad := [f"{clip.path}: {clip.detail}" for clip in table[~good].itertuples()]:
        heading = f"{len(bad)} of {len(table)} clips cannot be used"
        if on_bad_clip == "fail" or not good.any():
            raise InputError(bad, f"{heading} (`on_bad_clip: skip` in the source leaves such clips out):")
        logger.warning("%s and are left out:\n  - %s", heading, "\n  - ".join(bad))
    save_landmarks(outputs.landmarks, points)
    write_json(outputs.notes, table.attrs["notes"])
    write_csv(outputs.measures, table[[*columns, *MEASURES]])
    write_csv(outputs.clips, table.loc[good, columns])


def inspect_shard(
    source: dict[str, Any], root: str | Path, shard: str, threads: int, *, measures: str | Path, landmarks: str | Path
) -> None:
    """Inspect the clips of one shard for :func:`index_clips`, which reports clips that cannot be used."""
    from soundbench.data.fingerprints import save_landmarks

    table = read_clips(source, root)
    table = table[shard_rows(shard, len(table))].reset_index(drop=True)
    measured, points = _inspected(table["path"], threads)
    save_landmarks(landmarks, points)
    write_csv(measures, measured.assign(path=table["path"]))


def _inspected(paths: Iterable[str], threads: int) -> tuple[pd.DataFrame, list[Landmarks]]:
    """The measurements of files, one row each, and their landmarks."""
    import pandas as pd

    from soundbench.data.inspection import inspect_clips

    inspections = inspect_clips(list(paths), threads)
    values = {name: [getattr(inspection, name) for inspection in inspections] for name in MEASURED}
    return pd.DataFrame(values), [inspection.landmarks for inspection in inspections]


def _read_shards(shards: Sequence[tuple[str, str]], clips: pd.DataFrame) -> tuple[pd.DataFrame, list[Landmarks]]:
    """The measurements and landmarks of all shards.

    Raises:
        InputError: they are of other clips, because recordings were added or removed meanwhile.
    """
    import pandas as pd

    from soundbench.data.fingerprints import load_landmarks

    tables = [pd.read_csv(measures, dtype=str, keep_default_na=False) for measures, _ in shards]
    measured = pd.concat(tables, ignore_index=True)
    for name in set(MEASURED) - set(TEXT):  # Python's own conversion gives exactly what was written
        convert = int if name in ("sample_rate", "channels") else lambda text: float(text or "nan")
        measured[name] = measured[name].map(convert)
    if list(measured["path"]) != list(clips["path"]):
        raise InputError("The recordings have changed since they were measured; run the same command again.")
    return measured, [points for _, landmarks in shards for points in load_landmarks(landmarks)]


def read_clips(source: dict[str, Any], root: str | Path) -> pd.DataFrame:
    """The clips that a source's reader finds; labels, groups and further texts are in the Unicode form NFC.

    ``attrs["notes"]`` lists what the reader left out and names that are suspiciously similar; they are also logged.

    Raises:
        InputError: naming all clips and names that cannot be used.
    """
    import pandas as pd
    from pandas.api.types import is_numeric_dtype as is_numeric

    # pyarrow, where it is installed, cannot hold names that are not UTF-8, which are refused below.
    with pd.option_context("mode.string_storage", "python"):
        clips = READERS.load(source["reader"]).read(Path(root), **_options(source))
        clips[["label", "group"]] = clips[["label", "group"]].astype(str)
        # A view may take any further text for its groups.
        others = [name for name in clips if name not in CLIP_COLUMNS and not is_numeric(clips[name])]
        texts = ["label", "group", *others]
        clips[texts] = clips[texts].map(normalised)
    if repeated := clips.loc[clips["clip"].duplicated(), "clip"].tolist():
        raise InputError(f"{root}: clips that are listed more than once: {sorted_list(repeated)}")
    if problems := [*_name_problems(clips, texts), *_labelled_twice(clips)]:
        raise InputError(problems, f"{printable(str(root))}: names and files that cannot be used:")
    names_of = {name: list(map(str, clips[name])) for name in texts} | {"label": labels_in(clips["label"], source)}
    similar = [(kind, names) for kind, given in names_of.items() for names in similar_names(given)]
    warnings = [f"{kind}s that differ only in case, form or blanks: {', '.join(names)}" for kind, names in similar]
    clips.attrs["notes"] = [*map(printable, clips.attrs.get("notes", [])), *warnings]
    for note in clips.attrs["notes"]:
        logger.warning("%s", note)
    return clips


def _name_problems(clips: pd.DataFrame, texts: list[str]) -> Iterator[str]:
    for path in clips["path"]:
        if problem := name_problem(path):
            yield f"{printable(path)}: the name of the file {problem}; rename it"
    for kind in texts:
        for name in sorted(set(map(str, clips[kind]))):
            if problem := name_problem(name):
                yield f"the {kind} {printable(name)} {problem}; rename it"


def _labelled_twice(clips: pd.DataFrame) -> Iterator[str]:
    """The problems of files that have several labels, because of links."""
    paths = defaultdict(list)
    for path, label in zip(clips["path"], clips["label"], strict=True):
        part = part_of(path)
        if Path(part.file).is_file():
            status = Path(part.file).stat()
            paths[status.st_dev, status.st_ino, part.start, part.end].append((label, path))
    for links in paths.values():
        if len({label for label, _ in links}) > 1:
            yield f"one file has several labels: {', '.join(path for _, path in links)}; keep one of them"
