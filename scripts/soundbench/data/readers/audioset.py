"""AudioSet's tables: 10 s segments of videos, with labels from an ontology of 527 classes.

J. F. Gemmeke et al., "Audio Set: An ontology and human-labeled dataset for audio events", ICASSP 2017. The tables have
three lines of comments; the last one names the columns: https://research.google.com/audioset/download.html
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from soundbench.core.errors import InputError
from soundbench.data.files import audio_files, clip_ids
from soundbench.tasks.labels import SEPARATOR

TASKS = ("multi-label",)
SETTINGS = {
    "root": {
        "description": (
            "The folder with the tables of segments, `class_labels_indices.csv`, and the audio files of the segments, "
            "in it or below it. Segments without a file are counted and left out, since videos disappear. Nothing is "
            "fetched."
        ),
        "type": ["string", "null"],
        "minLength": 1,
        "default": None,
    },
    "segments": {
        "description": "The table of each part; one without `val` is for the protocol `literature`.",
        "type": "object",
        "additionalProperties": False,
        "properties": {part: {"type": "string", "minLength": 1} for part in ("train", "val", "test")},
        "default": {"train": "balanced_train_segments.csv", "test": "eval_segments.csv"},
    },
    "file": {
        "description": (
            "The names of audio files without suffix: `{ytid}` is the video, `{start}` and `{end}` are in s, and "
            "`{start_ms}` and `{end_ms}` in ms, all as whole numbers."
        ),
        "type": "string",
        "minLength": 1,
        "default": "{ytid}",
    },
}
NAMES = "class_labels_indices.csv"


@dataclass(frozen=True)
class Segment:
    """One row of a table: a video from ``start`` to ``end`` (s), and the codes of its labels."""

    ytid: str
    start: float
    end: float
    codes: list[str]
    part: str

    def name(self, template: str) -> str:
        """The name of its audio file, without suffix."""
        times = {"start": int(self.start), "end": int(self.end)}
        times |= {"start_ms": round(1000 * self.start), "end_ms": round(1000 * self.end)}
        return template.format(ytid=self.ytid, **times)


def read(root: Path, *, segments: dict[str, str], file: str) -> pd.DataFrame:
    """The segments whose files are there, with the names of all their labels; the group is the video.

    Raises:
        InputError: a table cannot be read, or rows cannot be used, all of them named; or no segment has a file.
    """
    names = _class_names(root / NAMES)
    problems: list[str] = []
    rows = [segment for part, table in segments.items() for segment in _segments(root / table, part, problems)]
    unknown = sorted({code for row in rows for code in row.codes} - set(names))
    problems += [f"{NAMES}: lacks {code}, a label of segments" for code in unknown]
    try:
        wanted = [row.name(file) for row in rows]
    except (KeyError, IndexError, ValueError) as error:
        problems.append(f"file: names cannot be made of {file!r} ({error})")
    if problems:
        raise InputError(problems, f"{root}: tables that cannot be used:")
    files = {path.stem: path for path in audio_files(root, underscores=True)[0]}
    found = [(row, files[name]) for row, name in zip(rows, wanted, strict=True) if name in files]
    if not found:
        raise InputError(f"{root}: no segment has an audio file; the first should be {wanted[0]} with a suffix")
    table = pd.DataFrame(
        {
            "clip": clip_ids([path.relative_to(root).as_posix() for _, path in found]),
            "path": [str(path) for _, path in found],
            "label": [SEPARATOR.join(sorted({names[code] for code in row.codes})) for row, _ in found],
            "group": [row.ytid for row, _ in found],
            "fold": pd.NA,
            "part": [row.part for row, _ in found],
        }
    )
    table.attrs["notes"] = [f"{root}: left out {len(rows) - len(found)} of {len(rows)} segments, which have no file"]
    return table


def _class_names(file: Path) -> dict[str, str]:
    """The names of labels by their codes, such as ``/m/09x0r``."""
    try:
        table = pd.read_csv(file, dtype=str, keep_default_na=False)
        return dict(zip(table["mid"], table["display_name"], strict=True))
    except (ValueError, KeyError, OSError) as error:
        raise InputError(f"{file}: cannot be read as a table with mid and display_name ({error})") from error


def _segments(file: Path, part: str, problems: list[str]) -> Iterator[Segment]:
    """The rows of a table of segments; what is wrong with others is added to ``problems``."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        problems.append(f"{file}: cannot be read ({error})")
        return
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        row = next(csv.reader([line], skipinitialspace=True))
        try:
            ytid, start, end, labels = row
            codes = [code.strip() for code in labels.split(",") if code.strip()]
            yield Segment(ytid, float(start), float(end), codes, part)
        except ValueError:
            problems.append(f"{file}, line {number}: should be YTID, start, end and labels, but is {line!r}")
