"""What readers of users' own recordings share: which files are audio, and what clips are called."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

# What libsndfile 1.2 reads and what tells its format by itself.
AUDIO_SUFFIXES = {".aif", ".aifc", ".aiff", ".au", ".caf", ".flac", ".mp3", ".oga", ".ogg", ".opus", ".rf64", ".snd"}
AUDIO_SUFFIXES |= {".sph", ".voc", ".w64", ".wav", ".wave"}
LONGEST_NAME = 100  # characters; a file name has room for 255 bytes, and copies of a clip get a suffix


def is_hidden(path: Path) -> bool:
    """Whether a file manager put this here (``.DS_Store``, ``__MACOSX``), or somebody wants it passed over."""
    return path.name.startswith((".", "__"))


def audio_files(folder: Path) -> tuple[list[Path], Counter[str]]:
    """The audio files below ``folder``, sorted, and a count by suffix of the other files."""
    files: list[Path] = []
    others: Counter[str] = Counter()
    for base, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not is_hidden(Path(name))]
        for path in (Path(base, name) for name in names if not is_hidden(Path(name))):
            if path.suffix.lower() in AUDIO_SUFFIXES:
                files.append(path)
            else:
                others[path.suffix.lower() or "no suffix"] += 1
    return sorted(files), others


def folders_below(root: str | Path) -> list[str]:
    """All folders below ``root``; their times change when files come or go."""
    return sorted(str(Path(base, name)) for base, folders, _ in os.walk(root) for name in folders)


def clip_ids(paths: Sequence[str]) -> list[str]:
    """A name for each clip, from its path without suffix, fit to be part of a file's name on any system.

    ``dog/back yard/1.wav`` becomes ``dog-back_yard-1``. Where two would differ in nothing, or in case alone,
    both get a digest of their path, so that names do not depend on the order of clips.
    """
    stems = [PurePosixPath(path).with_suffix("").as_posix().replace("/", "-") for path in paths]
    names = [re.sub(r"[^A-Za-z0-9._-]+", "_", stem).strip("._-") for stem in stems]
    taken = Counter(name.casefold() for name in names)
    return [
        name
        if name and taken[name.casefold()] == 1 and len(name) <= LONGEST_NAME
        else f"{name[:LONGEST_NAME]}-{hashlib.sha256(path.encode()).hexdigest()[:8]}".lstrip("-")
        for name, path in zip(names, paths, strict=True)
    ]
