"""The clips that a model was trained on: digests of their samples, in a file beside the model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from soundbench.core.errors import InputError
from soundbench.core.storage import file_sha256, read_clip_table, write_text

TRAINED_ON = "trained_on.txt"
# Digits of a SHA-256 that are kept. Two sets of 100,000 different clips have a digest in common with a probability
# below one in a billion.
DIGITS = 16
SHOWN = 10  # clips that a message names


def sample_digests(measures: str | Path) -> dict[str, str]:
    """The digests of the decoded samples of a source's clips, by clip, from the table of measurements."""
    table = read_clip_table(measures, usecols=["clip", "samples"])
    return dict(zip(table["clip"], table["samples"].str[:DIGITS], strict=True))


def write_trained_on(folder: Path, digests: Iterable[str]) -> dict[str, Any]:
    """Write the digests, sorted, one per line, and return the entry of the file for ``model.json``."""
    lines = sorted(set(digests))
    write_text(folder / TRAINED_ON, "".join(f"{digest}\n" for digest in lines))
    return {"file": TRAINED_ON, "clips": len(lines), "sha256": file_sha256(folder / TRAINED_ON)}


def read_trained_on(folder: Path, description: Mapping[str, Any]) -> frozenset[str]:
    """The digests of the training and validation clips of a model and of the runs that it started from.

    Args:
        description: the model's ``model.json``.

    Raises:
        InputError: the description does not name the file, or the file was changed after it was written.
    """
    entry = description.get("trained_on")
    if entry is None:
        raise InputError(f"{folder}: does not state on which clips the model was trained; train it again")
    file = folder / entry["file"]
    if not file.is_file() or file_sha256(file) != entry["sha256"]:
        raise InputError(f"{file}: is missing, or is not the file that was written with the model; train it again")
    return frozenset(file.read_text(encoding="utf-8").split())


def known_clips(
    digests: Mapping[str, str], overlaps: Iterable[str | Path], trained_on: frozenset[str]
) -> dict[str, str]:
    """The clips that a model was trained on, or was trained on copies of; each with the reason.

    Args:
        digests: the digests of the clips that are checked, by clip.
        overlaps: tables of near-duplicates that :mod:`soundbench.data.overlap` wrote.
    """
    known = {clip: "the same samples" for clip, digest in digests.items() if digest in trained_on}
    for path in overlaps:
        for row in read_clip_table(path).itertuples():
            if row.clip in digests and row.samples[:DIGITS] in trained_on:
                known.setdefault(row.clip, f"a near-duplicate of {row.path}")
    return known


def clip_lines(known: Mapping[str, str]) -> list[str]:
    """The first of these clips with their reasons, one per line."""
    lines = [f"{clip}: {reason}" for clip, reason in list(known.items())[:SHOWN]]
    return lines + ([f"and {len(known) - SHOWN} more clips"] if len(known) > SHOWN else [])
