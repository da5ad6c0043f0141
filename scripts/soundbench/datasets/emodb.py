"""EmoDB, the Berlin Database of Emotional Speech: ten actors speak ten sentences in seven emotions.

F. Burkhardt et al., "A Database of German Emotional Speech", Interspeech 2005.
"""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from soundbench.errors import InputError

UTTERANCES = 535
NAME = re.compile(r"(?P<speaker>\d\d)(?P<text>[ab]\d\d)(?P<emotion>[A-Z])(?P<version>[a-z])")
EMOTIONS = {  # the letters are the German words' initials: Wut, Langeweile, Ekel, Angst, Freude, Trauer
    "W": "anger",
    "L": "boredom",
    "E": "disgust",
    "A": "fear",
    "F": "happiness",
    "T": "sadness",
    "N": "neutral",
}


def read(root: Path) -> pd.DataFrame:
    """The utterances directly in ``root`` or in a folder ``wav`` of it; the group is the speaker.

    A name such as ``03a01Fa`` holds speaker, text, emotion and version. Text and version become columns too: there
    are but ten sentences, so that splits by speaker share their texts.

    Raises:
        InputError: there are no WAV files, or names that do not follow the scheme, all of them named.
    """
    files = next((found for folder in (root, root / "wav", *root.glob("*/wav")) if (found := _wav_files(folder))), None)
    if files is None:
        raise InputError(f"{root}: no WAV files are in it, nor in a folder `wav` of it; is this EmoDB?")
    names = {file: NAME.fullmatch(file.stem) for file in files}
    if odd := [file.name for file, name in names.items() if name is None or name["emotion"] not in EMOTIONS]:
        raise InputError(odd, f"{files[0].parent}: names that are not those of EmoDB, such as 03a01Fa.wav:")
    return pd.DataFrame(
        {
            "clip": file.stem,
            "path": str(file),
            "label": EMOTIONS[name["emotion"]],
            "group": name["speaker"],
            "fold": pd.NA,
            "text": name["text"],
            "version": name["version"],
        }
        for file, name in names.items()
    )


def _wav_files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.glob("*") if file.suffix.lower() == ".wav" and not file.name.startswith("."))


def verify(root: Path) -> None:
    """Raise :class:`InputError` unless the 535 published utterances are there."""
    if (found := len(read(root))) != UTTERANCES:
        raise InputError(f"EmoDB has {UTTERANCES} utterances, but {found} are here")
