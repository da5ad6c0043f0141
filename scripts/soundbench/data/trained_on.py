"""Which clips a model was trained on: digests of their samples, in a file beside the model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from soundbench.core.errors import InputError
from soundbench.core.storage import file_sha256, read_clip_table, write_text

TRAINED_ON = "trained_on.txt"
# Digits of a SHA-256 that are kept: that any two of 100,000 and 100,000 clips agree by chance is less likely than one
# in a billion.
DIGITS = 16
SHOWN = 10  # clips that a message names


def sample_digests(measures: str | Path) -> dict[str, str]:
    """The digests of the decoded samples of a source's clips, from what was measured of them, by clip."""
    table = read_clip_table(measures, usecols=["clip", "samples"])
    return dict(zip(table["clip"], table["samples"].str[:DIGITS], strict=True))


def write_trained_on(folder: Path, digests: Iterable[str]) -> dict[str, Any]:
    """Write the digests, sorted, a line each, and return what ``model.json`` says of the file."""
    lines = sorted(set(digests))
    write_text(folder / TRAINED_ON, "".join(f"{digest}\n" for digest in lines))
    return {"file": TRAINED_ON, "clips": len(lines), "sha256": file_sha256(folder / TRAINED_ON)}


def read_trained_on(folder: Path, description: Mapping[str, Any]) -> frozenset[str]:
    """The digests of the training and validation clips of a model and of the runs that it started from.

    Args:
        description: the model's ``model.json``.

    Raises:
        InputError: the model does not tell them, or the file is not the one that was written with it.
    """
    told = description.get("trained_on")
    if told is None:
        raise InputError(f"{folder}: does not tell on which clips the model was trained; train it again")
    file = folder / told["file"]
    if not file.is_file() or file_sha256(file) != told["sha256"]:
        raise InputError(f"{file}: is missing, or is not the file that was written with the model; train it again")
    return frozenset(file.read_text(encoding="utf-8").split())


def known_clips(
    digests: Mapping[str, str], overlaps: Iterable[str | Path], trained_on: frozenset[str]
) -> dict[str, str]:
    """The clips whose samples, or copies of which, a model was trained on, and how that was found.

    Args:
        digests: of the clips in question, by clip.
        overlaps: tables that :mod:`soundbench.data.overlap` wrote, for near-duplicates.
    """
    known = {clip: "the same samples" for clip, digest in digests.items() if digest in trained_on}
    for path in overlaps:
        for row in read_clip_table(path).itertuples():
            if row.clip in digests and row.samples[:DIGITS] in trained_on:
                known.setdefault(row.clip, f"a near-duplicate of {row.path}")
    return known


def listed(known: Mapping[str, str]) -> list[str]:
    """The first of these clips, a line each."""
    lines = [f"{clip}: {why}" for clip, why in list(known.items())[:SHOWN]]
    return lines + ([f"and {len(known) - SHOWN} more clips"] if len(known) > SHOWN else [])
