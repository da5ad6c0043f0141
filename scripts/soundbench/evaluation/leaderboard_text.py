"""The leaderboard for papers and notes: Markdown and LaTeX."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from soundbench.core.escaping import latex_text, markdown_text
from soundbench.tasks.registry import metric_title

GAP = "missing"
PUBLISHED_COLUMNS = ["dataset", "label", "kind", "percent", "source"]


def score_text(mean: float, spread: float, sign: str = "±") -> str:
    """``85.5 ± 0.7`` in percent; ``missing`` where there is no score."""
    if pd.isna(mean):
        return GAP
    return f"{100 * mean:.1f}" if pd.isna(spread) else f"{100 * mean:.1f} {sign} {100 * spread:.1f}"


def _cells(board: pd.DataFrame, sign: str, dash: str) -> list[list[str]]:
    return [
        [
            "-" if pd.isna(row.rank) else str(row.rank),
            row.model,
            score_text(row.mean, row.spread, sign),
            GAP if pd.isna(row.mean) else f"{100 * row.interval_low:.1f}{dash}{100 * row.interval_high:.1f}",
        ]
        for row in board.itertuples()
    ]


def published(references: list[dict[str, Any]], views: dict[str, dict[str, Any]], metric: str) -> pd.DataFrame:
    """The published scores shown beside each data set's leaderboard, the highest first: :data:`PUBLISHED_COLUMNS`.

    An overlay may change a view and keep its name. A score is shown only if the view has the values of its
    ``comparable``.

    Args:
        references: ``label, kind, source, datasets, comparable, metric, percent``.
        views: ``clips, labels, scheme, folds, protocol`` of each data set.
    """
    rows = [
        {"dataset": name, **{key: each[key] for key in PUBLISHED_COLUMNS[1:]}}
        for name, view in views.items()
        for each in sorted(references, key=lambda each: -each["percent"])
        if name in each["datasets"] and each["metric"] == metric and each["comparable"].items() <= view.items()
    ]
    return pd.DataFrame(rows, columns=PUBLISHED_COLUMNS)


def _tables(
    board: pd.DataFrame, others: pd.DataFrame, sign: str, dash: str
) -> Iterator[tuple[str, list[list[str]], list[list[str]]]]:
    """Title, measured rows and published rows of each data set and protocol."""
    for (dataset, protocol), rows in board.groupby(["dataset", "protocol"], sort=False):
        beside = [
            [each.kind, f"{each.label} ({each.source})", f"{each.percent:g}", "published"]
            for each in others[others["dataset"] == dataset].itertuples()
        ]
        yield f"{dataset} ({protocol})", _cells(rows, sign, dash), beside


def _head(metric: str) -> list[str]:
    return ["rank", "model", metric_title(metric), "interval"]


def leaderboard_markdown(board: pd.DataFrame, others: pd.DataFrame, metric: str) -> str:
    """One table per data set and protocol, in percent: mean ± standard deviation over seeds, and the 95 % interval.

    Published scores (see :func:`published`) follow, with their kind in place of a rank.
    """
    parts = []
    for title, measured, beside in _tables(board, others, "±", "–"):
        cells = [[markdown_text(cell) for cell in line] for line in (*measured, *beside)]
        lines = [_head(metric), ["---:", ":---", "---:", "---:"], *cells]
        parts.append("\n".join([f"### {title}", "", *(f"| {' | '.join(line)} |" for line in lines)]))
    return "\n\n".join(parts) + "\n"


def leaderboard_latex(board: pd.DataFrame, others: pd.DataFrame, metric: str) -> str:
    """The same as :func:`leaderboard_markdown`, as one ``tabular`` with booktabs rules per table."""
    parts = []
    for title, measured, beside in _tables(board, others, r"±", "--"):
        head = " & ".join([*_head(metric)[:2], f"{metric_title(metric)} (\\%)", "95\\,\\% interval"])
        body = "\n\\midrule\n".join(map(_latex_rows, filter(None, (measured, beside))))
        parts.append(
            f"% {title}; needs \\usepackage{{booktabs}}\n"
            f"\\begin{{tabular}}{{rlrr}}\n\\toprule\n{head} \\\\\n\\midrule\n{body}\n\\bottomrule\n\\end{{tabular}}\n"
        )
    return "\n".join(parts)


def _latex_rows(lines: list[list[str]]) -> str:
    cells = [[latex_text(cell).replace("±", r"$\pm$") for cell in line] for line in lines]
    return "\n".join(f"{' & '.join(line)} \\\\" for line in cells)
