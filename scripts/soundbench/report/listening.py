"""Clips to see and hear in a section: which runs have them, how many fit, and their sound."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from soundbench.core.storage import read_clip_table
from soundbench.report.media import (
    LISTENING_RATE,
    LOWEST,
    audio_uri,
    highest_frequency,
    read_for_listening,
    spectrogram_uri,
)
from soundbench.report.results import Results

CLIPS = 8  # of one list
ALL_CLIPS = 48  # in a section, whose size they decide: 50 kB per clip of 5 s
FEWEST = 2


def tested_runs(results: Results, item: str) -> list[tuple[str, str]]:
    """The data sets whose task has an item of the report, each with its models; in a large study with the best ones."""
    suited = results.datasets_with(item)
    return [(dataset, model) for dataset, model in results.best().pairs if dataset in suited]


def clip_budget(runs: Sequence[tuple[str, str]]) -> int:
    """How many clips a section may have of each run."""
    return max(FEWEST, ALL_CLIPS // max(1, len(runs)))


def clip_files(chosen: pd.DataFrame, clips: str) -> pd.DataFrame:
    """Chosen clips with their files in ``path``, from the clip table ``clips``."""
    return chosen.assign(path=chosen["clip"].map(read_clip_table(clips).set_index("clip")["path"]))


def sounds(shown: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """What the template of clips needs: the ``numbers`` of the files among ``media``, where each is once."""
    files = sorted({clip["path"] for clip in shown})
    numbers = {file: number for number, file in enumerate(files)}
    return {"numbers": numbers, "media": [clip_media(file) for file in files], "lowest": LOWEST}


def clip_media(file: str) -> dict[str, Any]:
    """The sound and the spectrogram of a clip as data URIs."""
    samples = read_for_listening(file)
    seconds = round(len(samples) / LISTENING_RATE, 2)
    highest = highest_frequency(file)
    image = spectrogram_uri(samples, highest=highest)
    return {"audio": audio_uri(samples), "spectrogram": image, "seconds": seconds, "highest": round(highest)}
