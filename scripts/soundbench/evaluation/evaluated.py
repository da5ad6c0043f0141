"""The record of evaluations on test clips, which results keep when models are trained again with other settings.

A folder of results has one folder of records per set of test clips, ``{digest of the clips}``, which holds the digests
of the clips and one file per evaluation, ``{digest of the settings}.json``. Settings and clips are known by content: a
model under another name is not counted twice, and a data set under another name is the same data set.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from soundbench.core.integrity import read_split
from soundbench.core.storage import canonical_json, read_json, write_json, write_text
from soundbench.data.splits import fold_columns
from soundbench.data.trained_on import sample_digests

CLIPS = "clips.txt"
LENGTH = 16  # hexadecimal digits of the names of records
SETTINGS = ("recipe", "front_end", "augment", "protocol", "seed", "fold")  # of a trained model, without its names


def tested_clips(split: pd.DataFrame, digests: dict[str, str]) -> set[str]:
    """The digests of the clips that any fold of a split tests."""
    tested = split.loc[(split[fold_columns(split)] == "test").any(axis=1), "clip"]
    return set(tested.map(digests))


def record_evaluation(records: str, clips: Iterable[str], settings: list[Any], **names: Any) -> None:
    """Record that something was evaluated on test clips; a repeated evaluation changes nothing.

    Args:
        records: the folder of all records.
        clips: the digests of the test clips.
        settings: all that decides what was evaluated, such as :func:`model_settings`.
        names: what people call it.
    """
    text = "".join(f"{digest}\n" for digest in sorted(clips))
    folder = Path(records) / _digest(text)
    if not (folder / CLIPS).exists():
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / CLIPS, text)
    write_json(folder / f"{_digest(canonical_json(settings))}.json", names)


def split_digests(split: str, measures: str) -> set[str]:
    """The digests of the clips that any fold of a split tests.

    Args:
        measures: the measurements of the clips of its source, which have the digests of their samples.
    """
    return tested_clips(read_split(split), sample_digests(measures))


def model_settings(folders: Iterable[str]) -> list[dict[str, Any]]:
    """All that decides the weights of the models in these folders, without names and code."""
    descriptions = [read_json(Path(folder) / "model.json") for folder in folders]
    return [{key: one[key] for key in SETTINGS} | {"trained_on": one["trained_on"]["sha256"]} for one in descriptions]


def count_evaluations(records: str | Path, clips: set[str]) -> int:
    """The number of evaluations on sets of test clips that share a clip with ``clips``."""
    found = Path(records).glob(f"*/{CLIPS}")
    shared = [file.parent for file in found if not clips.isdisjoint(file.read_text(encoding="utf-8").split())]
    return sum(len(list(folder.glob("*.json"))) for folder in shared)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]
