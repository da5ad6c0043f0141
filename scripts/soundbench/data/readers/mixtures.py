"""Mixtures of clips of another source: several labels per clip, and numbers that are known exactly.

The recordings of each fold are dealt into small groups with one recording per label, and only clips of one group are
mixed. So no recording is in two groups, and a split that keeps groups together never has one on two sides.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from soundbench.core.errors import InputError
from soundbench.core.storage import read_clip_table, write_csv
from soundbench.core.text import sorted_list
from soundbench.data.audio import read_mono, resample, write_audio
from soundbench.data.inspection import loudest_level
from soundbench.data.parts import RECORDINGS
from soundbench.data.stratification import divide_groups
from soundbench.tasks.labels import SEPARATOR

TASKS = ("multi-label", "regression")
SETTINGS = {
    "of": {"description": "The source whose clips are mixed; it has one label per clip.", "type": "string"},
    "keep": {
        "description": "The labels of that source to mix; all if not given.",
        "type": ["array", "null"],
        "minItems": 2,
        "uniqueItems": True,
        "items": {"type": "string"},
        "default": None,
    },
    "seed": {"description": "Seed of everything that is drawn.", "type": "integer", "minimum": 0, "default": 0},
    "per_group": {
        "description": (
            "Mixtures per group. A group has one recording per label, and no recording is in two groups. All its "
            "mixtures are on one side of a split."
        ),
        "type": "integer",
        "minimum": 1,
        "default": 8,
    },
    "folds": {
        "description": "Number of folds that recordings are divided into if the source has no published folds.",
        "type": "integer",
        "minimum": 2,
        "default": 5,
    },
    "most": {"description": "Largest number of clips in a mixture.", "type": "integer", "enum": [2, 3], "default": 3},
    "levels": {
        "description": (
            "Lowest and highest level of the second and third clip relative to the first (dB), by the loudest 0.1 s."
        ),
        "type": "array",
        "minItems": 2,
        "maxItems": 2,
        "items": {"type": "number"},
        "default": [-12, 12],
    },
    "onsets": {
        "description": "Earliest and latest onset of the second and third clip (s). The first clip begins at 0.",
        "type": "array",
        "minItems": 2,
        "maxItems": 2,
        "items": {"type": "number", "minimum": 0},
        "default": [0, 2.5],
    },
    "seconds": {"description": "Length of a mixture (s).", "type": "number", "exclusiveMinimum": 0, "default": 5},
    "sample_rate": {"description": "Sample rate (Hz).", "type": "integer", "minimum": 8000, "default": 22050},
}
TABLE = "clips.csv"
LOUDEST = -20.0  # dB of full scale: the loudest 0.1 s of the first clip of a mixture
SILENT = -100.0  # dB of full scale; a clip below has no sound
PEAK = 0.98  # of full scale; a mixture above is scaled down


@dataclass(frozen=True)
class Mixture:
    """What is mixed: one clip per label, the first at 0 dB and 0 s."""

    name: str
    clips: pd.DataFrame
    levels: np.ndarray  # dB, of each clip
    onsets: np.ndarray  # s

    @cached_property
    def row(self) -> dict[str, Any]:
        """Its row in the clip table."""
        values = {"relative_level": self.levels[1], "onset": self.onsets[1], "sources": len(self.clips)}
        label = SEPARATOR.join(sorted(self.clips["label"]))
        recordings = SEPARATOR.join(sorted(self.clips["group"]))
        return {"clip": self.name, "path": f"{self.name}.flac", "label": label, RECORDINGS: recordings, **values}

    def samples(self, seconds: float, sample_rate: int) -> np.ndarray:
        """The sum of its clips, ``(samples,)``.

        Raises:
            InputError: a clip cannot be read, or is silent.
        """
        total = np.zeros(round(seconds * sample_rate), np.float32)
        for path, level, onset in zip(self.clips["path"], self.levels, self.onsets, strict=True):
            sound = resample(*read_mono(path), sample_rate)
            if (loudest := loudest_level(sound, sample_rate)) < SILENT:
                raise InputError(f"{path}: is silent, so it cannot be mixed")
            start = round(onset * sample_rate)
            part = sound[: max(len(total) - start, 0)]
            total[start : start + len(part)] += part * np.float32(10 ** ((LOUDEST + level - loudest) / 20))
        return total * min(1, PEAK / max(float(np.abs(total).max()), 1e-9))


def read(root: Path, **_: Any) -> pd.DataFrame:
    """The mixtures that :func:`make` wrote into ``root``.

    They have the numbers ``relative_level`` (dB) and ``onset`` (s) of the second clip, and ``sources``, how many clips
    are mixed.
    """
    table = read_clip_table(root / TABLE)
    return table.assign(path=[str(root / path) for path in table["path"]])


def make(clips: pd.DataFrame, target: Path, **settings: Any) -> None:
    """Write the mixtures as files, and their table, into the folder ``target``; the same bytes for the same seed.

    Args:
        clips: the clip table of the source that is mixed.
        settings: those of :data:`SETTINGS`, without ``of``.

    Raises:
        InputError: labels are unknown, a fold lacks one, or clips cannot be mixed; all of them are named.
    """
    known = set(clips["label"])
    keep = set(settings["keep"] or known)
    if unknown := sorted(keep - known):
        raise InputError(f"keep: no clip has the label {', '.join(unknown)}; there are {sorted_list(known)}")
    dealt = deal_recordings(clips[clips["label"].isin(keep)], settings["folds"], settings["seed"])
    target.mkdir(parents=True, exist_ok=True)
    rows = []
    problems: list[str] = []
    for (fold, number), members in dealt.groupby(["fold", "dealt"]):
        group = f"fold{fold}-group{number + 1:02d}"
        for mixture in draw_mixtures(members, group, settings):
            try:
                samples = mixture.samples(settings["seconds"], settings["sample_rate"])
            except InputError as error:
                problems += error.problems
                continue
            write_audio(target / mixture.row["path"], samples, settings["sample_rate"])
            rows.append(mixture.row | {"group": group, "fold": fold})
    if problems:
        raise InputError(sorted(set(problems)), "Clips that cannot be mixed:")
    write_csv(target / TABLE, pd.DataFrame(rows))


def deal_recordings(clips: pd.DataFrame, folds: int, seed: int) -> pd.DataFrame:
    """The clips with the column ``dealt``, the number of their group in their fold, from 0.

    A recording in several published folds belongs to the first of them.

    Raises:
        InputError: a fold has no recording of a label; all of these are named.
    """
    published = pd.to_numeric(clips["fold"], errors="coerce")
    if published.isna().any():
        strata = pd.get_dummies(clips["label"]).astype(int)
        published = pd.Series(1 + divide_groups(clips["group"], strata, [1 / folds] * folds, seed), clips.index)
    clips = clips.assign(fold=published.groupby(clips["group"]).transform("min").astype(int))
    recordings = clips.sort_values("clip").drop_duplicates("group")
    counts = pd.crosstab(recordings["fold"], recordings["label"]).reindex(
        columns=sorted(set(clips["label"])), fill_value=0
    )
    lacking = counts.stack()[counts.stack() == 0].index
    if problems := [f"fold {fold} has no recording of {label}" for fold, label in lacking]:
        raise InputError(problems, "Clips are mixed within a fold, which needs a recording of each label:")
    groups: dict[str, int] = {}
    for (fold, _), members in recordings.groupby(["fold", "label"]):
        order = np.random.default_rng([seed, fold]).permutation(len(members))
        # Labels with more recordings than others have several of them in some groups.
        numbers = np.arange(len(members)) % counts.loc[fold].min()
        groups |= dict(zip(members["group"].iloc[order], numbers, strict=True))
    return clips.assign(dealt=clips["group"].map(groups))


def draw_mixtures(members: pd.DataFrame, group: str, settings: dict[str, Any]) -> Iterator[Mixture]:
    """Draw the mixtures of a group, of clips of different labels; each has random numbers of its own."""
    labels = sorted(set(members["label"]))
    for number in range(1, settings["per_group"] + 1):
        name = f"{group}-{number:02d}"
        digest = hashlib.sha256(f"{settings['seed']}/{name}".encode()).digest()
        stream = np.random.default_rng(list(digest))
        size = int(stream.integers(2, min(settings["most"], len(labels)) + 1))
        chosen = stream.permutation(labels)[:size]
        rows = [stream.choice(members.index[members["label"] == label]) for label in chosen]
        levels = _drawn(stream, settings["levels"], size - 1)
        onsets = _drawn(stream, settings["onsets"], size - 1)
        yield Mixture(name, members.loc[rows], np.append(0.0, levels), np.append(0.0, onsets))


def _drawn(stream: np.random.Generator, limits: list[float], count: int) -> np.ndarray:
    """Numbers between two limits, to a thousandth, ``(count,)``."""
    return np.round(stream.uniform(limits[0], limits[1], count), 3)
