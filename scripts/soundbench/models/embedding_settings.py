"""What an embedding's settings imply: which network embeds which features, and what cannot work about them.

Known without importing torch, so that a configuration is checked before any job starts.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from soundbench.core.errors import InputError
from soundbench.core.storage import canonical_json, read_json
from soundbench.features.settings import EMBEDDING
from soundbench.models.initial_weights import PUBLISHED, results_folder, weight_files, weights_problems, workflow_run

Config = dict[str, Any]


def embeddings(features: Config) -> list[str]:
    """The names of those front-ends that are embeddings."""
    return [name for name, entry in features.items() if entry["front_end"] == EMBEDDING]


def embedded(config: Config, entry: Config) -> tuple[str, str]:
    """The family of the network that an embedding comes from, and the name of the front-end that it sees through.

    Args:
        config: the configuration, every default filled in.
        entry: the embedding's.

    Raises:
        InputError: neither the entry nor a run tells them, or both do; each problem begins with its key.
    """
    pretrained, run = entry["model"]["pretrained"], _run_recipe(config, entry["model"]["pretrained"])
    told = {"features": entry["features"], "model.family": entry["model"].get("family")}
    if run is None:
        if missing := [key for key, value in told.items() if value is None]:
            raise InputError(f"{key}: is missing, and {pretrained} is no run that tells it" for key in missing)
        if config["features"][told["features"]]["normalise"] == "dataset":
            raise InputError(
                f"features: {told['features']} is normalised by training clips, which differ from fold to fold; "
                "choose an entry with normalise: clip or fixed"
            )
        return told["model.family"], told["features"]
    if needless := [key for key, value in told.items() if value is not None]:
        raise InputError(f"{key}: {pretrained} is a run, which tells it itself; leave it out" for key in needless)
    if run["features"] in embeddings(config["features"]):
        raise InputError(f"model.pretrained: {pretrained} itself sees an embedding, and no features")
    return run["family"], run["features"]


def _run_recipe(config: Config, pretrained: str) -> Config | None:
    """The recipe of the run of ours at a path, its ``features`` by their name in the library; None where there is no
    run."""
    results = results_folder(config)
    if run := workflow_run(pretrained, results):
        return config["models"][run["model"]]
    described = [name for name in weight_files(pretrained, results) if Path(name).name == "model.json"]
    if not described:
        return None
    description = read_json(described[0])
    same = [name for name, entry in config["features"].items() if entry == description["front_end"]]
    if not same:
        settings = canonical_json(description["front_end"])
        raise InputError(
            f"model.pretrained: no entry of features gives the features that {pretrained} saw; add one with {settings}"
        )
    return description["recipe"] | {"features": same[0]}


def embedding_problems(config: Config, library: Config, chosen: dict[str, list[str]]) -> Iterator[str]:
    """What is wrong with the library's embeddings.

    Args:
        library: the well-formed entries of the configuration.
        chosen: the selected ``datasets`` and ``models``; only for what these use the weights have to exist.
    """
    models = library["models"]
    used = {models[name]["features"] for name in chosen["models"] if name in models}
    for name in embeddings(library["features"]):
        entry, where = library["features"][name], f"features.{name}"
        found = [f"{where}.{problem}" for problem in _entry_problems(entry, library["features"])]
        yield from found
        if name in used and not found:
            found = list(weights_problems(f"{where}.model.pretrained", entry["model"], config, library, chosen))
            yield from found or _telling_problems(where, config | library, entry)


def _entry_problems(entry: Config, features: Config) -> Iterator[str]:
    model, seen = entry["model"], features.get(entry["features"])
    allowed = {"family", "pretrained"} if "family" not in model else set(model) - {"features", "training"}
    for key in sorted(set(model) - allowed):
        yield f"model.{key}: unknown key" + ("" if "family" in model else " where there is no family")
    if model["pretrained"] in PUBLISHED.values() and PUBLISHED.get(model.get("family")) != model["pretrained"]:
        yield f"model.pretrained: no {model['pretrained']} weights are published for {model.get('family', 'no family')}"
    if entry["features"] is None:
        return
    if seen is None:
        yield f"features: there is no {entry['features']!r} (or it has problems of its own)"
    elif seen["front_end"] == EMBEDDING:
        yield f"features: {entry['features']} is itself an embedding, and no picture"


def _telling_problems(where: str, config: Config, entry: Config) -> Iterator[str]:
    try:
        embedded(config, entry)
    except InputError as error:
        yield from (f"{where}.{problem}" for problem in error.problems)
