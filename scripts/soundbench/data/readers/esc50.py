"""ESC-50 and its subset ESC-10: 5 s clips of environmental sounds in five published folds.

K. J. Piczak, "ESC: Dataset for Environmental Sound Classification", ACM Multimedia 2015.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from soundbench.core.errors import InputError
from soundbench.data.audio import header_problems
from soundbench.data.files import path_problem
from soundbench.data.readers import ARCHIVE

SETTINGS = {
    "root": {
        "description": (
            "The folder `ESC-50-master`, the folder that contains it, or a .zip archive of either. It is "
            "used as it is, and nothing is fetched."
        ),
        "type": ["string", "null"],
        "minLength": 1,
        "default": None,
    },
    **ARCHIVE,
}
METADATA = Path("meta/esc50.csv")
COLUMNS = {"filename", "fold", "category", "esc10", "src_file"}
CLIPS = 2000
SECONDS = 5
SAMPLE_RATE = 44100


def read(root: Path) -> pd.DataFrame:
    """The clips that ``meta/esc50.csv`` lists; the group is the Freesound recording a clip was cut from.

    ``root`` is the published folder (``ESC-50-master``) or the one that holds it. Whether a clip belongs to ESC-10
    follows from its class, so a view keeps those ten labels.
    """
    folder = next((f for f in (root, root / "ESC-50-master", *root.glob("*")) if (f / METADATA).is_file()), None)
    if folder is None:
        raise InputError(f"{root}: neither {METADATA} nor ESC-50-master/{METADATA} is there; is this ESC-50?")
    meta = _read_metadata(folder / METADATA)
    return pd.DataFrame(
        {
            "clip": [Path(name).stem for name in meta["filename"]],
            "path": [str(folder / "audio" / name) for name in meta["filename"]],
            "label": meta["category"],
            "group": meta["src_file"],
            "fold": meta["fold"].astype(int),
        }
    )


def _read_metadata(path: Path) -> pd.DataFrame:
    """The text of ``meta/esc50.csv``, which comes from the network and is not trusted."""
    try:
        meta = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (ValueError, OSError) as error:
        raise InputError(f"{path}: cannot be read as a table ({error})") from error
    if missing := COLUMNS - set(meta.columns):
        raise InputError(f"{path}: lacks the columns {', '.join(sorted(missing))}")
    rows = enumerate(meta.to_dict("records"), 1)
    if problems := [f"row {number}: {problem}" for number, row in rows for problem in _row_problems(row)]:
        raise InputError(problems, f"{path}: rows that cannot be used:")
    return meta


def _row_problems(row: dict[str, str]) -> Iterator[str]:
    yield from (f"{name} is empty" for name in ("filename", "category", "src_file") if not row[name])
    if problem := path_problem(row["filename"], "the folder audio"):
        yield problem
    if not (row["fold"].isdecimal() and int(row["fold"]) > 0):
        yield f"fold should be a whole number from 1, but is {row['fold']!r}"


def verify(root: Path) -> None:
    """Raise :class:`InputError` unless the 2,000 published clips are there, each 5 s at 44.1 kHz."""
    clips = read(root)
    problems = [] if len(clips) == CLIPS else [f"{METADATA} should list {CLIPS} clips, but lists {len(clips)}"]
    problems += header_problems(clips["path"], _not_published)
    if problems:
        raise InputError(problems)


def _not_published(header: Any) -> str | None:
    if (header.frames, header.samplerate) == (SECONDS * SAMPLE_RATE, SAMPLE_RATE):
        return None
    return f"has {header.frames} samples at {header.samplerate} Hz, and should have 5 s at 44.1 kHz"
