"""The section of models on data sets that they were not trained on."""

from __future__ import annotations

from soundbench.report.rendering import records, render
from soundbench.report.results import Results
from soundbench.tasks.registry import all_metrics


def section(results: Results) -> str:
    """One row per transfer: the metric on both data sets, their difference, and the other metrics."""
    if "transfer" not in results.tables:
        return ""
    pairs = []
    rows = results.table("transfer")
    for name, pair in rows.groupby("transfer", sort=False):
        home, away = records(pair)
        chosen = results.ranked_by(home["trained_on"])
        pairs.append({"name": name, "home": home, "away": away, "metric": chosen})
    found = {name: metric for name, metric in all_metrics().items() if name in rows}
    ranking = {pair["metric"] for pair in pairs}
    others = [name for name in found if ranking != {name}]
    return render("transfer.html", pairs=pairs, metrics=found, others=others) if pairs else ""
