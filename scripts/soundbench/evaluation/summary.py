"""The job that summarises all runs: it reads their records and predictions, and writes the tables that compare them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from soundbench.core.integrity import read_split
from soundbench.core.storage import read_json, write_csv, write_text
from soundbench.data.schemes import fold_column
from soundbench.data.subsets import clip_groups
from soundbench.evaluation.leaderboard import (
    Plan,
    collect_scores,
    pooled_scores,
    rank_models,
    read_predictions,
    score_columns,
    spread_table,
)
from soundbench.evaluation.leaderboard_text import leaderboard_latex, leaderboard_markdown, published
from soundbench.evaluation.variance_components import COMPONENTS, variance_components
from soundbench.tasks.registry import find_metric, ranking_metric, task_class
from soundbench.tasks.task import Task


@dataclass(frozen=True)
class Inputs:
    """The records (``metrics.json``) and the predictions of all runs, one file per run; and split tables.

    The splits are ``…/{dataset}/seed{seed}.csv`` of each data set, of any seed, for the groups.
    """

    metrics: list[str]
    predictions: list[str]
    splits: list[str]


@dataclass(frozen=True)
class Outputs:
    """The tables of all scores, of the leaderboard (also as Markdown and LaTeX) and of the spreads of every metric; and
    the published scores that are shown ``beside`` the leaderboard."""

    scores: str
    leaderboard: str
    spread: str
    markdown: str
    latex: str
    beside: str


def aggregate_scores(
    inputs: Inputs, plan: Plan, metric: str, references: list[dict[str, Any]], outputs: Outputs
) -> None:
    """Write the tables that compare all runs.

    Args:
        plan: as of :mod:`soundbench.evaluation.leaderboard`.
        metric: the metric that ranks the models.
        references: published scores; see :func:`soundbench.evaluation.leaderboard_text.published`.
    """
    records = [read_json(path) for path in inputs.metrics]
    clips = {Path(path).parent.name: read_split(path) for path in inputs.splits}
    predictions = read_predictions(inputs.predictions, plan["datasets"])

    scores = collect_scores(records, plan)
    groups = {name: clip_groups(split) for name, split in clips.items()}
    board = rank_models(predictions, groups, plan, metric)
    views = {name: plan["datasets"][name] for name in plan["datasets"] if name in clips}
    sizes = {name: split_size(clips[name], task_class(view)) for name, view in views.items()}
    ranked = {name: ranking_metric(task_class(view), metric) for name, view in plan["datasets"].items()}
    metrics = {name: find_metric(chosen) for name, chosen in ranked.items()}
    others = published(references, {name: view | sizes[name] for name, view in views.items()}, ranked)

    write_csv(outputs.scores, scores[score_columns(plan)])
    write_csv(outputs.leaderboard, board)
    spread = spread_table(scores, pooled_scores(records), predictions, plan)
    write_csv(outputs.spread, with_components(spread, predictions, groups, plan))
    write_csv(outputs.beside, others)
    write_text(outputs.markdown, leaderboard_markdown(board, others, metrics))
    write_text(outputs.latex, leaderboard_latex(board, others, metrics))


def with_components(
    spread: pd.DataFrame,
    predictions: dict[tuple[str, str], list[pd.DataFrame]],
    groups: dict[str, pd.DataFrame],
    plan: Plan,
) -> pd.DataFrame:
    """The table of spreads with the :func:`variance_components` of the metrics of tasks."""
    rows = [
        {"dataset": dataset, "model": model, "metric": metric} | parts
        for (dataset, model), tables in predictions.items()
        for metric, parts in variance_components(task_class(plan["datasets"][dataset]), tables, groups[dataset]).items()
    ]
    keys = ["dataset", "model", "metric"]
    return spread.merge(pd.DataFrame(rows, columns=[*keys, *COMPONENTS]), on=keys, how="left")


def split_size(split: pd.DataFrame, task: type[Task]) -> dict[str, int]:
    """The number of ``clips`` that are in every fold and tested in one, and of their ``labels``."""
    roles = split[[name for name in split if name.startswith(fold_column(""))]]
    known = roles.isin(["train", "val", "test"]).all(axis=1) & roles.eq("test").any(axis=1)
    return {"clips": int(known.sum()), "labels": len(task.find_labels(split[known]))}
