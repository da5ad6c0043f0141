"""The section that compares models: on all data sets, in pairs, class by class, and by speaker."""

from __future__ import annotations

from typing import Any

import pandas as pd

from soundbench.report.figures.views import best_models
from soundbench.report.rendering import records, render
from soundbench.report.results import Results
from soundbench.report.style import model_colours
from soundbench.tasks.metric import Metric
from soundbench.tasks.single_label import SingleLabel

MOST_ROWS = 1000  # of a table of comparisons; a longer one has the best models only


def section(results: Results) -> str:
    """The matrix of models × data sets, every paired comparison, and the differences class by class."""
    board = results.table("leaderboard")
    groups = results.table("groups")
    pairs = results.table("comparisons")
    views = results.table("view_comparisons")
    people = [
        {"dataset": dataset, "model": model, "rows": records(part), "metrics": _group_metrics(results, dataset, part)}
        for (dataset, model), part in groups.groupby(["dataset", "model"], sort=False)
    ]
    return render(
        "comparison.html",
        datasets=board[["dataset", "protocol"]].drop_duplicates().to_dict("records"),
        models=results.models,
        cells={(row["dataset"], row["model"]): row for row in records(board)},
        pairs=records(by_verdict(pairs_of_best(pairs, board))),
        views=records(views_of_best(views, results)),
        view_metrics=SingleLabel.metrics,
        counts={"pairs": len(pairs), "views": len(views)},
        classes=class_data(results.table("classes")),
        people=people,
        metrics={name: results.metric_of(name) for name in results.datasets},
        colours=model_colours(results.models),
    )


def pairs_of_best(pairs: pd.DataFrame, board: pd.DataFrame) -> pd.DataFrame:
    """All pairs, or in a long table those of the best model of each data set."""
    if len(pairs) <= MOST_ROWS:
        return pairs
    best = board.sort_values("rank", kind="stable").groupby("dataset")["model"].first()
    first = pairs["dataset"].map(best)
    return pairs[(pairs["model_a"] == first) | (pairs["model_b"] == first)]


def by_verdict(pairs: pd.DataFrame) -> pd.DataFrame:
    """Pairs with the probabilities of the model that the verdict names first; the table has those of ``model_a``."""
    names = zip(pairs["verdict"], pairs["model_b"], strict=True)
    swapped = pd.Series([text.startswith(f"{model} ") for text, model in names], pairs.index, dtype=bool)
    return pairs.assign(
        p_better=pairs["p_better"].mask(swapped, pairs["p_worse"]),
        p_worse=pairs["p_worse"].mask(swapped, pairs["p_better"]),
        superiority=pairs["superiority"].mask(swapped, 1 - pairs["superiority"]),
    )


def views_of_best(views: pd.DataFrame, results: Results) -> pd.DataFrame:
    """All comparisons of views, or in a long table those of the models with the best mean rank."""
    if len(views) <= MOST_ROWS:
        return views
    number = max(1, MOST_ROWS * views["model"].nunique() // len(views))
    return views[views["model"].isin(best_models(results.tables["leaderboard"], results.models, number))]


def _group_metrics(results: Results, dataset: str, rows: pd.DataFrame) -> list[tuple[str, Metric]]:
    """The metrics that the groups of a data set have scores of."""
    known = set(rows.dropna(axis="columns", how="all"))
    return [(name, metric) for name, metric in results.tasks[dataset].metrics.items() if name in known]


def class_data(table: pd.DataFrame) -> dict[str, Any]:
    """For the page's script: per data set the labels that are tested, their clips, and each model's scores of them."""
    found: dict[str, Any] = {}
    for (dataset, model), part in table[table["support"] > 0].groupby(["dataset", "model"], sort=False):
        entry = found.setdefault(
            dataset, {"labels": part["label"].tolist(), "clips": part["support"].tolist(), "models": {}}
        )
        entry["models"][model] = {name: part[name].round(4).tolist() for name in ("recall", "precision", "f1")}
    return found
