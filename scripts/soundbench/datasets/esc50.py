"""ESC-50 and its subset ESC-10: 5 s clips of environmental sounds in five published folds.

K. J. Piczak, "ESC: Dataset for Environmental Sound Classification", ACM Multimedia 2015.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import soundfile

from soundbench.errors import InputError

METADATA = Path("meta/esc50.csv")
COLUMNS = {"filename", "fold", "category", "esc10", "src_file"}
CLIPS = 2000
SECONDS, SAMPLE_RATE = 5, 44100


def read(root: Path) -> pd.DataFrame:
    """The clips that ``meta/esc50.csv`` lists; the group is the Freesound recording a clip was cut from.

    ``root`` is the published folder (``ESC-50-master``) or the one that holds it. Whether a clip belongs to ESC-10
    follows from its class, so a view keeps those ten labels.
    """
    folder = next((f for f in (root, root / "ESC-50-master", *root.glob("*")) if (f / METADATA).is_file()), None)
    if folder is None:
        raise InputError(f"{root}: neither {METADATA} nor ESC-50-master/{METADATA} is there; is this ESC-50?")
    meta = pd.read_csv(folder / METADATA, dtype={"src_file": str})
    if missing := COLUMNS - set(meta.columns):
        raise InputError(f"{folder / METADATA}: lacks the columns {', '.join(sorted(missing))}")
    return pd.DataFrame(
        {
            "clip": [Path(name).stem for name in meta["filename"]],
            "path": [str(folder / "audio" / name) for name in meta["filename"]],
            "label": meta["category"],
            "group": meta["src_file"],
            "fold": meta["fold"],
        }
    )


def verify(root: Path) -> None:
    """Raise :class:`InputError` unless the 2,000 published clips are there, each 5 s at 44.1 kHz."""
    clips = read(root)
    problems = [] if len(clips) == CLIPS else [f"{METADATA} should list {CLIPS} clips, but lists {len(clips)}"]
    for path in clips["path"]:
        try:
            info = soundfile.info(path)
        except (soundfile.LibsndfileError, OSError) as error:
            problems.append(f"{Path(path).name}: cannot be read ({str(error).rstrip('.')})")
            continue
        if (info.frames, info.samplerate) != (SECONDS * SAMPLE_RATE, SAMPLE_RATE):
            problems.append(f"{Path(path).name}: {info.frames} samples at {info.samplerate} Hz, not 5 s at 44.1 kHz")
    if problems:
        raise InputError(problems)
