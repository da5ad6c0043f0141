"""Inputs and parameters of the evaluation of ensembles."""

from __future__ import annotations

from collections.abc import Callable

from soundbench.models.ensembles import member_runs
from soundbench.study.paths import fill
from soundbench.study.study import Entry, Study, Wildcards


class EnsembleInputs:
    """Inputs and parameters of ensembles, whose members are evaluated first."""

    def __init__(self, study: Study) -> None:
        self.entries: dict[str, Entry] = study.settings["ensembles"]

    def of_members(self, pattern: str) -> Callable[[Wildcards], list[str]]:
        """An input function: ``pattern`` for each run whose predictions are averaged."""

        def files(wildcards: Wildcards) -> list[str]:
            runs = member_runs(self.entries[wildcards.model], int(wildcards.seed))
            return [file for model, seed in runs for file in fill(pattern, model=model, seed=seed)]

        return files

    def mean(self, wildcards: Wildcards) -> str:
        """What of the members is averaged."""
        return str(self.entries[wildcards.model]["mean"])
