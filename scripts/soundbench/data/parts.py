"""Parts of files as clips: the path of a part is that of its file, with its times (s), as in ``park.wav#t=1.25,3.5``.

The form is that of Media Fragments URI 1.0 (W3C Recommendation, 2012). Whatever reads audio by a path
reads such a part.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

PART = re.compile(r"(?P<file>.+)#t=(?P<start>\d+(?:\.\d+)?),(?P<end>\d+(?:\.\d+)?)", re.DOTALL)
RECORDINGS = "recordings"  # the column of a clip table with the recordings that a clip is mixed of
ROUNDING = 0.001  # s; by so much the end of a part may be after that of its file, because times are often rounded


@dataclass(frozen=True)
class Part:
    """A file from ``start`` to ``end`` (s); without an ``end`` to its end."""

    file: str
    start: float = 0.0
    end: float | None = None


def part_of(path: str | Path) -> Part:
    """What a path names: a part of a file, or the whole file."""
    found = PART.fullmatch(str(path))
    return Part(found["file"], float(found["start"]), float(found["end"])) if found else Part(str(path))


def file_of(path: str | Path) -> Path:
    """The file that holds what a path names."""
    return Path(part_of(path).file)


def part_path(file: str | Path, start: float, end: float) -> str:
    """The path of a part of a file from ``start`` to ``end`` (s), exact to a microsecond."""
    times = (f"{time:.6f}".rstrip("0").removesuffix(".") for time in (start, end))
    return f"{file}#t={','.join(times)}"


def part_name(file: str, start: float, end: float) -> str:
    """The name of a part as a clip, which may be part of the name of a file: ``park@1.250-3.500``.

    Args:
        file: the name of the file as a clip.
    """
    return f"{file}@{start:.3f}-{end:.3f}"


def seconds_of(text: str) -> float | None:
    """A time (s) from the text of a table; None if it is no number from 0."""
    try:
        time = float(text)
    except ValueError:
        return None
    return time if math.isfinite(time) and time >= 0 else None


def time_problems(start: str, end: str, length: Callable[[], float | None]) -> Iterator[str]:
    """The problems of the times of a part.

    Args:
        length: a function that gives the length of the file (s), or None if that is not known.
    """
    times = {"start": seconds_of(start), "end": seconds_of(end)}
    for name, text in (("start", start), ("end", end)):
        if times[name] is None:
            yield f"{name} should be a number of seconds from 0, but is {text!r}"
    if times["start"] is None or times["end"] is None:
        return
    if times["end"] <= times["start"]:
        yield f"end is {end} s, which is not after start, {start} s"
    elif (whole := length()) is not None and times["end"] > whole + ROUNDING:
        yield f"end is {end} s, but the file lasts {whole:.6g} s"


def overlapping(paths: Iterable[str]) -> Iterator[tuple[int, int, float]]:
    """Pairs of parts of one file that have seconds in common: their positions in ``paths``, and these seconds."""
    by_file = defaultdict(list)
    for position, path in enumerate(paths):
        part = part_of(path)
        if part.end is not None:
            by_file[part.file].append((part.start, part.end, position))
    for parts in by_file.values():
        parts.sort()
        for number, (_, end, first) in enumerate(parts):
            for start, last, second in parts[number + 1 :]:
                if start >= end:
                    break
                yield min(first, second), max(first, second), min(end, last) - start
