"""What is done with trained models beside the benchmark itself: export, robustness, transfer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from soundbench.augment.effects import EFFECTS
from soundbench.augment.perturbations import PERTURBATIONS
from soundbench.core.storage import canonical_json
from soundbench.features.front_ends import FRONT_ENDS
from soundbench.models.families import FAMILIES
from soundbench.study.paths import OVERLAP, SPLIT, fill
from soundbench.study.runs import SelectedRuns
from soundbench.study.study import Entry, Study, Wildcards
from soundbench.study.training import TrainingInputs

Files = Callable[[Wildcards], list[str]]


class ExportInputs:
    """Inputs and parameters of the target ``export``."""

    def __init__(self, study: Study) -> None:
        self.study = study

    def fold(self, wildcards: Wildcards) -> dict[str, Any]:
        """Seed and fold of the model that is exported."""
        chosen = self.study.settings["export"]
        seed = self.study.selected["seeds"][0] if chosen["seed"] is None else chosen["seed"]
        return {"seed": seed, "fold": chosen["fold"]}

    def of_fold(self, pattern: str) -> Callable[[Wildcards], str]:
        """An input function: ``pattern`` for the seed and fold of the model that is exported."""
        return lambda wildcards: fill(pattern, **self.fold(wildcards))[0]

    def data(self, wildcards: Wildcards) -> str:
        """What the model card says of the data set: where its clips are from, and how they are split."""
        view = self.study.view(wildcards)
        origin = self.study.settings["sources"][view["source"]]
        described = {"source": view["source"], "reader": origin["reader"], "url": origin.get("url")}
        return canonical_json(described | {"split": view["split"]})


class RobustnessInputs:
    """Inputs and parameters of the target ``robustness``."""

    def __init__(self, study: Study, runs: SelectedRuns) -> None:
        settings = study.settings["robustness"]
        self.study = study
        self.runs = runs
        self.datasets: list[str] = settings["datasets"] or runs.datasets
        self.perturbations = [(kind, level) for kind in PERTURBATIONS for level in settings[kind]]
        self._models: list[str] = settings["models"] or runs.models

    def modules(self, wildcards: Wildcards) -> list[str]:
        """The modules of a front-end and of the effects that perturb clips, by their dotted names."""
        front_end = self.study.settings["features"][wildcards.features]["front_end"]
        effects = {PERTURBATIONS[kind](level)["effect"] for kind, level in self.perturbations}
        return [FRONT_ENDS.module(front_end), *map(EFFECTS.module, sorted(effects))]

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


class TransferInputs:
    """Inputs and parameters of the target ``transfer``: trained models, tested on other data sets."""

    def __init__(self, study: Study, runs: SelectedRuns, training: TrainingInputs) -> None:
        self.study = study
        self.runs = runs
        self.training = training
        self.entries: dict[str, Entry] = study.settings["transfer"]

    def entry(self, wildcards: Wildcards) -> Entry:
        """The entry of the configuration that names a run and another data set."""
        return self.entries[wildcards.transfer]

    @property
    def large(self) -> list[str]:
        """The entries whose model is large."""
        return [name for name, entry in self.entries.items() if entry["from"]["model"] in self.study.large_models]

    def sources(self, wildcards: Wildcards) -> tuple[str, str]:
        """The source that an entry's models were trained on, and the one that they are tested on."""
        entry = self.entry(wildcards)
        return self.study.source_of(entry["from"]["dataset"]), self.study.source_of(entry["to"])

    def overlaps(self, wildcards: Wildcards) -> list[str]:
        """Which clips of the other data set are copies of clips of the sources that the models were trained on."""
        entry = self.entry(wildcards)
        trained = {self.sources(wildcards)[0], *self.training.earlier_sources(entry["from"]["model"])}
        return fill(OVERLAP, dataset=entry["to"], source=sorted(trained))

    def model_modules(self, wildcards: Wildcards) -> list[str]:
        """The modules of the family and the front-end of the model that is transferred, by their dotted names."""
        recipe = self.study.settings["models"][self.entry(wildcards)["from"]["model"]]
        return [FAMILIES.module(recipe["family"]), self.training.features.front_end_module(recipe["features"])]

    def of_models(self, pattern: str) -> Files:
        """An input function: ``pattern`` for every seed and fold of the run that is transferred."""

        def files(wildcards: Wildcards) -> list[str]:
            begun = self.entry(wildcards)["from"]
            return fill(pattern, **begun, seed=self.runs.seeds, fold=self.study.folds(begun["dataset"]))

        return files

    def of_tested(self, pattern: str) -> Callable[[Wildcards], str]:
        """An input function: ``pattern`` for the source of the data set that the models are tested on."""
        return lambda wildcards: fill(pattern, source=self.sources(wildcards)[1])[0]

    def tested_splits(self, wildcards: Wildcards) -> list[str]:
        """The splits that say which clips of the other data set are test clips; none where all count."""
        entry = self.entry(wildcards)
        return fill(SPLIT, dataset=entry["to"], seed=self.runs.seeds) if entry["clips"] == "test" else []

    @property
    def views(self) -> dict[str, dict[str, str]]:
        """The task of every data set that models are transferred from."""
        names = [entry["from"]["dataset"] for entry in self.entries.values()]
        return {name: {"task": self.study.settings["datasets"][name]["task"]} for name in names}

    def shown(self) -> dict[str, Entry]:
        """The entries whose runs are finished, or will be."""
        return {name: entry for name, entry in self.entries.items() if self.runs.has(**entry["from"])}

    def of_entries(self, pattern: str) -> Files:
        """An input function: ``pattern`` for every entry."""
        return lambda wildcards: fill(pattern, transfer=self.shown())

    def of_runs(self, pattern: str, seeds: list[int]) -> Files:
        """An input function: ``pattern`` for every run that some entry names, each once."""
        return lambda wildcards: list(
            dict.fromkeys(
                file for entry in self.shown().values() for file in fill(pattern, seed=seeds, **entry["from"])
            )
        )
