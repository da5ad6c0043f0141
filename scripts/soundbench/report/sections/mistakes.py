"""The section of mistakes: the clips that each model classifies wrongly, to see and hear."""

from __future__ import annotations

from typing import Any

import pandas as pd

from soundbench.core.storage import read_clip_table
from soundbench.evaluation.breakdowns import average_predictions, confusion_table, read_records
from soundbench.report.media import (
    LISTENING_RATE,
    LOWEST,
    audio_uri,
    highest_frequency,
    read_for_listening,
    spectrogram_uri,
)
from soundbench.report.rendering import records, render
from soundbench.report.results import Results

CLIPS = 8  # of one model on one data set
ALL_CLIPS = 48  # on the page, whose size they decide: 50 kB per clip of 5 s
FEWEST = 2
PAIRS = 10
PAIR_CLIPS = 3  # how many of the clips are examples of the most confused pairs


def section(results: Results) -> str:
    """The most confused pairs and the most confident errors of each model; the sound of a clip is there once."""
    runs = [(dataset, model) for dataset in results.datasets_with("mistakes") for model in results.models]
    runs = [(dataset, model) for dataset, model in runs if results.of(dataset, model).metrics]
    each = max(FEWEST, min(CLIPS, ALL_CLIPS // max(1, len(runs))))
    parts = [run_mistakes(results, dataset, model, each) for dataset, model in runs]
    files = sorted({clip["path"] for part in parts for clip in part["clips"]})
    numbers = {file: number for number, file in enumerate(files)}
    media = [clip_media(file) for file in files]
    return render("mistakes.html", parts=parts, numbers=numbers, media=media, lowest=LOWEST) if parts else ""


def run_mistakes(results: Results, dataset: str, model: str, number: int) -> dict[str, Any]:
    """The mistakes of one model on a data set, with at most ``number`` clips."""
    own = results.of(dataset, model)
    pairs = confusion_table(read_records(own.metrics)).head(PAIRS)
    table = average_predictions([read_clip_table(name) for name in own.predictions])
    files = read_clip_table(results.clips[dataset]).set_index("clip")["path"]
    chosen = records(choose_mistakes(table, pairs, number).reset_index())
    return {
        "dataset": dataset,
        "model": model,
        "pairs": records(pairs),
        "clips": [row | {"path": files[row["clip"]]} for row in chosen],
        "errors": int((table["label"] != table["predicted"]).sum()),
        "tested": len(table),
        "seeds": len(own.predictions),
    }


def choose_mistakes(clips: pd.DataFrame, pairs: pd.DataFrame, number: int = CLIPS) -> pd.DataFrame:
    """The most confident errors and one of each of the most confused pairs, most confident first."""
    errors = clips[clips["label"] != clips["predicted"]].sort_values("probability", ascending=False, kind="stable")
    typical = [
        errors.index[(errors["label"] == pair.label) & (errors["predicted"] == pair.predicted)][:1]
        for pair in pairs.head(min(PAIR_CLIPS, number)).itertuples()
    ]
    typical = [clip for found in typical for clip in found]
    sure = [clip for clip in errors.index if clip not in typical][: number - len(typical)]
    return errors[errors.index.isin([*sure, *typical])]


def clip_media(file: str) -> dict[str, Any]:
    """The sound and the spectrogram of a clip as data URIs."""
    samples = read_for_listening(file)
    seconds = round(len(samples) / LISTENING_RATE, 2)
    highest = highest_frequency(file)
    image = spectrogram_uri(samples, highest=highest)
    return {"audio": audio_uri(samples), "spectrogram": image, "seconds": seconds, "highest": round(highest)}
