"""Checks of the key ``tune``, which need the checked entries of the models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from soundbench.config.checks import recipe_problems
from soundbench.core.schema import Schema, schema_problems
from soundbench.models.tuning import KEY, KEYS_WITHOUT_EFFECT, PRIMES, overlaid, tuning_of, without_tuning

Config = dict[str, Any]

FIXED = ("family", "features", "pretrained", *KEYS_WITHOUT_EFFECT, KEY)  # what all trials of a model have in common


def tuning_problems(config: Config, schema: Schema) -> Iterator[str]:
    """The problems of tuning: keys and values that a model cannot have, and data sets without validation clips.

    Args:
        config: a configuration without other problems, with all defaults.
        schema: of the whole configuration.
    """
    tuned = {name: found for name in config["models"] if (found := tuning_of(config, name))}
    for name, tuning in tuned.items():
        where = f"models.{name}.{KEY}"
        recipe = without_tuning(config["models"][name])
        if not tuning["search"]:
            yield f"{where}.search: is missing; the family {recipe['family']} has no default search space"
        elif problems := list(_search_problems(f"{where}.search", tuning["search"])):
            yield from problems
        else:
            front_end = config["features"][recipe["features"]]
            yield from _setting_problems(f"{where}.search", recipe, front_end, tuning["search"], schema)
    for dataset in config["benchmark"]["datasets"]:
        if config["datasets"][dataset]["split"]["protocol"] == "literature":
            for name in [name for name in tuned if name in config["benchmark"]["models"]]:
                yield (
                    f"models.{name}.{KEY}: {dataset} has the protocol literature, which has no validation clips, so "
                    "settings cannot be chosen; choose a data set with the protocol nested, or leave out tune"
                )


def _search_problems(where: str, search: Config) -> Iterator[str]:
    if len(search) > len(PRIMES):
        yield f"{where}: names {len(search)} keys; search at most {len(PRIMES)}"
    for key, values in search.items():
        if key.partition(".")[0] in FIXED:
            yield f"{where}.{key}: cannot be searched; write one model for each value, and tune each of them"
        [(kind, given)] = values.items()
        if kind != "choice" and not given[0] < given[1]:
            yield f"{where}.{key}.{kind}: should be [low, high] with low < high, but is {given}"
        elif kind == "log" and given[0] <= 0:
            yield f"{where}.{key}.log: both bounds should be above 0, but are {given}"
        elif kind == "integer" and not all(isinstance(bound, int) for bound in given):
            yield f"{where}.{key}.integer: should hold whole numbers, but is {given}"


def _setting_problems(where: str, recipe: Config, front_end: Config, search: Config, schema: Schema) -> Iterator[str]:
    """What is wrong with a recipe that has one of the choices, the lowest or the highest value of a key."""
    models: Schema = {"$defs": schema["$defs"], **schema["properties"]["models"]}
    for key, values in search.items():
        [found] = values.values()
        for value in found:
            changed = overlaid(recipe, {key: value})
            problems, _ = schema_problems(models, {where: changed})
            yield from problems or recipe_problems(where, changed, front_end)
