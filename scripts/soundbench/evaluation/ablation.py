"""The gain of each step of an ablation, in which each model is an earlier one with one added technique."""

from __future__ import annotations

from itertools import pairwise

import pandas as pd

Step = tuple[str, str]  # the model to which one thing is added, and the model that has it

COLUMNS = ["dataset", "model", "before", "metric", "score", "gain", "low", "high", "cpu_seconds"]


def ablation_steps(kind: str | None, models: list[str]) -> list[Step]:
    """The steps of a study: ``cumulative`` adds to the model before, ``single`` to the first one; None has no steps."""
    if kind == "single":
        return [(models[0], model) for model in models[1:]]
    return list(pairwise(models)) if kind == "cumulative" else []


def step_gains(comparisons: pd.DataFrame, costs: pd.DataFrame, steps: list[Step]) -> pd.DataFrame:
    """One row per data set and step: its gain, with its interval, and what its training costs.

    Args:
        comparisons: the paired comparisons; the first model of a pair is the one that is selected first.
        costs: what models cost, by data set.
        steps: the steps, in the order of the models.

    Returns:
        :data:`COLUMNS`; the model that the first step adds to comes first and has no gain. A gain is positive where the
        step is better, also where a lower score is better. CPU seconds are the mean of a fold.
    """
    pairs = comparisons.set_index(["dataset", "model_a", "model_b"])
    seconds = costs.set_index(["dataset", "model"])["train_cpu_seconds"]
    rows = []
    for dataset in comparisons["dataset"].unique():
        compared = [step for step in steps if (dataset, *step) in pairs.index]
        for position, (before, model) in enumerate(compared):
            pair = pairs.loc[(dataset, before, model)]
            common = {"dataset": dataset, "metric": pair["metric"]}
            if position == 0:
                cost = seconds.get((dataset, before))
                rows.append(common | {"model": before, "score": pair["mean_a"], "cpu_seconds": cost})
            gains = {"gain": -pair["difference"], "low": -pair["interval_high"], "high": -pair["interval_low"]}
            cost = seconds.get((dataset, model))
            row = {"model": model, "before": before, "score": pair["mean_b"], "cpu_seconds": cost}
            rows.append(common | row | gains)
    return pd.DataFrame(rows, columns=COLUMNS)
