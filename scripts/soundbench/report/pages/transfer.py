"""The page of models on data sets that they were not trained on."""

from __future__ import annotations

import pandas as pd

from soundbench.core.storage import write_text
from soundbench.evaluation.metrics import METRIC_NAMES, METRICS
from soundbench.report.rendering import records, render


def write_transfer_page(table: str, metric: str, path: str) -> None:
    """Write one row per transfer: the leaderboard's metric on both data sets, their difference, and the other metrics.

    Args:
        table: the output of ``aggregate_transfer``.
    """
    rows = pd.read_csv(table, dtype={"transfer": str, "model": str, "trained_on": str, "tested_on": str})
    pairs = []
    for name, pair in rows.groupby("transfer", sort=False):
        home, away = records(pair)
        pairs.append({"name": name, "home": home, "away": away, "loss": home[metric] - away[metric]})
    others = {name: METRIC_NAMES[name] for name in METRICS if name != metric}
    values = {"pairs": pairs, "metric": metric, "metric_name": METRIC_NAMES[metric], "others": others}
    write_text(path, render("transfer.html", title="On other data sets", **values))
