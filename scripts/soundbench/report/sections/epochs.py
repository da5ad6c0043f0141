"""The section of rules that choose an epoch: by how much a choice on the test clips raises the score."""

from __future__ import annotations

import pandas as pd

from soundbench.evaluation.epoch_choice import RULES
from soundbench.report.rendering import records, render
from soundbench.report.results import Results


def section(results: Results) -> str:
    """One row per model: the score by each rule, and what the choice on the test clips adds."""
    if "epochs" not in results.tables or (table := results.table("epochs")).empty:
        return ""
    metrics = {name: results.metric_of(name) for name in results.datasets}
    return render("epochs.html", rows=records(rule_table(table)), metrics=metrics)


def rule_table(table: pd.DataFrame) -> pd.DataFrame:
    """The scores of each data set and model by each rule, and what the choice on the test clips adds.

    Each is the mean over seeds of the mean over folds, and has the standard deviation over seeds in a column that ends
    in ``_spread``; it is missing for one seed.

    Args:
        table: what :func:`soundbench.evaluation.epoch_choice.aggregate_epochs` wrote.
    """
    keys = ["dataset", "model", "protocol"]
    scores = {rule: pd.to_numeric(table[rule], errors="coerce") for rule in RULES}
    scores |= {f"gain_over_{rule}": scores["test"] - scores[rule] for rule in ("last", "validation")}
    shown = table.assign(**scores)
    seeds = shown.groupby([*keys, "seed"], sort=False)[list(scores)].mean().groupby(keys, sort=False)
    models = shown.groupby(keys, sort=False)
    rows = seeds.mean().join(seeds.std().add_suffix("_spread"))
    counts = {"epochs": models["epochs"].max(), "seeds": models["seed"].nunique(), "trainings": models.size()}
    return rows.assign(**counts).reset_index()
