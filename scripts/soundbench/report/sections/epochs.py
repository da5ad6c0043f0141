"""The section of rules that choose an epoch: by how much a choice on the test clips flatters a model."""

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
    """The mean score over seeds and folds of each data set and model, by each rule."""
    keys = ["dataset", "model", "protocol"]
    numbers = {rule: pd.to_numeric(table[rule], errors="coerce") for rule in RULES}
    grouped = table.assign(**numbers).groupby(keys, sort=False)
    means = grouped[list(RULES)].mean().assign(runs=grouped.size(), epochs=grouped["epochs"].max())
    return means.reset_index()
