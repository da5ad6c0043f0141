"""The leaderboard for papers and notes: Markdown and LaTeX."""

from __future__ import annotations

import pandas as pd

from soundbench.metrics import METRIC_NAMES

GAP = "missing"


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


def _head(metric: str) -> list[str]:
    return ["rank", "model", METRIC_NAMES[metric], "interval"]


def leaderboard_markdown(board: pd.DataFrame, metric: str) -> str:
    """A table a data set and protocol, in percent: mean ± standard deviation over seeds, and the 95 % interval."""
    parts = []
    for (dataset, protocol), rows in board.groupby(["dataset", "protocol"], sort=False):
        lines = [_head(metric), ["---:", ":---", "---:", "---:"], *_cells(rows, "±", "–")]
        parts.append("\n".join([f"### {dataset} ({protocol})", "", *(f"| {' | '.join(line)} |" for line in lines)]))
    return "\n\n".join(parts) + "\n"


def leaderboard_latex(board: pd.DataFrame, metric: str) -> str:
    """The same as :func:`leaderboard_markdown`, a ``tabular`` with booktabs rules for each."""
    parts = []
    for (dataset, protocol), rows in board.groupby(["dataset", "protocol"], sort=False):
        lines = [[_escaped(cell) for cell in line] for line in _cells(rows, r"±", "--")]
        body = "\n".join(f"{' & '.join(line)} \\\\" for line in lines).replace("±", r"$\pm$")
        head = " & ".join([*_head(metric)[:2], f"{METRIC_NAMES[metric]} (\\%)", "95\\,\\% interval"])
        parts.append(
            f"% {dataset} ({protocol}); needs \\usepackage{{booktabs}}\n"
            f"\\begin{{tabular}}{{rlrr}}\n\\toprule\n{head} \\\\\n\\midrule\n{body}\n\\bottomrule\n\\end{{tabular}}\n"
        )
    return "\n".join(parts)


def _escaped(text: str) -> str:
    return "".join(f"\\{letter}" if letter in "&%$#_{}" else letter for letter in text)
