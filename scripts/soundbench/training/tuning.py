"""The choice among the trials of a model, by their scores on validation clips; test clips have no part in it."""

from __future__ import annotations

import csv
import json
import logging
import math
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from soundbench.core.errors import InputError
from soundbench.core.storage import atomic_path, read_json, write_csv, write_json
from soundbench.models.description import Description
from soundbench.models.tuning import setting
from soundbench.tasks.registry import task_class
from soundbench.training.finished import forget_finished
from soundbench.training.run import Outputs

logger = logging.getLogger(__name__)

TRIAL_COLUMNS = (
    *("dataset", "model", "trial", "settings", "seed", "fold"),
    *("metric", "score", "loss", "epochs"),
    "diverged",
    "chosen",
)


class Validation(NamedTuple):
    """What a run scored on its validation clips at the epoch whose weights are kept.

    Attributes:
        score: the measure of progress of the task, for example the accuracy; NaN without validation clips, or if the
            training diverged.
        loss: the mean loss; NaN in the same cases.
    """

    score: float
    loss: float


class Chosen(NamedTuple):
    """The run of the trial that is chosen.

    Attributes:
        model: the name of the model that is tuned.
        folder: of the run.
        table: the CSV file with one row per trial: :data:`TRIAL_COLUMNS`.
    """

    model: str
    folder: Path
    table: Path


def validation(description: Description, history: str | Path, until: int | None = None) -> Validation:
    """The validation scores of a run, from its ``model.json`` and its ``history.csv``.

    Args:
        until: the scores are those that the run would have if this were its last epoch.
    """
    if "diverged" in description:
        return Validation(math.nan, math.nan)
    with open(history, encoding="utf-8", newline="") as file:
        # Not with pandas, which takes ten times as long for a small table, and a study has one per fold.
        rows = {float(row["epoch"]): row for row in csv.DictReader(file)}
    epoch = description["kept_epoch"]
    if until is not None and until < len(rows):
        last = description["recipe"]["training"]["keep"] == "last"
        losses = {int(number): _score(row, "loss") for number, row in rows.items() if number <= until}
        epoch = until if last else min(losses, key=lambda number: (math.isnan(losses[number]), losses[number]))
    return Validation(*(_score(rows[epoch], name) for name in (task_class(description).progress, "loss")))


def _score(row: dict[str, str], name: str) -> float:
    """A validation score of an epoch; NaN if the history has none."""
    return float(row.get(f"val_{name}") or math.nan)


def ranked_trials(scores: Sequence[Validation]) -> list[int]:
    """The positions of the trials, the highest validation score first; of equals, the lower loss, then the first.

    Trials without a score, whose trainings diverged, are left out. This function alone decides which settings are
    tested, and it is given nothing of the test clips.
    """
    scored = [number for number, found in enumerate(scores) if not math.isnan(found.score)]
    return sorted(scored, key=lambda number: (-scores[number].score, scores[number].loss, number))


def choose_trial(chosen: Chosen, trials: Sequence[Path], search: Sequence[str]) -> None:
    """Copy the trial with the best validation scores to the run of its model, and write what all trials scored.

    Only trials that were trained to their end are candidates. The costs of the run are those of all trials.

    Args:
        trials: the folders of the trials, in their order.
        search: the keys that the trials differ in.

    Raises:
        InputError: all trials diverged.
    """
    runs = [Outputs(trial) for trial in trials]
    descriptions = [read_json(run.description) for run in runs]
    rows = [trial_row(*pair, search) for pair in zip(descriptions, (run.history for run in runs), strict=True)]
    candidates = [number for number, run in enumerate(runs) if run.model.exists()]
    scores = [Validation(rows[number]["score"], rows[number]["loss"]) for number in candidates]
    ranking = ranked_trials(scores)
    if not ranking:
        raise InputError(_all_diverged(chosen.model, descriptions[candidates[0]]))
    best = candidates[ranking[0]]
    logger.info("trial %d of %d has the best validation score, %.4f", best + 1, len(runs), rows[best]["score"])
    outputs = Outputs(chosen.folder)
    for source, target in zip(runs[best].files, outputs.files, strict=True):
        if target != outputs.description:
            with atomic_path(target) as temporary:
                shutil.copyfile(source, temporary)
    write_json(outputs.description, _described(chosen.model, best, descriptions))
    for number, row in enumerate(rows):
        row |= {"model": chosen.model, "trial": number + 1, "chosen": number == best}
    write_csv(chosen.table, pd.DataFrame(rows, columns=TRIAL_COLUMNS))
    for run in runs:
        forget_finished(run.folder)


def _all_diverged(model: str, first: Description) -> str:
    run = f"[{first['dataset']}/{model}/seed{first['seed']}/fold{first['fold']}]"
    return (
        f"{run} all trials that could be chosen diverged; give models.{model}.tune.search lower learning rates. "
        f"The first one: {first['diverged']}"
    )


def _described(model: str, best: int, descriptions: list[Description]) -> Description:
    """The description of the chosen trial under the name of its model, with the costs of all trials."""
    measured = [one["measured"] for one in descriptions]
    costs = {key: round(sum(one[key] for one in measured), 3) for key in ("train_seconds", "cpu_seconds")}
    costs["megabytes"] = max(one["megabytes"] for one in measured)
    chosen = descriptions[best]
    return {
        **chosen,
        "model": model,
        "trial": best + 1,
        "trials": len(descriptions),
        "measured": chosen["measured"] | costs,
    }


def trial_row(description: Description, history: str | Path, search: Sequence[str] = ()) -> dict[str, Any]:
    """A row of the table of trials for one run, which is marked as chosen.

    Args:
        search: the keys of the settings that are named.
    """
    return {
        **{key: description[key] for key in ("dataset", "model", "seed", "fold")},
        "trial": 1,
        "settings": json.dumps({key: setting(description["recipe"], key) for key in search}),
        "metric": task_class(description).progress,
        **validation(description, history)._asdict(),
        "epochs": description["epochs"],
        "diverged": "diverged" in description,
        "chosen": True,
    }
