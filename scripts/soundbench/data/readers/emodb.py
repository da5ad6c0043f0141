"""EmoDB, the Berlin Database of Emotional Speech: ten actors speak ten sentences in seven emotions.

F. Burkhardt et al., "A Database of German Emotional Speech", Interspeech 2005.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import pandas as pd

from soundbench.core.errors import InputError
from soundbench.data.audio import header_problems
from soundbench.data.readers import ARCHIVE

SETTINGS = {
    "root": {
        "description": (
            "The folder with the WAV files, the folder that contains it as `wav`, or a .zip archive of either. It is "
            "used as it is, and nothing is fetched."
        ),
        "type": ["string", "null"],
        "minLength": 1,
        "default": None,
    },
    **ARCHIVE,
}
UTTERANCES = 535
# The SHA-256 of the sorted names, one per line.
NAMES_SHA256 = "4d6eb689055567ff60e64a114810bf55fbfa9d8a9528867793f5a727a697003d"
SHORTEST = 1  # s
LONGEST = 10  # s: the shortest and the longest utterance are within these
SAMPLE_RATE = 16000  # Hz
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

    A name such as ``03a01Fa`` holds speaker, text, emotion and version. All become columns: there are but ten
    sentences, so that splits by speaker share their texts.

    Raises:
        InputError: there are no WAV files, or names that do not follow the scheme, all of them named.
    """
    files = next((found for folder in (root, root / "wav", *root.glob("*/wav")) if (found := _wav_files(folder))), None)
    if files is None:
        raise InputError(f"{root}: contains no WAV files, and has no folder `wav` with any; is this EmoDB?")
    matches = {file: NAME.fullmatch(file.stem) for file in files}
    names = {file: match for file, match in matches.items() if match and match["emotion"] in EMOTIONS}
    if odd := [file.name for file in files if file not in names]:
        raise InputError(odd, f"{files[0].parent}: names that are not those of EmoDB, such as 03a01Fa.wav:")
    return pd.DataFrame(
        {
            "clip": file.stem,
            "path": str(file),
            "label": EMOTIONS[name["emotion"]],
            "group": name["speaker"],
            "fold": pd.NA,
            "speaker": name["speaker"],
            "text": name["text"],
            "version": name["version"],
        }
        for file, name in names.items()
    )


def _wav_files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.glob("*") if file.suffix.lower() == ".wav" and not file.name.startswith("."))


def verify(root: Path) -> None:
    """Raise :class:`InputError` unless the 535 published utterances are there: their names, format and length."""
    clips = read(root)
    problems = [] if len(clips) == UTTERANCES else [f"EmoDB has {UTTERANCES} utterances, but {len(clips)} are here"]
    if not problems and hashlib.sha256("\n".join(sorted(clips["clip"])).encode()).hexdigest() != NAMES_SHA256:
        problems = [f"the names of the {UTTERANCES} utterances are not those of EmoDB"]
    problems += header_problems(clips["path"], _not_published)
    if problems:
        raise InputError(problems)


def _not_published(header: Any) -> str | None:
    if (header.samplerate, header.channels) == (SAMPLE_RATE, 1) and SHORTEST < header.duration < LONGEST:
        return None
    found = f"{header.duration:.3g} s and {header.channels} channels at {header.samplerate} Hz"
    return f"has {found}, and should have {SHORTEST} to {LONGEST} s and one channel at 16 kHz"
