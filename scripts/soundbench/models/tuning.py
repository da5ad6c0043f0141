"""Tuning: the trials of a model, known before anything runs. A trial is the model's entry with some other settings.

The first trial is the entry as it is written. The others are points of a Halton sequence whose digits are permuted at
random (A. Owen, "A randomized Halton algorithm in R", 2017): they fill the search space more evenly than independent
points, and the first points stay the same when trials are added.
"""

from __future__ import annotations

import random
from functools import cache
from typing import Any

from soundbench.core.storage import canonical_json
from soundbench.models.ensembles import FAMILY as ENSEMBLE
from soundbench.models.families import FAMILIES, is_fitted
from soundbench.models.registry import averages_predictions

Config = dict[str, Any]

KEY = "tune"
SEPARATOR = "/"  # no name of the library holds it, so no trial has the name of a model
KEYS_WITHOUT_EFFECT = ("large", "small", "contamination")  # on how a model is trained
PRIMES = (2, 3, 5, 7, 11, 13, 17, 19)  # the bases of the dimensions
SMALLEST_DIGIT = 1e-9
SKIPPED = 16  # points per trial that may repeat earlier settings, before a small search space counts as used up


def split_trials(config: Config) -> Config:
    """A configuration whose models have no key ``tune``, with ``trials``: of each tuned model, the keys that are
    searched, the recipes of its trials by name, and the rate of successive halving.

    A trial with the settings of a model that is not tuned, or of an earlier trial, has its name: it is trained once.
    Trials that are halved are parts of one job, and share nothing.
    """
    tuned = {name: found for name in config["models"] if (found := tuning_of(config, name))}
    models = {name: without_tuning(recipe) for name, recipe in config["models"].items()}
    names = {_settings(recipe): name for name, recipe in reversed(models.items()) if name not in tuned}
    trials = {}
    for name, tuning in tuned.items():
        halving = None if is_fitted(models[name]["family"]) else tuning["halving"]  # what has no epochs is not halved
        shared = {} if halving else names
        recipes = enumerate(trial_recipes(models[name], tuning), 1)
        named = {shared.setdefault(_settings(one), trial_name(name, number)): one for number, one in recipes}
        trials[name] = {"search": sorted(tuning["search"]), "recipes": named, "halving": halving}
    return config | {"models": models, "trials": trials}


def _settings(recipe: Config) -> str:
    """All that decides how a recipe is trained."""
    return canonical_json({key: value for key, value in recipe.items() if key not in KEYS_WITHOUT_EFFECT})


def trial_name(model: str, number: int) -> str:
    """The name of a trial, which is also that of its folder of runs."""
    return f"{model}{SEPARATOR}trial{number}"


def tuned_model(name: str) -> str:
    """The model that a trial belongs to; a model's own name is unchanged."""
    return name.partition(SEPARATOR)[0]


def is_trial(name: str) -> bool:
    """Whether a name is that of a trial which is no model of its own."""
    return SEPARATOR in name


def compares_epochs(model: str, recipe: Config) -> bool:
    """Whether ``benchmark.every_epoch`` compares the epochs of a training: not those of a trial, of a classifier that
    is fitted at once, or of a model that holds several epochs."""
    return not (is_trial(model) or is_fitted(recipe["family"]) or averages_predictions(recipe))


def without_tuning(recipe: Config) -> Config:
    """A recipe without the key ``tune``, which does not change how one model is trained."""
    return {key: value for key, value in recipe.items() if key != KEY}


def tuning_of(config: Config, model: str) -> Config | None:
    """Number of trials, seed and search space of a model; None if it is not tuned.

    ``benchmark.tune`` is for the selected models that have no ``tune`` of their own, if their families have something
    to search.
    """
    recipe = config["models"][model]
    if recipe["family"] == ENSEMBLE:
        return None
    space: Config = FAMILIES.constant(recipe["family"], "SEARCH", {})
    shared = config["benchmark"].get(KEY) if model in config["benchmark"]["models"] and space else None
    tuning: Config | None = recipe.get(KEY) or shared
    return tuning and tuning | {"search": tuning.get("search") or space}


def trial_recipes(recipe: Config, tuning: Config) -> list[Config]:
    """The recipes of the trials, all different: as many as asked for, or all that the search space has."""
    found = [recipe]
    for number in range(1, SKIPPED * tuning["trials"]):
        if len(found) == tuning["trials"]:
            break
        candidate = overlaid(recipe, point(tuning["search"], number, tuning["seed"]))
        if candidate not in found:
            found.append(candidate)
    return found


def overlaid(recipe: Config, settings: Config) -> Config:
    """``recipe`` with other values for some keys, whose names may have dots, as ``training.learning_rate``."""
    changed = dict(recipe)
    for key, value in settings.items():
        outer, _, inner = key.partition(".")
        below = changed.get(outer)
        changed[outer] = overlaid(below if isinstance(below, dict) else {}, {inner: value}) if inner else value
    return changed


def setting(recipe: Config, key: str) -> Any:
    """The value of a key of a recipe, whose name may have dots; None if the recipe does not have it."""
    outer, _, inner = key.partition(".")
    return setting(recipe.get(outer) or {}, inner) if inner else recipe.get(outer)


def point(search: Config, number: int, seed: int) -> Config:
    """The settings of one point of the sequence."""
    keys = enumerate(sorted(search))
    return {key: scaled(search[key], halton(number, dimension, seed)) for dimension, key in keys}


def halton(number: int, dimension: int, seed: int) -> float:
    """A coordinate in [0, 1) of a point of the permuted Halton sequence."""
    base = PRIMES[dimension]
    value = 0.0
    digit = 1
    while base**-digit > SMALLEST_DIGIT:
        value += _permuted(base, f"{seed}/{dimension}/{digit}")[number % base] / base**digit
        number //= base
        digit += 1
    return value


@cache
def _permuted(base: int, seed: str) -> list[int]:
    """The digits below ``base`` in a random order of their own for each digit of a coordinate."""
    digits = list(range(base))
    random.Random(seed).shuffle(digits)
    return digits


def scaled(values: Config, share: float) -> Any:
    """The value at a share in [0, 1) of what may be searched, to four digits."""
    [(kind, given)] = values.items()
    if kind == "choice":
        return given[int(share * len(given))]
    low = given[0]
    high = given[1]
    if kind == "integer":
        return low + int(share * (high + 1 - low))
    return float(f"{low * (high / low) ** share if kind == 'log' else low + share * (high - low):.4g}")
