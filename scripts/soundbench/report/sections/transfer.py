"""The section of models on data sets that they were not trained on."""

from __future__ import annotations

from soundbench.report.rendering import records, render
from soundbench.report.results import Results
from soundbench.tasks.registry import all_metrics, metric_title


def section(results: Results) -> str:
    """One row per transfer: the metric on both data sets, their difference, and the other metrics."""
    if "transfer" not in results.tables:
        return ""
    pairs = []
    rows = results.table("transfer")
    for name, pair in rows.groupby("transfer", sort=False):
        home, away = records(pair)
        lost = home[results.metric] - away[results.metric]
        pairs.append({"name": name, "home": home, "away": away, "loss": lost})
    others = {name: found.title for name, found in all_metrics().items() if name != results.metric and name in rows}
    values = {"metric": results.metric, "metric_name": metric_title(results.metric), "others": others}
    return render("transfer.html", pairs=pairs, **values) if pairs else ""
