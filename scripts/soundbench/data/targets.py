"""What the clips of a source are labelled with: one label, several labels, or numbers, as its keys say."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from soundbench.data.readers import READERS
from soundbench.tasks.labels import SEPARATOR

if TYPE_CHECKING:
    import pandas as pd

LABELLED = {
    "labels": {
        "description": (
            "For clips with several labels: the column (in a `pattern`: the named part) that holds the labels of each "
            "clip, separated by `separator`; or a list of columns with 0 or 1, one per label. A clip may have no "
            "label. Data sets of such a source have the task `multi-label`."
        ),
        "type": ["string", "array", "null"],
        "minLength": 1,
        "minItems": 2,
        "uniqueItems": True,
        "items": {"type": "string", "minLength": 1},
        "default": None,
    },
    "separator": {"description": "What separates labels.", "type": "string", "minLength": 1, "default": SEPARATOR},
    "values": {
        "description": (
            "For clips that are rated or measured: the columns (or named parts) with numbers to predict, such as "
            "`[arousal, valence]`, for data sets with the task `regression`."
        ),
        "type": "array",
        "uniqueItems": True,
        "items": {"type": "string", "minLength": 1},
        "default": [],
    },
}
BITS = {"0": False, "1": True, "0.0": False, "1.0": True}


@dataclass(frozen=True)
class Targets:
    """The columns with several labels or with numbers; :data:`LABELLED` describes them."""

    labels: str | Sequence[str] | None = None
    separator: str = SEPARATOR
    values: Sequence[str] = ()

    @property
    def columns(self) -> dict[str, list[str]]:
        """The columns by the key that names them."""
        labels = [self.labels] if isinstance(self.labels, str) else list(self.labels or ())
        return {"labels": labels, "values": list(self.values)}

    def replaces_label(self) -> bool:
        """Whether clips need no column ``label``."""
        return bool(self.labels or self.values)

    def problems(self, row: Mapping[str, str]) -> Iterator[str]:
        """The problems of the text of one clip."""
        if isinstance(self.labels, str):
            if self.separator != SEPARATOR and SEPARATOR in row[self.labels]:
                yield f"{self.labels} contains {SEPARATOR}, which no label may contain: {row[self.labels]!r}"
        else:
            for name in self.labels or ():
                if row[name] not in BITS:
                    yield f"{name} should be 0 or 1, but is {row[name]!r}"
        for name in self.values:
            if not _is_number(row[name]):
                yield f"{name} should be a number, but is {row[name]!r}"

    def apply(self, table: pd.DataFrame) -> pd.DataFrame:
        """The table with labels joined in ``label``, sorted and each once, and with numbers for its texts."""
        import pandas as pd  # here, since planning reads this module

        labels = table.get("label", pd.Series("", table.index))
        if self.labels:
            labels = [SEPARATOR.join(sorted(self._labels_of(row))) for row in table.to_dict("records")]
        others = [name for name in self.columns["labels"] if name not in self.values]
        numbers = {name: table[name].astype(float) for name in self.values}
        return table.drop(columns=others).assign(label=labels, **numbers)

    def _labels_of(self, row: Mapping[str, str]) -> set[str]:
        if isinstance(self.labels, str):
            return {label.strip() for label in row[self.labels].split(self.separator)} - {""}
        return {name for name in self.labels or () if BITS[row[name]]}


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def source_tasks(source: Mapping[str, Any]) -> tuple[str, ...]:
    """The tasks that data sets of a source can have; the constant ``TASKS`` of its reader, or what its keys say."""
    if tasks := READERS.constant(source["reader"], "TASKS", ()):
        return tuple(tasks)
    label = "multi-label" if source.get("labels") else "single-label"
    return (label, "regression") if source.get("values") else (label,)


def labels_in(joined: pd.Series, source: Mapping[str, Any]) -> list[str]:
    """The single labels in a column ``label`` of the clips of a source."""
    if "multi-label" not in source_tasks(source):
        return list(joined)
    return [label for labels in joined for label in labels.split(SEPARATOR)]


def target_key_problems(where: str, source: Mapping[str, Any]) -> Iterator[str]:
    """The problems of the names of labels and of columns of numbers."""
    targets = Targets(source.get("labels"), values=source.get("values") or ())
    for key, names in targets.columns.items():
        for name in names:
            if key == "values" and name in {"clip", "path", "label", "group", "fold", "part"}:
                yield f"{where}.values: {name} is a column with another meaning; give the numbers another name"
            if not isinstance(source.get(key), str) and SEPARATOR in name:
                yield f"{where}.{key}: {name} holds {SEPARATOR}, which separates labels"


def source_task_problems(where: str, task: str, source: Mapping[str, Any]) -> Iterator[str]:
    """The problem of a data set whose source is labelled for another task."""
    if task not in (able := source_tasks(source)):
        what = "one label" if able == ("single-label",) else "several labels or numbers"
        yield f"{where}.task: clips of its source have {what}, so it should be {' or '.join(able)}, but is {task}"
