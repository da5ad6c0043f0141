"""Predictions as they are written: a row a recording or a window, as CSV or as JSON, one after another."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from typing import IO, TYPE_CHECKING, Any

from soundbench.core.escaping import escape_cell

if TYPE_CHECKING:
    from soundbench.inference.classifier import Prediction, Ranked
    from soundbench.inference.recordings import Recording

Row = dict[str, Any]


def columns(top_k: int, labels: int) -> list[str]:
    """The columns of a table of predictions; times are in seconds."""
    ranks = range(1, min(top_k, labels) + 1)
    return ["file", "start", "end", "actual", *(f"{name}{rank}" for rank in ranks for name in ("label", "probability"))]


def rows(recording: Recording, prediction: Prediction, labels: list[str], windows: bool) -> Iterator[Row]:
    """The row of a recording, or those of its windows; none if it could not be predicted."""
    if prediction.problem:
        return
    for ranked in prediction.ranked_windows() if windows else [prediction.ranked()]:
        times = {"start": f"{ranked.start:.3f}", "end": f"{ranked.end:.3f}"}
        yield {"file": recording.path, **times, "actual": recording.actual, **_ranks(ranked, labels)}


def _ranks(ranked: Ranked, labels: list[str]) -> Row:
    found: Row = {}
    for rank, (number, chance) in enumerate(zip(ranked.labels, ranked.probabilities, strict=True), 1):
        found |= {f"label{rank}": labels[number], f"probability{rank}": f"{chance:.6f}"}
    return found


class SpreadsheetWriter:
    """Writes the names of the columns, then rows, as comma-separated values; no text is a formula to a spreadsheet."""

    def __init__(self, file: IO[str], names: list[str]) -> None:
        self._writer = csv.DictWriter(file, names, lineterminator="\n")
        self._writer.writeheader()

    def writerows(self, rows: Iterable[Row]) -> None:
        """Write ``rows`` as they come."""
        self._writer.writerows({name: escape_cell(cell) for name, cell in row.items()} for row in rows)


def write_json(file: IO[str], found: Iterable[Row]) -> None:
    """Write rows as they come: one JSON list, a line each, numbers as numbers, the labels of a row as a list."""
    before = "[\n"
    for row in found:
        file.write(before + json.dumps(_structured(row), ensure_ascii=False))
        before = ",\n"
    file.write("[]\n" if before == "[\n" else "\n]\n")


def _structured(row: Row) -> Row:
    labels = [
        {"label": row[f"label{rank}"], "probability": float(row[f"probability{rank}"])}
        for rank in range(1, len(row))
        if f"label{rank}" in row
    ]
    times = {name: float(row[name]) for name in ("start", "end")}
    return {"file": row["file"], **times, "actual": row["actual"] or None, "labels": labels}
