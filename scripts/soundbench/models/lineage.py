"""The lineage of initial weights: the sources that they were trained on, directly or through earlier runs.

This module works without torch, so that a configuration is checked before any job starts.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from soundbench.core.errors import InputError
from soundbench.features.settings import EMBEDDING
from soundbench.models.encoders import FAMILY, encoder_problems
from soundbench.models.families import is_fitted
from soundbench.models.initial_weights import (
    PUBLISHED,
    WEIGHTS_FILES,
    find_weights,
    results_folder,
    weight_files,
    workflow_run,
)
from soundbench.models.registry import averages_predictions

Config = dict[str, Any]

SEVERAL = "holds the networks of several epochs (average: predictions); start from a run with one network"


def model_problems(config: Config, library: Config, chosen: dict[str, list[str]]) -> Iterator[str]:
    """The problems of the models' initial weights and of the part of each network that is trained.

    Args:
        library: the well-formed entries of the configuration.
        chosen: the selected ``datasets`` and ``models``; the files must exist only for these.
    """
    for name, recipe in library["models"].items():
        if is_fitted(recipe["family"]):
            continue
        trainable = recipe["training"]["trainable"]
        if isinstance(trainable, str) and trainable not in ("all", "head"):
            yield f"models.{name}.training.trainable: {trainable!r} is not all, head or a number of blocks"
        pretrained = recipe["pretrained"]
        if pretrained in PUBLISHED.values():
            if PUBLISHED.get(recipe["family"]) != pretrained:
                yield f"models.{name}.pretrained: no {pretrained} weights are published for {recipe['family']}"
            elif recipe["family"] == FAMILY and recipe["name"] is None:
                yield f"models.{name}.name: is missing; pretrained: {pretrained} needs the name of an encoder"
        elif pretrained is not None and name in chosen["models"]:
            where = f"models.{name}.pretrained"
            yield from weights_problems(where, recipe, config, library, chosen, (name,))
            yield from checkpoint_problems(where, recipe, library["features"].get(recipe["features"]), config)


def weights_problems(
    where: str,
    start: Config,
    config: Config,
    library: Config,
    chosen: dict[str, list[str]],
    visited: tuple[str, ...] = (),
) -> Iterator[str]:
    """The problems of the weights that ``start`` names: they do not exist, or they were trained on one of the
    ``chosen`` data sets.

    Args:
        where: the key of the weights in the configuration.
        start: a model recipe, or the ``model`` of an embedding.
        visited: the models whose initial weights led here.
    """
    try:
        sources = weights_lineage(config, library, start, visited)
    except InputError as error:
        yield from (f"{where}: {problem}" for problem in error.problems)
        return
    for dataset in chosen["datasets"]:
        source = library["datasets"].get(dataset, {}).get("source")
        if source in sources:
            reason = refusal(start["pretrained"], source)
            yield f"{where}: {reason}. Choose other weights, or leave {dataset} out of benchmark.datasets"


def checkpoint_problems(where: str, start: Config, front_end: Config | None, config: Config) -> Iterator[str]:
    """The problems of the user's own weights with a front-end: another sample rate, or an encoder of another kind.

    Args:
        start: a model recipe, or the ``model`` of an embedding.
        front_end: the settings of its front-end; None if they are not known.
    """
    files = weight_files(start["pretrained"], results_folder(config))
    if front_end is None or not files or not all(Path(file).is_file() for file in files):
        return
    yield from (f"{where}: {problem}" for problem in encoder_problems(find_weights(files), start["family"], front_end))


def refusal(pretrained: str, source: str) -> str:
    """The reason why a run cannot start from weights that were trained on its own source."""
    return f"{pretrained} was trained on {source}, perhaps on the clips that it would be tested on"


def lineage(config: Config, library: Config, model: str, visited: tuple[str, ...] = ()) -> set[str]:
    """The sources that the initial weights of a model were trained on, and those of the network that computes its
    features if they are an embedding.

    Raises:
        InputError: there are no weights at a path, or the model starts from itself.
    """
    if model in visited:
        raise InputError(f"circular reference: {' starts from '.join((*visited, model))}")
    visited = (*visited, model)
    return set().union(*(weights_lineage(config, library, start, visited) for start in _starts(library, model)))


def _starts(library: Config, model: str) -> list[Config]:
    """The entries that name a model's initial weights, and those of the network that computes its embedding."""
    recipe = library["models"][model]
    front_end = library["features"].get(recipe["features"], {})
    return [recipe, *([front_end["model"]] if front_end.get("front_end") == EMBEDDING else [])]


def workflow_sources(settings: Config, model: str) -> set[str]:
    """The sources of all runs of this workflow that a model starts from, directly or through other runs.

    The sources of other weights are not included.
    """
    sources = set()
    waiting = [model]
    visited = set()
    while waiting:
        name = waiting.pop()
        visited.add(name)
        for start in _starts(settings, name):
            if run := workflow_run(start["pretrained"] or "", results_folder(settings)):
                sources.add(settings["datasets"][run["dataset"]]["source"])
                waiting += {run["model"]} - visited
    return sources


def weights_lineage(config: Config, library: Config, start: Config, visited: tuple[str, ...] = ()) -> set[str]:
    """The sources that the weights ``start["pretrained"]``, and all runs that led to them, were trained on.

    Raises:
        InputError: there are no weights at a path, or the reference is circular.
    """
    pretrained = start["pretrained"]
    results = results_folder(config)
    if pretrained is None or pretrained in PUBLISHED.values():
        return set()
    if run := workflow_run(pretrained, results):
        view = library["datasets"].get(run["dataset"])
        if view is None or run["model"] not in library["models"]:
            raise InputError(f"{pretrained}: there is no such data set or model in the library")
        recipe = library["models"][run["model"]]
        if is_fitted(recipe["family"]):
            raise InputError(f"{pretrained}: a model of the family {recipe['family']} has no weights to start from")
        if averages_predictions(recipe):
            raise InputError(f"{pretrained}: {SEVERAL}")
        if not 1 <= int(run["fold"]) <= view["split"]["folds"]:
            raise InputError(
                f"{pretrained}: there is no such fold; {run['dataset']} has {view['split']['folds']} folds"
            )
        return {view["source"]} | lineage(config, library, run["model"], visited)
    files = weight_files(pretrained, results)
    if not files:
        known = PUBLISHED.get(start.get("family", ""))
        raise InputError(
            f"{pretrained} is neither a file of weights nor a folder with {' or '.join(WEIGHTS_FILES)}"
            + (f", nor {known}" if known else "")
        )
    weights = find_weights(files)
    if weights and weights.run and averages_predictions(weights.run.get("recipe", {})):
        raise InputError(f"{pretrained}: {SEVERAL}")
    return set(weights.sources) if weights else set()
