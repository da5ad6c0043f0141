"""What a study has left for its report: the files that figures and sections are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from soundbench.core.integrity import read_split
from soundbench.data.splits import fold_columns
from soundbench.evaluation.ablation import Step, ablation_steps
from soundbench.tasks.metric import Metric
from soundbench.tasks.registry import ranking_metric, task_class
from soundbench.tasks.task import Task

# A study with more pairs of a data set and a model shows the best ones where each has a figure, a panel or clips.
MOST_OF_PAIRS = 40
BEST_PAIRS = 20  # how many it then shows in all, at least one per data set


# Columns of names and labels in the tables of ``summary/``.
TEXT = (
    *("dataset", "model", "model_a", "model_b", "source", "view_a", "view_b", "merged"),
    *("transfer", "trained_on", "tested_on", "label", "predicted", "group"),
)


def read_summary(path: str) -> pd.DataFrame:
    """Read a table of ``summary/``. Names and labels stay text: ``007`` is no number and ``NA`` no gap."""
    named = pd.read_csv(path, dtype=dict.fromkeys(TEXT, str), keep_default_na=False, na_values={})
    numbers = [column for column in named if column not in TEXT]
    return named.assign(**pd.read_csv(path, usecols=numbers)) if numbers else named


@lru_cache(maxsize=100_000)
def _pair(path: str, depth: int) -> tuple[str, str]:
    """The data set and the model of a file that lies ``depth`` folders below those of its run's seeds."""
    # Not with Path.parts, which takes a second for the paths of 10,000 folds.
    dataset, model = path.split("/")[-depth - 3 : -depth - 1]
    return dataset, model


@dataclass(frozen=True)
class Results:
    """The files of a study's finished runs, and what the study is.

    Attributes:
        tables: the tables of ``summary/`` by name.
        metrics, predictions, explanations: ``…/{dataset}/{model}/seed{seed}/FILE`` of every run.
        histories: ``…/{dataset}/{model}/seed{seed}/fold{fold}/history.csv`` of every fold.
        clips: the clip table behind each data set.
        metric: the score that models are ranked by.
        audits: the findings on each data set.
        confounds: how well properties of the recordings predict the labels of each data set.
        splits: the split tables of each data set, one per seed.
        figures: the folder of the figures.
        explored: the folder of each data set's figures of its clips.
        facts: what the section of provenance says of the study: ``arguments``, ``study``, ``config``.
        tasks: the task of each data set.
        sources: the source of each data set.
        curves: data sets that differ in the number of training clips only.
        steps: the models before and after each step of an ablation; none if the study is no ablation.
        read: the tables that :meth:`table` has read.
    """

    tables: dict[str, str]
    metrics: list[str]
    predictions: list[str]
    explanations: list[str]
    histories: list[str]
    clips: dict[str, str]
    datasets: list[str]
    models: list[str]
    seeds: list[int]
    metric: str
    audits: dict[str, str] = field(default_factory=dict)
    confounds: dict[str, str] = field(default_factory=dict)
    splits: dict[str, list[str]] = field(default_factory=dict)
    figures: str = ""
    explored: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    tasks: dict[str, type[Task]] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    curves: list[list[str]] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    read: dict[str, pd.DataFrame] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of_job(
        cls, named: Mapping[str, str | Sequence[str]], study: dict[str, Any], facts: dict[str, Any] | None = None
    ) -> Results:
        """The results that a rule's named inputs hold.

        Args:
            named: the files of each input, which is one or several.
            study: ``datasets`` with the ``source`` and the ``task`` of each, ``models``, ``seeds``, ``metric``,
                ``curves``, ``ablation``.
        """
        files = {name: [paths] if isinstance(paths, str) else list(paths) for name, paths in named.items()}
        sources = {Path(path).stem: path for path in files["clips"]}
        splits: dict[str, list[str]] = {}
        for path in files.get("splits", ()):
            splits.setdefault(Path(path).parent.name, []).append(path)
        return cls(
            tables={Path(path).stem: path for path in files["tables"]},
            metrics=files["metrics"],
            predictions=files["predictions"],
            explanations=files.get("explanations", []),
            histories=files.get("histories", []),
            clips={name: sources[view["source"]] for name, view in study["datasets"].items()},
            datasets=list(study["datasets"]),
            models=study["models"],
            seeds=study["seeds"],
            metric=study["metric"],
            audits={Path(path).stem: path for path in files.get("audits", ())},
            confounds={Path(path).stem: path for path in files.get("confounds", ())},
            splits=splits,
            figures=next(iter(files.get("figures", ())), ""),
            explored={Path(path).parent.name: path for path in files.get("explored", ())},
            facts=facts or {},
            tasks={name: task_class(view) for name, view in study["datasets"].items()},
            sources={name: view["source"] for name, view in study["datasets"].items()},
            curves=study["curves"],
            steps=ablation_steps(study["ablation"], study["models"]),
        )

    def of(self, dataset: str = "", model: str = "") -> Results:
        """The same with only the runs of a data set or a model."""

        return self._of_runs(lambda own, fitted: dataset in ("", own) and model in ("", fitted))

    def ranked_by(self, dataset: str) -> str:
        """The metric that ranks the models of a data set."""
        return ranking_metric(self.tasks[dataset], self.metric)

    def metric_of(self, dataset: str) -> Metric:
        """The same as a metric, which says how its scores are written."""
        return self.tasks[dataset].metrics[self.ranked_by(dataset)]

    def datasets_with(self, item: str) -> list[str]:
        """The data sets whose task has an item of the report; see :class:`soundbench.tasks.task.Task`."""
        return [name for name in self.datasets if item in self.tasks[name].report]

    def with_item(self, item: str) -> Results:
        """The same with only the data sets whose task has an item of the report, and their runs."""
        datasets = [name for name in self.datasets if name not in self.tasks or self.tasks[name].has(item)]
        return replace(self._of_runs(lambda dataset, _: dataset in datasets), datasets=datasets)

    @property
    def large(self) -> bool:
        """Whether there are more than :data:`MOST_OF_PAIRS` pairs of a data set and a model."""
        return len(self.datasets) * len(self.models) > MOST_OF_PAIRS

    def best(self) -> Results:
        """The same with only the runs of the best models of each data set, of each equally many, in a large study."""
        if not self.large:
            return self
        number = max(1, BEST_PAIRS // len(self.datasets))
        best = self.table("leaderboard").sort_values("rank", kind="stable").groupby("dataset").head(number)
        pairs = set(zip(best["dataset"], best["model"], strict=True))
        return self._of_runs(lambda dataset, model: (dataset, model) in pairs)

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The data sets and models that have runs, in the order of the study."""
        known = {_pair(path, 1) for path in self.metrics}
        return [(dataset, model) for dataset in self.datasets for model in self.models if (dataset, model) in known]

    def _of_runs(self, wanted: Callable[[str, str], bool]) -> Results:
        """The same with only the runs of which ``wanted``, called with data set and model, is true."""

        def own(paths: list[str], depth: int) -> list[str]:
            return [path for path in paths if wanted(*_pair(path, depth))]

        return replace(
            self,
            metrics=own(self.metrics, 1),
            predictions=own(self.predictions, 1),
            explanations=own(self.explanations, 1),
            histories=own(self.histories, 2),
        )

    def table(self, name: str) -> pd.DataFrame:
        """A table of ``summary/``, read once by :func:`read_summary`."""
        if name not in self.read:
            self.read[name] = read_summary(self.tables[name])
        return self.read[name].copy()

    @property
    def transductive(self) -> list[str]:
        """The models whose features are normalised by group, with those of test clips."""
        board = self.table("leaderboard")
        return list(dict.fromkeys(board.loc[board["transductive"], "model"]))

    @cached_property
    def split_tables(self) -> dict[str, list[pd.DataFrame]]:
        """The split tables of each data set, read."""
        return {name: [read_split(path) for path in paths] for name, paths in self.splits.items()}

    @property
    def training_clips(self) -> dict[str, float]:
        """The number of training clips of each data set, without augmented copies: the mean over folds and seeds."""
        tables = {name: [table[fold_columns(table)] for table in found] for name, found in self.split_tables.items()}
        return {name: float(np.mean([(t == "train").sum().mean() for t in found])) for name, found in tables.items()}
