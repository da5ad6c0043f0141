"""Inputs and parameters of the target ``robustness``."""

from __future__ import annotations

from collections.abc import Callable

from soundbench.augment.effects import EFFECTS
from soundbench.augment.perturbations import PERTURBATIONS
from soundbench.study.features import FeatureInputs
from soundbench.study.paths import fill
from soundbench.study.runs import SelectedRuns
from soundbench.study.study import Study, Wildcards

Files = Callable[[Wildcards], list[str]]


class RobustnessInputs:
    """Inputs and parameters of the target ``robustness``."""

    def __init__(self, study: Study, runs: SelectedRuns, features: FeatureInputs) -> None:
        settings = study.settings["robustness"]
        self.study = study
        self.runs = runs
        self._features = features
        self.datasets: list[str] = settings["datasets"] or runs.datasets
        self.perturbations = [(kind, level) for kind in PERTURBATIONS for level in settings[kind]]
        self._models: list[str] = settings["models"] or runs.trained

    def modules(self, wildcards: Wildcards) -> list[str]:
        """The modules of a front-end and of the effects that perturb clips, by their dotted names."""
        effects = {PERTURBATIONS[kind](level)["effect"] for kind, level in self.perturbations}
        return [*self._features.front_end_modules(wildcards.features), *map(EFFECTS.module, sorted(effects))]

    def models(self, dataset: str) -> list[str]:
        """The models whose robustness is evaluated on a data set."""
        return [model for model in self._models if self.runs.has(dataset, model)]

    def of_runs(self, pattern: str) -> Files:
        """An input function: ``pattern`` for every run whose robustness is evaluated."""
        return lambda wildcards: [
            file
            for dataset in self.datasets
            for file in fill(pattern, dataset=dataset, model=self.models(dataset), seed=self.runs.seeds)
        ]

    def features(self, pattern: str) -> Callable[[Wildcards], str]:
        """An input function: ``pattern`` for the features of a model."""
        return lambda wildcards: fill(pattern, features=self.study.recipe(wildcards)["features"])[0]

    def evaluated(self) -> list[str]:
        """The data sets on which some model's robustness is evaluated."""
        return [name for name in self.datasets if self.models(name)] if self.perturbations else []

    @property
    def views(self) -> dict[str, dict[str, str]]:
        """Task and protocol of every data set on which robustness is evaluated."""
        views = {name: self.study.settings["datasets"][name] for name in self.datasets}
        return {name: {"task": view["task"], "protocol": view["split"]["protocol"]} for name, view in views.items()}
