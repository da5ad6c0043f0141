"""What a study has left for its report: the files that figures and sections are made of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Results:
    """The files of a study's finished runs, and what the study is.

    Attributes:
        tables: the tables of ``summary/`` by name.
        metrics, predictions: ``…/{dataset}/{model}/seed{seed}/FILE`` of every run.
        histories: ``…/{dataset}/{model}/seed{seed}/fold{fold}/history.csv`` of every fold.
        clips: the clip table behind each data set.
        metric: the score that models are ranked by.
    """

    tables: dict[str, str]
    metrics: list[str]
    predictions: list[str]
    histories: list[str]
    clips: dict[str, str]
    datasets: list[str]
    models: list[str]
    metric: str

    @classmethod
    def of_job(cls, files: dict[str, list[str]], study: dict[str, Any]) -> Results:
        """The results that a rule's named inputs hold.

        Args:
            study: ``datasets`` with the source of each, ``models``, ``metric``.
        """
        sources = {Path(path).stem: path for path in files["clips"]}
        return cls(
            tables={Path(path).stem: path for path in files["tables"]},
            metrics=list(files["metrics"]),
            predictions=list(files["predictions"]),
            histories=list(files["histories"]),
            clips={name: sources[source] for name, source in study["datasets"].items()},
            datasets=list(study["datasets"]),
            models=study["models"],
            metric=study["metric"],
        )

    def of(self, dataset: str = "", model: str = "") -> Results:
        """The same with only the runs of a data set or a model."""

        def own(paths: list[str], depth: int) -> list[str]:
            runs = ((path, Path(path).parts[-depth - 3 : -depth - 1]) for path in paths)
            return [path for path, run in runs if dataset in ("", run[0]) and model in ("", run[1])]

        return replace(
            self,
            metrics=own(self.metrics, 1),
            predictions=own(self.predictions, 1),
            histories=own(self.histories, 2),
        )
