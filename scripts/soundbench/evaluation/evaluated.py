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


def record_evaluation(records: str, folders: Iterable[str], split: str, measures: str) -> None:
    """Record that the models of a run were evaluated on their test clips; a repeated evaluation changes nothing.

    Args:
        records: the folder of all records.
        folders: the folder of each fold's model.
        split: the split of the run.
        measures: the measurements of the clips of its source, which have the digests of their samples.
    """
    clips = "".join(f"{digest}\n" for digest in sorted(tested_clips(read_split(split), sample_digests(measures))))
    descriptions = [read_json(Path(folder) / "model.json") for folder in folders]
    folder = Path(records) / _digest(clips)
    if not (folder / CLIPS).exists():
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / CLIPS, clips)
    names = {key: descriptions[0][key] for key in ("dataset", "model", "seed")}
    write_json(folder / f"{_digest(canonical_json([*map(_settings, descriptions)]))}.json", names)


def _settings(description: dict[str, Any]) -> dict[str, Any]:
    """All that decides the weights of a model, without names and code."""
    trained_on = description["trained_on"]["sha256"]
    return {key: description[key] for key in SETTINGS} | {"trained_on": trained_on}


def count_evaluations(records: str | Path, clips: set[str]) -> int:
    """The number of evaluations on sets of test clips that share a clip with ``clips``."""
    found = Path(records).glob(f"*/{CLIPS}")
    shared = [file.parent for file in found if not clips.isdisjoint(file.read_text(encoding="utf-8").split())]
    return sum(len(list(folder.glob("*.json"))) for folder in shared)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]
