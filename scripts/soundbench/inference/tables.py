"""Write predictions row by row, one per recording or per window, as CSV or as JSON."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from typing import IO, TYPE_CHECKING, Any

from soundbench.core.escaping import escape_cell
from soundbench.tasks.labels import SEPARATOR

if TYPE_CHECKING:
    from soundbench.inference.classifier import Prediction, Ranked
    from soundbench.inference.recordings import Recording
    from soundbench.tasks.task import Task

Row = dict[str, Any]


NAMES = ["file", "start", "end", "actual"]


def columns(top_k: int, task: Task) -> list[str]:
    """The columns of a table of predictions; times are in seconds from the beginning of the file, or of its part."""
    if task.predicted == "numbers":
        return [*NAMES, *task.labels]
    ranks = range(1, min(top_k, len(task.labels)) + 1)
    decided = ["predicted"] if task.predicted == "several" else []
    return [*NAMES, *decided, *(f"{name}{rank}" for rank in ranks for name in ("label", "probability"))]


def rows(recording: Recording, prediction: Prediction, windows: bool) -> Iterator[Row]:
    """The row of a recording, or the rows of its windows; none if it could not be predicted."""
    if prediction.problem:
        return
    for ranked in prediction.ranked_windows() if windows else [prediction.ranked()]:
        times = {"start": f"{ranked.start:.3f}", "end": f"{ranked.end:.3f}"}
        yield {"file": recording.path, **times, "actual": recording.actual, **_cells(ranked, prediction.task)}


def _cells(ranked: Ranked, task: Task) -> Row:
    """What is predicted, in the columns of :func:`columns`."""
    labels = task.labels
    if task.predicted == "numbers":
        pairs = zip(ranked.labels, ranked.probabilities, strict=True)
        return {labels[number]: float(f"{value:.6g}") for number, value in pairs}
    cells: Row = {"predicted": ranked.decided} if task.predicted == "several" else {}
    for rank, (number, probability) in enumerate(zip(ranked.labels, ranked.probabilities, strict=True), 1):
        cells |= {f"label{rank}": labels[number], f"probability{rank}": f"{probability:.6f}"}
    return cells


class SpreadsheetWriter:
    """Writes rows as comma-separated values; text is escaped so that spreadsheets do not treat it as formulas."""

    def __init__(self, file: IO[str], names: list[str]) -> None:
        self._writer = csv.DictWriter(file, names, lineterminator="\n")
        self._writer.writeheader()

    def writerows(self, rows: Iterable[Row]) -> None:
        """Write ``rows`` as they come."""
        self._writer.writerows({name: _spreadsheet_cell(cell) for name, cell in row.items()} for row in rows)


def _spreadsheet_cell(cell: Any) -> str:
    text: str = f"{cell:.6g}" if isinstance(cell, float) else escape_cell(cell)
    return text


def write_json(file: IO[str], found: Iterable[Row]) -> None:
    """Write rows as they come, as one JSON list with one line per row; the labels of a row are a list, its numbers a
    mapping."""
    separator = "[\n"
    for row in found:
        file.write(separator + json.dumps(_structured(row), ensure_ascii=False))
        separator = ",\n"
    file.write("[]\n" if separator == "[\n" else "\n]\n")


def _structured(row: Row) -> Row:
    labels = [
        {"label": row[f"label{rank}"], "probability": float(row[f"probability{rank}"])}
        for rank in range(1, len(row))
        if f"label{rank}" in row
    ]
    times = {name: float(row[name]) for name in ("start", "end")}
    found: Row = {"file": row["file"], **times, "actual": row["actual"] or None}
    if not labels:
        return found | {"values": {name: cell for name, cell in row.items() if name not in NAMES}}
    decided = {"predicted": list(filter(None, row["predicted"].split(SEPARATOR)))} if "predicted" in row else {}
    return found | decided | {"labels": labels}
