"""Inputs of the rule that predicts recordings: the recordings and the models."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from pathlib import Path

from soundbench.core.errors import InputError
from soundbench.data.files import files_state
from soundbench.inference.recordings import files_digests, watched_files
from soundbench.models.ensembles import member_runs
from soundbench.models.saved import find_models
from soundbench.study.paths import fill
from soundbench.study.study import Entry, Study, Wildcards


class PredictionInputs:
    """Inputs of the target ``predict``."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.entries: dict[str, Entry] = study.settings["predict"]

    def entry(self, wildcards: Wildcards) -> Entry:
        """The entry of the configuration that names recordings and a model."""
        return self.entries[wildcards.prediction]

    @property
    def large(self) -> list[str]:
        """The entries that a large model predicts."""
        return [name for name in self.entries if set(self.models(name)) & set(self.study.large_models)]

    def models(self, name: str) -> list[str]:
        """The models of this workflow that an entry may use; empty if it names the folder of a model."""
        return list(dict.fromkeys(model for model, _ in self.runs(name)))

    def runs(self, name: str) -> list[tuple[str, int]]:
        """The model and the seed of each run that an entry may use: of an ensemble, the runs of its members.

        The best model is chosen among those that are trained.
        """
        model = self.entries[name]["model"]
        if isinstance(model, str):
            return []
        ensembles = self.study.settings["ensembles"]
        trained = [each for each in self.study.selected["models"] if each not in ensembles]
        names = trained if "best" in model else [model["model"]]
        seeds = [model["seed"]] if "seed" in model else self.study.selected["seeds"]
        runs = [(each, seed) for each in names for seed in seeds]
        members = [member_runs(ensembles[each], seed) if each in ensembles else [(each, seed)] for each, seed in runs]
        return list(dict.fromkeys(chain.from_iterable(members)))

    def pages(self, pattern: str) -> Callable[[Wildcards], list[str]]:
        """An input function: the page of each entry.

        Raises:
            InputError: there is no entry.
        """

        def files(wildcards: Wildcards) -> list[str]:
            if not self.entries:
                raise InputError("predict: the configuration names no recordings to predict; see config/README.md")
            return fill(pattern, prediction=self.entries)

        return files

    def of_models(self, pattern: str) -> Callable[[Wildcards], list[str]]:
        """An input function: one file per model that is averaged, or that is a candidate for the best one.

        Args:
            pattern: the file of a fold.
        """

        def files(wildcards: Wildcards) -> list[str]:
            model = self.entry(wildcards)["model"]
            if isinstance(model, str):
                name = pattern.rsplit("/", 1)[1]
                return [f"{folder}/{name}" for folder in find_models(model)]
            dataset = model["dataset"]
            folds = self.study.folds(dataset)
            return [
                file
                for name, seed in self.runs(wildcards.prediction)
                for file in fill(pattern, dataset=dataset, model=name, seed=seed, fold=folds)
            ]

        return files

    def of_choice(self, pattern: str) -> Callable[[Wildcards], list[str]]:
        """An input function: one file per candidate for the best model; empty if the entry names its model."""
        return lambda wildcards: self.of_models(pattern)(wildcards) if "best" in self.entry(wildcards)["model"] else []

    def of_dataset(self, pattern: str) -> Callable[[Wildcards], list[str]]:
        """An input function: ``pattern`` for the data set of a model that this workflow trains, and for its seeds."""

        def files(wildcards: Wildcards) -> list[str]:
            model = self.entry(wildcards)["model"]
            if isinstance(model, str):
                return []
            dataset = model["dataset"]
            seeds = list(dict.fromkeys(seed for _, seed in self.runs(wildcards.prediction)))
            return fill(pattern, dataset=dataset, source=self.study.source_of(dataset), seed=seeds)

        return files

    def by_recordings(self, wildcards: Wildcards, base: int, per_thousand: int) -> int:
        """A resource of the job of an entry: ``base``, and more for every 1,000 files in the folders that it names."""
        folders = (str(Path(place).expanduser()) for place in self.entry(wildcards)["recordings"])
        number = sum(files_state(folder).number for folder in folders if Path(folder).is_dir())
        return base + per_thousand * (number // 1000)

    def recordings(self, wildcards: Wildcards) -> list[str]:
        """The files and folders whose dates show that there are new recordings."""
        return list(chain.from_iterable(map(watched_files, self.entry(wildcards)["recordings"])))

    def recording_digests(self, wildcards: Wildcards) -> list[str]:
        """A digest of the recordings in each folder and list: it changes when one of them is overwritten in place."""
        return list(chain.from_iterable(map(files_digests, self.entry(wildcards)["recordings"])))
