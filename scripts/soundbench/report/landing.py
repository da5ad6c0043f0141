"""The text that Snakemake's report begins with: the verdict and the leaderboard of the finished study, in
reStructuredText."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from soundbench.core.escaping import rst_text
from soundbench.evaluation.leaderboard_text import TRANSDUCTIVE
from soundbench.report.rendering import quantity
from soundbench.report.results import Results
from soundbench.report.sections.answer import REMARKS, dataset_answers, gaps
from soundbench.report.sections.leaderboard import boards
from soundbench.tasks.metric import Metric

COLUMNS = ("95 % interval", "training (s per fold)", "prediction (ms per clip)", "size (MB)")


def landing_text(results: Results) -> str:
    """The verdict on each data set, and its leaderboard."""
    rows = boards(results)
    parts = [f"**This report is incomplete.** {rst_text(gap)}" for gap in gaps(results.table("scores"))]
    for answer in dataset_answers(results):
        verdict = answer["verdict"]
        warning = ["**Copies of a clip are on two sides of the split: these scores may be too high.**"]
        sentences = [*verdict.answer, verdict.guessing, verdict.visible, *(answer[name] for name in REMARKS)]
        parts += [
            f"**{rst_text(answer['dataset'])}** ({rst_text(answer['protocol'])})",
            *(warning if answer["copies"] else []),
            *(rst_text(sentence) for sentence in sentences if sentence),
            "\n".join(_table(rows[answer["dataset"]], results.metric_of(answer["dataset"]))),
        ]
    parts.append("Scores are the mean over seeds, ± the standard deviation over seeds.")
    return "\n\n".join(parts) + "\n"


def _table(board: pd.DataFrame, metric: Metric) -> Iterator[str]:
    yield ".. list-table::"
    yield "   :header-rows: 1"
    yield ""
    for cells in (("model", metric.heading, *COLUMNS), *(_cells(row, metric) for _, row in board.iterrows())):
        for position, cell in enumerate(cells):
            yield f"   {'  ' if position else '* '}- {rst_text(cell)}"


def _cells(row: pd.Series, metric: Metric) -> list[str]:
    model = row["model"] + (TRANSDUCTIVE if row["transductive"] else "")
    if pd.isna(row["mean"]):
        return [model, "missing", *["–"] * len(COLUMNS)]
    spread = "" if pd.isna(row["spread"]) else f" ± {metric.format(row['spread'])}"
    costs = [quantity(row[name]) for name in ("train_seconds", "predict_milliseconds", "model_megabytes")]
    interval = metric.interval(row["interval_low"], row["interval_high"])
    return [model, metric.format(row["mean"]) + spread, interval, *costs]
