"""The ledger: every setting that was tried on a data set, what it scored on validation clips, and what was chosen."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from soundbench.core.integrity import read_split
from soundbench.core.storage import read_json, write_csv
from soundbench.data.trained_on import sample_digests
from soundbench.evaluation.evaluated import count_evaluations, tested_clips
from soundbench.evaluation.leaderboard import Plan
from soundbench.training.tuning import TRIAL_COLUMNS, trial_row

LEDGER_COLUMNS = [*TRIAL_COLUMNS, "test_evaluations"]


@dataclass(frozen=True)
class Inputs:
    """The files that a ledger is made of.

    Attributes:
        trials: ``trials.csv`` of every fold of the models that are tuned.
        descriptions, histories: ``model.json`` and ``history.csv`` of every fold of the other models, in one order.
        splits: the split tables of each data set, one per seed.
        measures: the measurements of the clips of each source.
        records: the folder of the records of evaluations.
    """

    trials: list[str]
    descriptions: list[str]
    histories: list[str]
    splits: list[str]
    measures: list[str]
    records: str


def aggregate_ledger(inputs: Inputs, plan: Plan, ledger: str) -> None:
    """Write the ledger: one row per setting, seed and fold, in the order of the plan.

    ``test_evaluations`` is the number of different models and seeds that were evaluated on test clips of the data set
    in this folder of results, in this study or another. Ensembles count, and so do models on changed test clips
    (robustness) and models of other data sets (transfer).
    """
    tried = pd.concat([pd.DataFrame(columns=TRIAL_COLUMNS), *tables(inputs)])
    order = {name: number for part in ("datasets", "models") for number, name in enumerate(plan[part])}
    keys = ["dataset", "model", "seed", "fold", "trial"]
    tried = tried.sort_values(keys, key=lambda column: column.map(lambda value: order.get(value, value)))
    evaluations = _evaluations(inputs, plan)
    write_csv(ledger, tried.assign(test_evaluations=tried["dataset"].map(evaluations))[LEDGER_COLUMNS])


def tables(inputs: Inputs) -> list[pd.DataFrame]:
    """The rows of the models that are tuned, and those of the others, whose only trial is their entry."""
    names = dict.fromkeys(("dataset", "model"), str)
    tuned = [
        pd.read_csv(path, dtype=names, keep_default_na=False, na_values={"score": "", "loss": ""})
        for path in inputs.trials
    ]
    pairs = zip(inputs.descriptions, inputs.histories, strict=True)
    single = [trial_row(read_json(description), history) for description, history in pairs]
    return [*tuned, pd.DataFrame(single, columns=TRIAL_COLUMNS)]


def _evaluations(inputs: Inputs, plan: Plan) -> dict[str, int]:
    """How often test clips of each data set were evaluated."""
    digests = {Path(path).stem: sample_digests(path) for path in inputs.measures}
    tested: dict[str, set[str]] = {}
    for path in inputs.splits:
        dataset = Path(path).parent.name
        clips = tested_clips(read_split(path), digests[plan["datasets"][dataset]["source"]])
        tested.setdefault(dataset, set()).update(clips)
    return {dataset: count_evaluations(inputs.records, clips) for dataset, clips in tested.items()}
