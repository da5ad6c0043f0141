"""The choice among the trials of a model, by their scores on validation clips; test clips have no part in it."""

from __future__ import annotations

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
    *("metric", "score", "loss"),
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


def validation(description: Description, history: str | Path) -> Validation:
    """The validation scores of a run, from its ``model.json`` and its ``history.csv``."""
    if "diverged" in description:
        return Validation(math.nan, math.nan)
    kept = pd.read_csv(history).set_index("epoch").loc[description["kept_epoch"]]
    return Validation(
        *(float(kept.get(f"val_{name}", math.nan)) for name in (task_class(description).progress, "loss"))
    )


def best_trial(scores: Sequence[Validation]) -> int:
    """The position of the trial with the highest validation score; of equals, that with the lower loss, then the first.

    Trials without a score, whose trainings diverged, are the worst; at least one has a score. This function alone
    decides which settings are tested, and it is given nothing of the test clips.
    """
    scored = [number for number, found in enumerate(scores) if not math.isnan(found.score)]
    return min(scored, key=lambda number: (-scores[number].score, scores[number].loss, number))


def choose_trial(model: str, trials: list[str], search: list[str], folder: str, table: str) -> None:
    """Copy the trial with the best validation scores to the run of its model, and write what all trials scored.

    The costs of the run are those of all its trials.

    Args:
        model: the name of the model that is tuned.
        trials: the folders of the trials, in their order.
        search: the keys that the trials differ in.
        folder: of the model's own run.
        table: the CSV file with one row per trial: :data:`TRIAL_COLUMNS`.

    Raises:
        InputError: all trials diverged.
    """
    runs = [Outputs(Path(trial)) for trial in trials]
    descriptions = [read_json(run.description) for run in runs]
    if all("diverged" in one for one in descriptions):
        raise InputError(_all_diverged(model, descriptions[0]))
    rows = [trial_row(*pair, search) for pair in zip(descriptions, (run.history for run in runs), strict=True)]
    best = best_trial([Validation(row["score"], row["loss"]) for row in rows])
    logger.info("trial %d of %d has the best validation score, %.4f", best + 1, len(runs), rows[best]["score"])
    chosen = Outputs(Path(folder))
    for source, target in zip(runs[best].files, chosen.files, strict=True):
        if target != chosen.description:
            with atomic_path(target) as temporary:
                shutil.copyfile(source, temporary)
    write_json(chosen.description, _described(model, best, descriptions))
    for number, row in enumerate(rows):
        row |= {"model": model, "trial": number + 1, "chosen": number == best}
    write_csv(table, pd.DataFrame(rows, columns=TRIAL_COLUMNS))
    for run in runs:
        forget_finished(run.folder)


def _all_diverged(model: str, first: Description) -> str:
    run = f"[{first['dataset']}/{model}/seed{first['seed']}/fold{first['fold']}]"
    return (
        f"{run} all trials diverged, so none can be chosen; give models.{model}.tune.search lower learning rates. "
        f"The first: {first['diverged']}"
    )


def _described(model: str, best: int, descriptions: list[Description]) -> Description:
    """The description of the chosen trial under the name of its model, with the costs of all trials."""
    measured = [one["measured"] for one in descriptions]
    costs = {key: round(sum(one[key] for one in measured), 3) for key in ("train_seconds", "cpu_seconds")}
    chosen = descriptions[best]
    return {
        **chosen,
        "model": model,
        "trial": best + 1,
        "trials": len(descriptions),
        "measured": chosen["measured"] | costs,
    }


def trial_row(description: Description, history: str | Path, search: Sequence[str] = ()) -> dict[str, Any]:
    """A row of the table of trials for a run that had no competitor.

    Args:
        search: the keys of the settings that are named.
    """
    return {
        **{key: description[key] for key in ("dataset", "model", "seed", "fold")},
        "trial": 1,
        "settings": json.dumps({key: setting(description["recipe"], key) for key in search}),
        "metric": task_class(description).progress,
        **validation(description, history)._asdict(),
        "diverged": "diverged" in description,
        "chosen": True,
    }
