"""The page of mistakes of a model on a data set: with audio and spectrograms."""

from __future__ import annotations

from typing import Any

import pandas as pd

from soundbench.core.storage import read_clip_table, write_text
from soundbench.evaluation.breakdowns import average_predictions, confusion_table, read_records
from soundbench.evaluation.leaderboard import run_of
from soundbench.report.media import HIGHEST, LISTENING_RATE, LOWEST, audio_uri, read_for_listening, spectrogram_uri
from soundbench.report.rendering import records, render

CLIPS = 8  # a page: 0.4 MB with clips of 5 s
PAIRS = 10
PAIR_CLIPS = 3  # how many of the clips are examples of the most confused pairs


def choose_mistakes(clips: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """The most confident errors and one of each of the most confused pairs, most confident first."""
    errors = clips[clips["label"] != clips["predicted"]].sort_values("probability", ascending=False, kind="stable")
    typical = [
        errors.index[(errors["label"] == pair.label) & (errors["predicted"] == pair.predicted)][:1]
        for pair in pairs.head(PAIR_CLIPS).itertuples()
    ]
    typical = [clip for found in typical for clip in found]
    sure = [clip for clip in errors.index if clip not in typical][: CLIPS - len(typical)]
    return errors[errors.index.isin([*sure, *typical])]


def write_mistakes_page(metrics: list[str], predictions: list[str], clips: str, path: str) -> None:
    """Write the most confused pairs and the most confident errors of one model, with sound and spectrogram.

    Args:
        metrics, predictions: one file per seed.
        clips: the clip table, for the files.
    """
    pairs = confusion_table(read_records(metrics)).head(PAIRS)
    dataset, model, _ = run_of(metrics[0])
    table = average_predictions([read_clip_table(name) for name in predictions])
    chosen = choose_mistakes(table, pairs)
    files = read_clip_table(clips).set_index("clip")["path"]
    values = {
        "pairs": records(pairs),
        "clips": [_shown(row, files[row["clip"]]) for row in records(chosen.reset_index())],
        "errors": int((table["label"] != table["predicted"]).sum()),
        "tested": len(table),
        "seeds": len(predictions),
        "lowest": LOWEST,
        "highest": HIGHEST,
    }
    write_text(path, render("mistakes.html", title=f"Mistakes of {model} on {dataset}", **values))


def _shown(row: dict[str, Any], file: str) -> dict[str, Any]:
    samples = read_for_listening(file)
    media = {"audio": audio_uri(samples), "spectrogram": spectrogram_uri(samples)}
    return row | media | {"seconds": len(samples) / LISTENING_RATE}
