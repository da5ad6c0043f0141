"""The runs that tables, figures and pages show."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from soundbench.core.storage import canonical_json
from soundbench.models.ensembles import trained_models
from soundbench.models.inputs import transductive_models
from soundbench.study.paths import METRICS, SPLIT, fill
from soundbench.study.study import Study, Wildcards

Files = Callable[[Wildcards], list[str]]


class SelectedRuns:
    """The runs that ``benchmark`` selects; if gaps are shown (``report.missing``), only those that are finished."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.datasets: list[str] = study.selected["datasets"]
        self.models: list[str] = study.selected["models"]
        self.trained = [name for name in self.models if name not in study.settings["ensembles"]]
        # The models whose weights after every epoch are kept and evaluated.
        self.networks = [name for name in self.trained if study.keeps_epochs(name)]
        self.seeds: list[int] = study.selected["seeds"]

    @property
    def plan_json(self) -> str:
        """The runs that the tables should hold, in the order of the selection; tables use it to list missing runs."""
        views = {name: self.study.settings["datasets"][name] for name in self.datasets}
        plan: dict[str, Any] = {
            "datasets": {
                name: {"source": view["source"], "task": view["task"]}
                | {key: view["split"][key] for key in ("scheme", "protocol", "folds")}
                for name, view in views.items()
            },
            "models": self.models,
            "transductive": transductive_models(self.models, self.study.settings),
            "seeds": self.seeds,
        }
        return canonical_json(plan, sort_keys=False)

    def finished(self, files: list[str]) -> list[str]:
        """All of these files; if gaps are shown, only those that exist."""
        if self.study.settings["report"]["missing"] == "fail":
            return files
        return [file for file in files if Path(self.study.resolve(file)).exists()]

    def files(self, pattern: str, dataset: str, models: list[str]) -> list[str]:
        """``pattern`` for every run of these models on a data set."""
        folds = self.study.folds(dataset)
        return self.finished(fill(pattern, dataset=dataset, model=models, seed=self.seeds, fold=folds))

    def of(self, *patterns: str) -> Files:
        """An input function: each pattern for every run, or for those of the data set and model that wildcards name."""

        def files(wildcards: Wildcards) -> list[str]:
            datasets = [wildcards.dataset] if hasattr(wildcards, "dataset") else self.datasets
            models = [wildcards.model] if hasattr(wildcards, "model") else self.models
            return [file for name in datasets for pattern in patterns for file in self.files(pattern, name, models)]

        return files

    def of_trained(self, *patterns: str) -> Files:
        """An input function: each pattern for every run of a model that is trained, and so not of an ensemble."""
        return self._of_models(self.trained, *patterns)

    def of_networks(self, *patterns: str) -> Files:
        """An input function: each pattern for every run of a model whose epochs are evaluated."""
        return self._of_models(self.networks, *patterns)

    def of_tuned(self, *patterns: str) -> Files:
        """An input function: each pattern for every run of a model that is chosen among trials."""
        return self._of_models([name for name in self.trained if name in self.study.trials], *patterns)

    def of_untuned(self, *patterns: str) -> Files:
        """An input function: each pattern for every run of a model that is trained as its entry is written."""
        return self._of_models([name for name in self.trained if name not in self.study.trials], *patterns)

    def _of_models(self, models: list[str], *patterns: str) -> Files:
        return lambda wildcards: [
            file for name in self.datasets for pattern in patterns for file in self.files(pattern, name, models)
        ]

    @property
    def contamination(self) -> dict[str, list[str]]:
        """The lists of what each selected model has seen; of an ensemble, what its members have."""
        lists = {}
        for name in self.models:
            members = trained_models(self.study.settings["ensembles"], [name])
            files = [str(Path(file).expanduser()) for one in members for file in self.study.contamination[one]]
            if files:
                lists[name] = list(dict.fromkeys(files))
        return lists

    def of_listed(self, *patterns: str) -> Files:
        """An input function: each pattern for every run of a model with lists of what it has seen."""
        return self._of_models(list(self.contamination), *patterns)

    def has(self, dataset: str, model: str) -> bool:
        """Whether a model's runs on a data set are evaluated, or will be."""
        files = fill(METRICS, dataset=dataset, model=model, seed=self.seeds)
        return self.finished(files) == files

    def splits(self, wildcards: Wildcards) -> list[str]:
        """One split table of every data set, of any seed: groups and sizes do not depend on the seed."""
        found = [self.finished(fill(SPLIT, dataset=name, seed=self.seeds)) for name in self.datasets]
        return [file for files in found for file in files[:1]]
