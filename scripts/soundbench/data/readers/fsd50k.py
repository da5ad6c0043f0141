"""FSD50K: 51,197 clips of 0.3 to 30 s with labels from 200 classes of the AudioSet ontology.

E. Fonseca et al., "FSD50K: An open dataset of human-labeled sound events", IEEE/ACM TASLP 2022.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from soundbench.core.errors import InputError
from soundbench.data.files import folder_with
from soundbench.tasks.labels import SEPARATOR

TASKS = ("multi-label",)
SETTINGS = {
    "root": {
        "description": (
            "The folder that holds `FSD50K.ground_truth`, `FSD50K.dev_audio` and `FSD50K.eval_audio`, as published. "
            "Its validation clips are those that `dev.csv` marks, and its test clips are those of `eval.csv`: scheme "
            "`predefined`. Nothing is fetched."
        ),
        "type": ["string", "null"],
        "minLength": 1,
        "default": None,
    },
}
TRUTH = "FSD50K.ground_truth"
PARTS = ("train", "val")


def read(root: Path) -> pd.DataFrame:
    """The clips of both sets with all their labels; ``part`` is the published split.

    Who uploaded a clip is not in these tables, so each clip is its own group.

    Raises:
        InputError: a table is missing or has other columns; or rows cannot be used, all of them named.
    """
    home = folder_with(root, [f"{TRUTH}/dev.csv"])
    known = set(_read_table(home / TRUTH / "vocabulary.csv", ["index", "label", "mid"], header=None)["label"])
    development = _read_table(home / TRUTH / "dev.csv", ["fname", "labels", "split"])
    evaluation = _read_table(home / TRUTH / "eval.csv", ["fname", "labels"]).assign(split="test")
    rows = [("dev", *row) for row in development[["fname", "labels", "split"]].to_numpy()]
    rows += [("eval", *row) for row in evaluation[["fname", "labels", "split"]].to_numpy()]
    table = pd.DataFrame(rows, columns=["set", "clip", "labels", "part"])
    if problems := list(_problems(table, known)):
        raise InputError(problems, f"{home / TRUTH}: rows that cannot be used:")
    paths = [str(home / f"FSD50K.{each}_audio" / f"{clip}.wav") for each, clip in table[["set", "clip"]].to_numpy()]
    labels = [SEPARATOR.join(sorted(set(text.split(",")))) for text in table["labels"]]
    found = table[["clip", "part"]].assign(path=paths, label=labels, group=table["clip"], fold=pd.NA)
    found.attrs["notes"] = [f"{home}: names no uploaders, so each clip is its own group"]
    return found


def _read_table(file: Path, columns: list[str], header: int | None = 0) -> pd.DataFrame:
    """The text of a table; without a ``header`` the columns have these names."""
    names = columns if header is None else None
    try:
        table = pd.read_csv(file, dtype=str, keep_default_na=False, header=header, names=names)
    except (ValueError, OSError) as error:
        raise InputError(f"{file}: cannot be read as a table ({error})") from error
    if missing := sorted(set(columns) - set(table)):
        raise InputError(f"{file}: lacks the columns {', '.join(missing)}")
    return table


def _problems(table: pd.DataFrame, known: set[str]) -> Iterator[str]:
    repeated = set(table.loc[table["clip"].duplicated(), "clip"])
    for row in table.itertuples():
        where = f"{row.set}.csv, {row.clip or 'a row without a name'}"
        if not row.clip.isdecimal():
            yield f"{where}: fname should be a number"
        elif row.clip in repeated:
            yield f"{where}: is listed more than once"
        if unknown := sorted(set(row.labels.split(",")) - known):
            yield f"{where}: {', '.join(map(repr, unknown))} is not in vocabulary.csv"
        if row.set == "dev" and row.part not in PARTS:
            yield f"{where}: split should be train or val, but is {row.part!r}"
