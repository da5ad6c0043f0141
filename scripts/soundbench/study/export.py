"""Inputs and parameters of the target ``export``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from soundbench.core.errors import InputError
from soundbench.core.storage import canonical_json
from soundbench.models.families import FAMILIES
from soundbench.study.paths import fill
from soundbench.study.study import Study, Wildcards


class ExportInputs:
    """Inputs and parameters of the target ``export``."""

    def __init__(self, study: Study) -> None:
        self.study = study

    def folders(self, pattern: str) -> Callable[[Wildcards], list[str]]:
        """An input function: ``pattern`` for every selected data set and model.

        Raises:
            InputError: a selected model has no form for ONNX.
        """

        def files(wildcards: Wildcards) -> list[str]:
            models = self.study.selected["models"]
            self._check(models)
            return fill(pattern, dataset=self.study.selected["datasets"], model=models)

        return files

    def _check(self, models: list[str]) -> None:
        reasons = {name: self._without_form(name) for name in models}
        if lacking := [f"benchmark.models: {name}: {reason}" for name, reason in reasons.items() if reason]:
            raise InputError(lacking, "These models cannot be exported; leave them out of the selection:")

    def _without_form(self, model: str) -> str | None:
        """Why a model cannot be exported; None if it can."""
        if model in self.study.settings["ensembles"]:
            return "an ensemble is no single network; export its members"
        reason: str | None = FAMILIES.constant(self.study.settings["models"][model]["family"], "WITHOUT_ONNX")
        return reason

    def fold(self, wildcards: Wildcards) -> dict[str, Any]:
        """Seed and fold of the model that is exported."""
        chosen = self.study.settings["export"]
        seed = self.study.selected["seeds"][0] if chosen["seed"] is None else chosen["seed"]
        return {"seed": seed, "fold": chosen["fold"]}

    def checked(self, function: Callable[[Wildcards], Any]) -> Callable[[Wildcards], Any]:
        """An input function that first checks the model, which may be named by its folder and not be selected.

        Raises:
            InputError: the model has no form for ONNX.
        """

        def files(wildcards: Wildcards) -> Any:
            self._check([wildcards.model])
            return function(wildcards)

        return files

    def of_fold(self, pattern: str) -> Callable[[Wildcards], str]:
        """An input function: ``pattern`` for the seed and fold of the model that is exported.

        Raises:
            InputError: the model has no form for ONNX.
        """

        def file(wildcards: Wildcards) -> str:
            self._check([wildcards.model])
            return fill(pattern, **self.fold(wildcards))[0]

        return file

    def data(self, wildcards: Wildcards) -> str:
        """The data set of the model card, as JSON: the source of its clips and their split."""
        view = self.study.view(wildcards)
        origin = self.study.settings["sources"][view["source"]]
        described = {"source": view["source"], "reader": origin["reader"], "url": origin.get("url")}
        return canonical_json(described | {"split": view["split"]})
