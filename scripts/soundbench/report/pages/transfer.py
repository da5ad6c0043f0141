"""The page of models on data sets that they were not trained on."""

from __future__ import annotations

import pandas as pd

from soundbench.core.storage import write_text
from soundbench.report.rendering import records, render
from soundbench.tasks.registry import all_metrics, metric_title


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
    others = {name: found.title for name, found in all_metrics().items() if name != metric and name in rows}
    values = {"pairs": pairs, "metric": metric, "metric_name": metric_title(metric), "others": others}
    write_text(path, render("transfer.html", title="On other data sets", **values))
