"""The leaderboard for papers and notes: Markdown and LaTeX."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from soundbench.core.escaping import latex_text, markdown_text
from soundbench.tasks.metric import Metric
from soundbench.tasks.registry import find_metric

GAP = "missing"
TRANSDUCTIVE = " (transductive)"  # beside models whose features were normalised with unlabelled test clips
PUBLISHED_COLUMNS = ["dataset", "label", "kind", "score", "source", "epoch", "replicated"]
EPOCHS = {
    "last": "; last epoch",
    "validation": "; epoch chosen on validation clips",
    "test": "; epoch chosen on the test clips",
    "none": "",
    "unknown": "; choice of the epoch unknown",
}


def score_text(mean: float, spread: float, metric: Metric, sign: str = "±") -> str:
    """``85.5 ± 0.7``; ``missing`` where there is no score."""
    if pd.isna(mean):
        return GAP
    return metric.format(mean) if pd.isna(spread) else f"{metric.format(mean)} {sign} {metric.format(spread)}"


def _cells(board: pd.DataFrame, metric: Metric, sign: str, dash: str) -> list[list[str]]:
    return [
        [
            "-" if pd.isna(row.rank) else str(row.rank),
            row.model + (TRANSDUCTIVE if row.transductive else ""),
            score_text(row.mean, row.spread, metric, sign),
            GAP if pd.isna(row.mean) else metric.interval(row.interval_low, row.interval_high, dash),
        ]
        for row in board.itertuples()
    ]


def published(
    references: list[dict[str, Any]], views: dict[str, dict[str, Any]], ranked: Mapping[str, str]
) -> pd.DataFrame:
    """The published scores shown beside each data set's leaderboard, the best first: :data:`PUBLISHED_COLUMNS`.

    An overlay may change a view and keep its name. A score is shown only if the view has the values of its
    ``comparable``.

    Args:
        references: ``label, kind, source, datasets, comparable, metric, epoch, replicated``, and ``percent`` or, of a
            metric that is no share, ``score``.
        views: ``clips, labels, scheme, folds, protocol`` of each data set.
        ranked: the metric that ranks the models of each data set.
    """
    rows = []
    for name, view in views.items():
        metric = find_metric(ranked[name])
        own = [
            {"dataset": name, "score": each["percent"] / 100 if metric.percent else each["score"]} | each
            for each in references
            if name in each["datasets"]
            and each["metric"] == ranked[name]
            and each["comparable"].items() <= view.items()
        ]
        rows += sorted(own, key=lambda each: each["score"], reverse=metric.higher_is_better)
    return pd.DataFrame(rows, columns=PUBLISHED_COLUMNS)


def _tables(
    board: pd.DataFrame,
    others: pd.DataFrame,
    metrics: Mapping[str, Metric],
    sign: str,
    dash: str,
) -> Iterator[tuple[str, Metric, list[list[str]], list[list[str]]]]:
    """Title, metric, measured rows and published rows of each data set and protocol."""
    for (dataset, protocol), rows in board.groupby(["dataset", "protocol"], sort=False):
        metric = metrics[dataset]
        beside = [
            [
                each.kind,
                f"{each.label} ({each.source}{EPOCHS[each.epoch]})",
                f"{metric.factor * each.score:g}",
                "published",
            ]
            for each in others[others["dataset"] == dataset].itertuples()
        ]
        yield f"{dataset} ({protocol})", metric, _cells(rows, metric, sign, dash), beside


def leaderboard_markdown(board: pd.DataFrame, others: pd.DataFrame, metrics: Mapping[str, Metric]) -> str:
    """One table per data set and protocol: mean ± standard deviation over seeds, and the 95 % interval.

    Published scores (see :func:`published`) follow, with their kind in place of a rank.

    Args:
        metrics: the metric that ranks the models of each data set.
    """
    parts = []
    for title, metric, measured, beside in _tables(board, others, metrics, "±", "–"):
        cells = [[markdown_text(cell) for cell in line] for line in (*measured, *beside)]
        lines = [["rank", "model", metric.title, "interval"], ["---:", ":---", "---:", "---:"], *cells]
        parts.append("\n".join([f"### {title}", "", *(f"| {' | '.join(line)} |" for line in lines)]))
    return "\n\n".join(parts) + "\n"


def leaderboard_latex(board: pd.DataFrame, others: pd.DataFrame, metrics: Mapping[str, Metric]) -> str:
    """The same as :func:`leaderboard_markdown`, as one ``tabular`` with booktabs rules per table."""
    parts = []
    for title, metric, measured, beside in _tables(board, others, metrics, r"±", "--"):
        head = " & ".join(["rank", "model", latex_text(metric.heading), "95\\,\\% interval"])
        body = "\n\\midrule\n".join(map(_latex_rows, filter(None, (measured, beside))))
        parts.append(
            f"% {title}; needs \\usepackage{{booktabs}}\n"
            f"\\begin{{tabular}}{{rlrr}}\n\\toprule\n{head} \\\\\n\\midrule\n{body}\n\\bottomrule\n\\end{{tabular}}\n"
        )
    return "\n".join(parts)


def _latex_rows(lines: list[list[str]]) -> str:
    cells = [[latex_text(cell).replace("±", r"$\pm$") for cell in line] for line in lines]
    return "\n".join(f"{' & '.join(line)} \\\\" for line in cells)
