"""Inputs and parameters of the target ``export``."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cached_property
from typing import Any

from soundbench.core.errors import InputError
from soundbench.core.storage import canonical_json
from soundbench.models.ensembles import trained_models
from soundbench.models.families import FAMILIES
from soundbench.study.paths import fill
from soundbench.study.study import Study, Wildcards

logger = logging.getLogger("snakemake.logging")  # Snakemake's own


class ExportInputs:
    """Inputs and parameters of the target ``export``."""

    def __init__(self, study: Study) -> None:
        self.study = study

    def folders(self, pattern: str) -> Callable[[Wildcards], list[str]]:
        """An input function: ``pattern`` for every selected data set and model that is exported.

        Raises:
            InputError: no selected model has a form for ONNX.
        """
        return lambda wildcards: fill(pattern, dataset=self.study.selected["datasets"], model=self.models)

    @cached_property
    def models(self) -> list[str]:
        """The selected models and the members of selected ensembles that can be exported; a warning names the others.

        Raises:
            InputError: none of them can be exported.
        """
        # If an ensemble has one run of each member, the members' runs of the selected seeds exist.
        ensembles = {name: entry for name, entry in self.study.settings["ensembles"].items() if entry["runs"] == 1}
        models = trained_models(ensembles, self.study.selected["models"])
        reasons = {name: reason for name in models if (reason := self._without_form(name))}
        problems = [f"{name}: {reason}" for name, reason in reasons.items()]
        if len(reasons) == len(models):
            raise InputError(problems, "None of the selected models can be exported:")
        if problems:
            logger.warning(f"Some models are not exported: {'; '.join(problems)}.")
        return [name for name in models if name not in reasons]

    def _check(self, model: str) -> None:
        if reason := self._without_form(model):
            raise InputError(f"{model} cannot be exported: {reason}")

    def _without_form(self, model: str) -> str | None:
        """Why a model cannot be exported; None if it can."""
        if model in self.study.settings["ensembles"]:
            return "an ensemble is not a single network; export its members"
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
            self._check(wildcards.model)
            return function(wildcards)

        return files

    def of_fold(self, pattern: str) -> Callable[[Wildcards], str]:
        """An input function: ``pattern`` for the seed and fold of the model that is exported.

        Raises:
            InputError: the model has no form for ONNX.
        """

        def file(wildcards: Wildcards) -> str:
            self._check(wildcards.model)
            return fill(pattern, **self.fold(wildcards))[0]

        return file

    def data(self, wildcards: Wildcards) -> str:
        """The data set of the model card, as JSON: the source of its clips and their split."""
        view = self.study.view(wildcards)
        origin = self.study.settings["sources"][view["source"]]
        described = {"source": view["source"], "reader": origin["reader"], "url": origin.get("url")}
        return canonical_json(described | {"split": view["split"]})
