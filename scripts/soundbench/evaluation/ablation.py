"""What each step of a study adds, where the selected models are steps: each is the one before with one thing more."""

from __future__ import annotations

import pandas as pd


def step_gains(comparisons: pd.DataFrame, costs: pd.DataFrame, models: list[str]) -> pd.DataFrame:
    """One row per data set and step: its gain over the step before, with its interval, and what its training costs.

    Args:
        comparisons: the paired comparisons; the first model of a pair is the one that is selected first.
        costs: what models cost, by data set.
        models: the steps, in their order.

    Returns:
        ``dataset, model, metric, score, gain, low, high, cpu_seconds``; the first step has a score and no gain. A gain
        is positive where the step is better, also where a lower score is better. CPU seconds are the mean of a fold.
    """
    pairs = comparisons.set_index(["dataset", "model_a", "model_b"])
    seconds = costs.set_index(["dataset", "model"])["train_cpu_seconds"]
    rows = []
    for dataset in comparisons["dataset"].unique():
        for before, model in zip([None, *models], models, strict=False):
            other = (model, models[1]) if before is None else (before, model)
            if (dataset, *other) not in pairs.index:
                continue
            pair = pairs.loc[(dataset, *other)]
            row = {"dataset": dataset, "model": model, "metric": pair["metric"]}
            row["score"] = pair["mean_a"] if before is None else pair["mean_b"]
            if before is not None:
                row |= {"gain": -pair["difference"], "low": -pair["interval_high"], "high": -pair["interval_low"]}
            rows.append(row | {"cpu_seconds": seconds.get((dataset, model))})
    return pd.DataFrame(rows, columns=["dataset", "model", "metric", "score", "gain", "low", "high", "cpu_seconds"])
