"""Inputs and parameters of training."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from soundbench.augment.batch_effects import BATCH_EFFECTS
from soundbench.core.storage import canonical_json
from soundbench.models.families import FAMILIES
from soundbench.models.lineage import workflow_sources
from soundbench.models.tuning import tuned_model
from soundbench.study.features import FeatureInputs
from soundbench.study.paths import (
    DESCRIPTION,
    EPOCH_WEIGHTS,
    FEATURE_INDEX,
    FEATURES,
    HISTORY,
    MEASURES,
    MODEL,
    OVERLAP,
    TRAINED_ON,
    WEIGHTS,
    fill,
)
from soundbench.study.resources import by_clips
from soundbench.study.study import Entry, Study, Wildcards
from soundbench.tasks.registry import task_class
from soundbench.training.rungs import whole_trainings


class TrainingInputs:
    """Inputs and parameters of training, and of the rules that read trained folds."""

    def __init__(self, study: Study, features: FeatureInputs) -> None:
        self.study = study
        self.features = features
        # The sources that this workflow trained a model on before it is trained, by the name of the model.
        self.earlier_sources = lru_cache(maxsize=None)(self._earlier_sources)

    def family_module(self, wildcards: Wildcards) -> str:
        """The module of a model's family, by its dotted name."""
        return FAMILIES.module(self.study.recipe(wildcards)["family"])

    def model_modules(self, wildcards: Wildcards) -> list[str]:
        """The modules of a model's family and of its front-end, by their dotted names."""
        recipe = self.study.recipe(wildcards)
        return [self.family_module(wildcards), *self.features.front_end_modules(recipe["features"])]

    def modules(self, wildcards: Wildcards) -> list[str]:
        """The modules that train a model: also those of the effects on its batches."""
        return [*self.model_modules(wildcards), *_effect_modules(self.study.recipe(wildcards))]

    def modules_of_trials(self, wildcards: Wildcards) -> list[str]:
        """The modules that train the trials of a model, which may have different effects."""
        recipes = [self.study.recipes[name] for name in self.study.trials[wildcards.model]]
        effects = {module: None for recipe in recipes for module in _effect_modules(recipe)}
        return [*self.model_modules(wildcards), *effects]

    @property
    def parameters(self) -> dict[str, Callable[[Wildcards], Any]]:
        """The parameters of a training job that all trials of a model share."""
        view = self.study.view
        return {
            "front_end": lambda w: self.features.front_end_json(self.study.recipe(w)["features"]),
            "augment": lambda w: canonical_json(view(w)["augment"]),
            "variants": lambda w: self.features.augmentation.variants(w.dataset),
            "protocol": lambda w: view(w)["split"]["protocol"],
            "source": lambda w: view(w)["source"],
            "task": lambda w: view(w)["task"],
            "options": self.task_options,
        }

    def files(self, wildcards: Wildcards) -> dict[str, Any]:
        """All inputs of a run, in one function, because planning 10,000 runs takes time for each call."""
        model = tuned_model(wildcards.model)  # its trials share its weights
        return {
            **self.features.of_model(wildcards),
            "variants": self.features.of_variants(FEATURES)(wildcards),
            "variant_indexes": self.features.of_variants(FEATURE_INDEX)(wildcards),
            "weights": self.features.weights(self.study.recipe(wildcards)["pretrained"], fill(WEIGHTS, model=model)[0]),
            "measures": fill(MEASURES, source=self.study.source_of(wildcards.dataset))[0],
            "overlaps": fill(OVERLAP, source=self.earlier_sources(model)),
            "embedding": self.features.embedding_weights(self.study.recipe(wildcards)["features"]),
        }

    @property
    def outputs(self) -> dict[str, str]:
        """What the training of a fold leaves; its weights after epochs only with ``benchmark.every_epoch``."""
        always = {"model": MODEL, "description": DESCRIPTION, "trained_on": TRAINED_ON, "history": HISTORY}
        return always | ({"epochs": EPOCH_WEIGHTS} if self.study.epoch_interval else {})

    def _earlier_sources(self, model: str) -> list[str]:
        return sorted(workflow_sources(self.study.settings, model))

    def task_options(self, wildcards: Wildcards) -> str:
        """The keys of a view that its task reads in training, as canonical JSON."""
        view = self.study.view(wildcards)
        return canonical_json({key: view[key] for key in task_class(view).view_keys})

    def of_trials(self, pattern: str) -> Callable[[Wildcards], list[str]]:
        """An input function: ``pattern`` for every trial of a tuned model."""
        return lambda wildcards: fill(pattern, model=self.study.trials[wildcards.model])

    def searched(self, wildcards: Wildcards) -> list[str]:
        """The keys that the trials of a tuned model differ in."""
        keys: list[str] = self.study.settings["trials"][wildcards.model]["search"]
        return keys

    def recipes_of_trials(self, wildcards: Wildcards) -> dict[str, str]:
        """The recipes of the trials of a tuned model by name, each as canonical JSON."""
        return {name: self.study.entry_json("models", name) for name in self.study.trials[wildcards.model]}

    def halving_rate(self, wildcards: Wildcards) -> int:
        """One in how many trials goes on after each part of the training."""
        rate: int = self.study.settings["trials"][wildcards.model]["halving"]
        return rate

    def halving_runtime(self, wildcards: Wildcards, input: Any, attempt: int) -> int:
        """The minutes that the trials of a model need, where most of them end early."""
        trials = len(self.study.trials[wildcards.model])
        whole = math.ceil(whole_trainings(trials, self.halving_rate(wildcards)))
        return whole * by_clips(60, 10, "measures")(wildcards, input, attempt)

    def epochs_runtime(self, wildcards: Wildcards, input: Any, attempt: int) -> int:
        """The minutes for the evaluation of a fold after each kept epoch; more epochs need more."""
        epochs: int = self.study.recipes[wildcards.model]["training"]["epochs"]
        kept = math.ceil(epochs / self.study.epoch_interval)
        return by_clips(60 + kept, 10 + kept // 10, "index")(wildcards, input, attempt)

    def of_folds(self, pattern: str) -> Callable[[Wildcards], list[str]]:
        """An input function: ``pattern`` for every fold of a run."""
        return lambda wildcards: fill(pattern, fold=self.study.folds(wildcards.dataset))


def _effect_modules(recipe: Entry) -> list[str]:
    """The modules of the effects on the batches of a recipe, by their dotted names."""
    return [BATCH_EFFECTS.module(name) for name in sorted(recipe.get("training", {}).get("augment", {}))]
