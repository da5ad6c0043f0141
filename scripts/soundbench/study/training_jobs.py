"""What one training job trains: one fold of a run, or all its folds, one after the other.

A job starts for about two seconds before it trains. Where a training takes a few seconds and there are many of them,
one job trains all folds of a run: it starts once, and cores are still busy until the end. A study on few runs, or with
jobs on a cluster or a GPU, has one job per fold.

Snakemake compares each file of a fold with each output of each rule. So there are rules for the numbers of folds that
the study has, and not for those of all data sets that are known.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from soundbench.models.ensembles import trained_models
from soundbench.study.paths import fill
from soundbench.study.study import Study

RULE = "train_model"
LOG = "<logs>/train_model/{dataset}/{model}/seed{seed}/fold{fold}.log"
ELSEWHERE = "train_model_elsewhere"  # small models on data sets that the study does not select, as a transfer may
RUNS_PER_CORE = 2  # with fewer, some cores would wait at the end for a job that trains several folds
NAMED = (RULE, "/fold")  # a command that names the rule, or the files of a fold, means one fold


@dataclass(frozen=True)
class TrainingJobs:
    """The jobs of one rule.

    Attributes:
        folds: how many folds a job trains, which are all of a data set; 0: one of them.
        datasets: the data sets and ``models`` that the rule trains.
    """

    rule: str
    folds: int
    datasets: list[str]
    models: list[str]

    def files(self, pattern: str) -> list[str]:
        """``pattern`` for every fold of a job."""
        return fill(pattern, fold=range(1, self.folds + 1)) if self.folds else [pattern]

    @property
    def log(self) -> str:
        """The log of a job."""
        return LOG.replace("/fold{fold}", "") if self.folds else LOG


def training_jobs(study: Study, settings: Any, arguments: Sequence[str]) -> Iterator[TrainingJobs]:
    """The rules that train models.

    Args:
        settings: Snakemake's resource settings.
        arguments: the command line.
    """
    datasets, selected = study.settings["datasets"], study.selected["datasets"]
    together = _trained_together(study) if _may_share(settings, arguments) else []
    runs = len(selected) * len(study.selected["seeds"]) * len(together)
    if runs < RUNS_PER_CORE * (settings.cores or 0):
        together = []
    yield TrainingJobs(RULE, 0, list(datasets), [name for name in study.trained if name not in together])
    if together:
        for folds in sorted({len(study.folds(name)) for name in selected}):
            named = [name for name in selected if len(study.folds(name)) == folds]
            yield TrainingJobs(f"train_folds_{folds}", folds, named, together)
        yield TrainingJobs(ELSEWHERE, 0, [name for name in datasets if name not in selected], together)


def _may_share(settings: Any, arguments: Sequence[str]) -> bool:
    """Whether jobs run here, and neither the command nor a profile says anything about training or single folds."""
    named = any(word in argument for argument in arguments for word in NAMED)
    changed = any(RULE in rule for rule in settings.overwrite_resources)
    return bool(settings.cores) and not (settings.nodes or named or changed)


def _trained_together(study: Study) -> list[str]:
    """The small models that the study selects, members of its ensembles, and the trials of those that are tuned."""
    models = trained_models(study.settings["ensembles"], study.selected["models"])
    names = [name for model in models for name in study.trials.get(model, [model])]
    return [name for name in names if name in study.small_models and name in study.trained]
