"""Inputs and parameters of the target ``export``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from soundbench.core.storage import canonical_json
from soundbench.study.paths import fill
from soundbench.study.study import Study, Wildcards


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
        """The data set of the model card, as JSON: the source of its clips and their split."""
        view = self.study.view(wildcards)
        origin = self.study.settings["sources"][view["source"]]
        described = {"source": view["source"], "reader": origin["reader"], "url": origin.get("url")}
        return canonical_json(described | {"split": view["split"]})
