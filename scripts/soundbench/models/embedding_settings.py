"""The settings of embeddings: which network computes them from which features, and checks of both.

This module works without torch, so that a configuration is checked before any job starts.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from soundbench.core.errors import InputError
from soundbench.core.storage import canonical_json, read_json
from soundbench.features.settings import EMBEDDING, by_group
from soundbench.models.families import is_fitted
from soundbench.models.initial_weights import PUBLISHED, results_folder, weight_files, workflow_run
from soundbench.models.inputs import input_problems
from soundbench.models.lineage import checkpoint_problems, weights_problems

Config = dict[str, Any]


def embedding_names(features: Config) -> list[str]:
    """The names of the front-ends that are embeddings."""
    return [name for name, entry in features.items() if entry["front_end"] == EMBEDDING]


def embedding_network(config: Config, entry: Config) -> tuple[str, str]:
    """The family of the network that computes an embedding, and the name of the front-end of its input.

    Args:
        config: the configuration, with all defaults.
        entry: the entry of the embedding.

    Raises:
        InputError: the entry lacks them and its weights are not a run's, or the entry repeats what a run states; each
            problem begins with its key.
    """
    pretrained = entry["model"]["pretrained"]
    run = _run_recipe(config, pretrained)
    given = {"features": entry["features"], "model.family": entry["model"].get("family")}
    if run is None:
        if missing := [key for key, value in given.items() if value is None]:
            raise InputError(f"{key}: is missing; it is needed, because {pretrained} is not a run" for key in missing)
        if config["features"][given["features"]]["normalise"] == "dataset":
            raise InputError(
                f"features: {given['features']} is normalised by training clips, which differ from fold to fold; "
                "choose an entry with normalise: clip or fixed"
            )
        return given["model.family"], given["features"]
    if needless := [key for key, value in given.items() if value is not None]:
        raise InputError(f"{key}: leave it out; the run {pretrained} determines it" for key in needless)
    if run["features"] in embedding_names(config["features"]):
        raise InputError(f"model.pretrained: {pretrained} was trained on an embedding; choose a run on other features")
    return run["family"], run["features"]


def _run_recipe(config: Config, pretrained: str) -> Config | None:
    """The recipe of the run at a path, with the library's name of its ``features``; None if there is no run."""
    results = results_folder(config)
    if run := workflow_run(pretrained, results):
        return config["models"][run["model"]]
    descriptions = [name for name in weight_files(pretrained, results) if Path(name).name == "model.json"]
    if not descriptions:
        return None
    description = read_json(descriptions[0])
    names = [name for name, entry in config["features"].items() if entry == description["front_end"]]
    if not names:
        settings = canonical_json(description["front_end"])
        raise InputError(
            f"model.pretrained: features has no entry with the settings that {pretrained} was trained with; add one "
            f"with {settings}"
        )
    return description["recipe"] | {"features": names[0]}


def embedding_problems(config: Config, library: Config, chosen: dict[str, list[str]]) -> Iterator[str]:
    """The problems of the library's embeddings.

    Args:
        library: the well-formed entries of the configuration.
        chosen: the selected ``datasets`` and ``models``; the weights must exist only for these.
    """
    models = library["models"]
    chosen_features = {models[name]["features"] for name in chosen["models"] if name in models}
    for name in embedding_names(library["features"]):
        entry = library["features"][name]
        where = f"features.{name}"
        problems = [f"{where}.{problem}" for problem in _entry_problems(entry, library["features"])]
        yield from problems
        if name in chosen_features and not problems:
            problems = list(weights_problems(f"{where}.model.pretrained", entry["model"], config, library, chosen))
            yield from problems or _network_problems(where, config | library, entry)
            if entry["features"] and not problems:
                front_end = library["features"][entry["features"]]
                yield from checkpoint_problems(f"{where}.model.pretrained", entry["model"], front_end, config)


def _entry_problems(entry: Config, features: Config) -> Iterator[str]:
    model = entry["model"]
    input_features = features.get(entry["features"])
    allowed = {"family", "pretrained"} if "family" not in model else set(model) - {"features", "training", "tune"}
    for key in sorted(set(model) - allowed):
        yield f"model.{key}: unknown key" + ("" if "family" in model else " without a family")
    if model["pretrained"] in PUBLISHED.values() and PUBLISHED.get(model.get("family")) != model["pretrained"]:
        yield f"model.pretrained: no {model['pretrained']} weights are published for {model.get('family', 'no family')}"
    if "family" in model and is_fitted(model["family"]):
        yield f"model.family: {model['family']} is not a network, so it has no last layer to leave out"
    if entry["features"] is None:
        return
    if input_features is None:
        yield f"features: there is no valid entry {entry['features']!r}"
    elif input_features["front_end"] == EMBEDDING:
        yield f"features: {entry['features']} is itself an embedding; choose another front-end"
    elif by_group(input_features):
        yield f"features: {entry['features']} is normalised by group; choose an entry with normalise: clip or fixed"
    elif "family" in model:
        yield from input_problems("features", model, entry["features"], input_features)


def _network_problems(where: str, config: Config, entry: Config) -> Iterator[str]:
    try:
        embedding_network(config, entry)
    except InputError as error:
        yield from (f"{where}.{problem}" for problem in error.problems)
