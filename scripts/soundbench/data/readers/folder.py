"""The user's recordings in folders: one sub-folder per label, with audio files in it or below it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from soundbench.core.errors import InputError
from soundbench.data.files import (
    AUDIO_SUFFIXES,
    HIDDEN,
    audio_files,
    clip_ids,
    is_hidden,
    no_audio_problem,
    skipped,
    unread_files,
)

SETTINGS = {
    "root": {
        "description": (
            "A folder, or a .zip archive of one, with one sub-folder per label. Names that begin with `.` or `__`, and "
            "links to folders below a label, are listed and not used."
        ),
        "type": "string",
        "minLength": 1,
    }
}


def read(root: Path) -> pd.DataFrame:
    """The audio files in the sub-folders of ``root``; each clip is its own group, and there are no folds.

    An archive often holds a single folder with everything in it; then that folder is read instead. ``attrs["notes"]``
    lists what was skipped.

    Raises:
        InputError: there are fewer than two sub-folders, or sub-folders without audio files; all of them are named.
    """
    labels = _sub_folders(root)
    if len(labels) == 1 and len(_sub_folders(labels[0])) > 1:
        root = labels[0]
        labels = _sub_folders(labels[0])
    if len(labels) < 2:
        raise InputError(f"{root}: holds {len(labels)} sub-folders; two or more are needed, each named as its label")
    found = {folder: audio_files(folder) for folder in labels}
    if problems := [no_audio_problem(folder, others) for folder, (files, others) in found.items() if not files]:
        raise InputError(problems, "Each sub-folder is a label and needs clips:")
    files = [(file, folder.name) for folder in labels for file in found[folder][0]]
    clips = clip_ids([file.relative_to(root).as_posix() for file, _ in files])
    columns = {"clip": clips, "path": [str(file) for file, _ in files], "label": [label for _, label in files]}
    table = pd.DataFrame(columns | {"group": clips, "fold": pd.NA})
    table.attrs["notes"] = list(_notes(root, labels, sum((others for _, others in found.values()), Counter())))
    return table


def _sub_folders(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if path.is_dir() and not is_hidden(path))


def _notes(root: Path, labels: list[Path], others: Counter[str]) -> Iterator[str]:
    """Notes on content of the folder that is not a clip, or that lies elsewhere."""
    if others:
        yield f"{root}: skipped {unread_files(others)}"
    if loose := [path for path in root.iterdir() if path.suffix.lower() in AUDIO_SUFFIXES]:
        yield f"{root}: skipped {len(loose)} audio files beside the sub-folders: they have no label"
    yield from (f"{path}: is a link to a folder, and was followed" for path in labels if path.is_symlink())
    hidden = [path for path in sorted(root.iterdir()) if path.is_dir() and is_hidden(path) and audio_files(path)[0]]
    reasons = (f"{path}: its name begins with {HIDDEN[path.name[0]]}" for path in hidden)
    yield from (f"{what}; its recordings were skipped" for what in reasons)
    yield from (f"{what}; skipped" for folder in labels for what in skipped(folder))
