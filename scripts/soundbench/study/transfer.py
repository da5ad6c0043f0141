"""Inputs and parameters of the target ``transfer``."""

from __future__ import annotations

from collections.abc import Callable

from soundbench.models.families import FAMILIES
from soundbench.study.paths import OVERLAP, SPLIT, fill
from soundbench.study.runs import SelectedRuns
from soundbench.study.study import Entry, Study, Wildcards
from soundbench.study.training import TrainingInputs

Files = Callable[[Wildcards], list[str]]


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
        return [FAMILIES.module(recipe["family"]), *self.training.features.front_end_modules(recipe["features"])]

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
