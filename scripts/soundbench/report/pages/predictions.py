"""The page of predicted recordings, with audio, spectrograms and the scores on known labels."""

from __future__ import annotations

from collections import defaultdict
from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd

from soundbench.core.escaping import plain_cell, plain_table
from soundbench.core.storage import read_json, write_text
from soundbench.report.media import HIGHEST, LOWEST, audio_uri, read_for_listening, spectrogram_uri
from soundbench.report.rendering import records, render
from soundbench.tasks.classification import METRICS, class_counts, confusion
from soundbench.tasks.registry import task_class

CARDS = 12  # recordings with audio
WRONG = 6  # how many of them may be mistakes
BYTES = 4_000_000  # of audio and images on a page
ROWS = 500  # the most recordings in the table
BAD = 50  # the most that could not be predicted
NUMBERS = ("start", "end", "probability")


def write_predictions_page(
    *, predictions: str, windows: str, unreadable: str, about: str, name: str, path: str
) -> None:
    """Write the page of one entry of ``predict`` from what ``predict_clips`` wrote."""
    report = read_json(about)
    table = read_predictions(predictions)
    bad = plain_table(pd.read_csv(unreadable, dtype=str, keep_default_na=False))
    # Which of several labels are wrong is no question of the most probable one.
    graded = table if task_class(report).predicted == "ranked" else table.assign(actual="")
    known = graded[graded["actual"].isin(report["labels"])]
    values = {
        "about": report,
        "model": describe_models(report["models"]),
        "cards": (cards := _cards(graded, report["labels"], windows)),
        "rows": records(table.head(ROWS)),
        "predicted": len(table),
        "unreadable": records(bad.head(BAD)),
        "labelled": len(known),
        "unknown": sorted(set(graded["actual"]) - {*report["labels"], ""}),
        "ranks": range(1, 1 + sum(column.startswith("label") for column in table)),
        "cut": any(card["stretches"] for card in cards),
        "lowest": LOWEST,
        "highest": HIGHEST,
    }
    values |= _comparison(known, report["labels"])
    write_text(path, render("predictions.html", title=f"Predictions of {name}", **values))


def read_predictions(path: str, **options: Any) -> pd.DataFrame:
    """A table of predictions; file names and labels stay text."""
    header = pd.read_csv(path, nrows=0).columns
    numbers = {column: float for column in header if column.startswith(NUMBERS)}
    text = {column: plain_cell for column in header if column not in numbers}
    return pd.read_csv(path, dtype=numbers, converters=text, keep_default_na=False, **options)


def describe_models(models: list[dict[str, Any]]) -> str:
    """Which models were averaged, in words: ``cnn of esc10 (seed 1; fold 1, 2, 3)``."""
    runs = defaultdict(list)
    for each in models:
        runs[f"{each['model']} of {each['dataset']}"].append(each)
    parts_in_words = []
    for run, parts in runs.items():
        numbers = [f"{key} {', '.join(map(str, sorted({part[key] for part in parts})))}" for key in ("seed", "fold")]
        parts_in_words.append(f"{run} ({'; '.join(numbers)})")
    return " and ".join(parts_in_words)


def _comparison(known: pd.DataFrame, labels: list[str]) -> dict[str, Any]:
    """Scores and confusion of the recordings whose labels are known, over the labels that occur."""
    counts = confusion(known["actual"], known["label1"], labels)
    occurring = [number for number, label in enumerate(labels) if label in {*known["actual"], *known["label1"]}]
    scores = {METRICS[name].title: float(METRICS[name].compute(class_counts(counts))) for name in ("accuracy", "uar")}
    rows = [{"label": labels[row], "counts": [int(counts[row, column]) for column in occurring]} for row in occurring]
    return {"scores": scores, "confusion": rows}


def choose_recordings(table: pd.DataFrame, labels: list[str]) -> pd.DataFrame:
    """The recordings to show: errors with the highest probability, then the lowest probabilities, then the highest."""
    ranked = table.sort_values("probability1", kind="stable")
    wrong = ranked[ranked["actual"].isin(labels) & (ranked["label1"] != ranked["actual"])][::-1][:WRONG]
    rest = ranked.drop(wrong.index)
    room = CARDS - len(wrong)
    unsure = rest[: -(-room // 2)]
    sure = rest.drop(unsure.index)[::-1][: room // 2]
    parts = {"error": wrong, "low probability": unsure, "high probability": sure}
    return pd.concat([part.assign(why=why) for why, part in parts.items()])


def _cards(table: pd.DataFrame, labels: list[str], windows: str) -> list[dict[str, Any]]:
    """The values shown of each chosen recording, up to :data:`BYTES` of audio and images."""
    chosen = choose_recordings(table, labels)
    pieces = read_predictions(windows, chunksize=100_000)
    parts = pd.concat([piece[piece["file"].isin(chosen["file"])] for piece in pieces]).groupby("file")
    cards = []
    size = 0
    for row in records(chosen):
        card = row | _media(row, parts.get_group(row["file"])) | {"name": Path(row["file"]).name}
        size += len(card["audio"]) + len(card["spectrogram"])
        if size > BYTES:
            break
        cards.append(card)
    return cards


def _media(row: dict[str, Any], windows: pd.DataFrame) -> dict[str, Any]:
    """The audio of a recording, or of its window with the highest probability of the prediction; and its stretches."""
    alike = windows[windows["label1"] == row["label1"]]
    best = (alike if len(alike) else windows).sort_values("probability1", kind="stable").iloc[-1]
    samples = read_for_listening(row["file"], best["start"], best["end"] - best["start"])
    many = len(windows) > 1
    return {
        "audio": audio_uri(samples),
        "spectrogram": spectrogram_uri(samples),
        "heard": (clock(best["start"]), clock(best["end"])) if many else None,
        "stretches": stretches(windows) if many else [],
    }


def stretches(windows: pd.DataFrame) -> list[tuple[str, str]]:
    """When a recording's most probable label changes, and to what: ``("0:05", "rain")``."""
    found = groupby(windows.sort_values("start").itertuples(), key=lambda window: window.label1)
    return [(clock(next(part).start), label) for label, part in found]


def clock(seconds: float) -> str:
    """A time in a recording as minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
