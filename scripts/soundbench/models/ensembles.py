"""Ensembles: models that are not trained; their predictions are the mean of the predictions of their members.

An entry of ``models`` with ``family: ensemble`` names other models, or one model of which several runs are averaged.
Everything is fixed by the entry, so nothing is chosen on test clips.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from soundbench.core.schema import LARGEST, Schema, unknown_name
from soundbench.tasks.registry import task_class
from soundbench.tasks.task import Task

Config = dict[str, Any]

FAMILY = "ensemble"
# Keys of models that an ensemble does not have.
NOT_TRAINED = ("features", "training", "pretrained", "contamination", "tune")
SETTINGS: Schema = {
    "members": {
        "description": "The models whose predictions are averaged. Their runs are made first if they are missing.",
        "type": "array",
        "minItems": 1,
        "uniqueItems": True,
        "items": {"type": "string"},
    },
    "mean": {
        "description": "What is averaged: the probabilities, or the logits (outputs before the softmax).",
        "enum": ["probabilities", "logits"],
        "default": "probabilities",
    },
    "runs": {
        "description": (
            "Runs of each member, with seeds of their own: seed 1 of an ensemble of 3 runs has the seeds 1, 2 and 3 of "
            "its members, seed 2 has 4, 5 and 6."
        ),
        "type": "integer",
        "minimum": 1,
        "default": 1,
    },
}


def describe_ensembles(entry: Schema, definitions: Schema) -> None:
    """Add ensembles to the schema of the entries of ``models``; the schema of other models follows ``else``."""
    family = entry["properties"]["family"]
    entry["properties"]["family"] = family | {"enum": [*family["enum"], FAMILY]}
    definitions[FAMILY] = {
        "type": "object",
        "additionalProperties": False,
        "required": ["members"],
        "properties": {key: {} for key in entry["properties"]} | SETTINGS,
    }
    is_ensemble = {"required": ["family"], "properties": {"family": {"const": FAMILY}}}
    entry["allOf"] = [*entry["allOf"], {"if": is_ensemble, "then": {"$ref": f"#/$defs/{FAMILY}"}}]
    entry["if"] = is_ensemble


def split_ensembles(config: Config) -> Config:
    """A configuration whose ``models`` are those that are trained, with the others as ``ensembles``."""
    models = config["models"]
    ensembles = {name: entry for name, entry in models.items() if entry["family"] == FAMILY}
    trained = {name: entry for name, entry in models.items() if name not in ensembles}
    return config | {"models": trained, "ensembles": ensembles}


def trained_models(ensembles: Config, names: Iterable[str]) -> list[str]:
    """These models, each once, with the members of ``ensembles`` in the places of the ensembles."""
    return list(dict.fromkeys(one for name in names for one in ensembles.get(name, {}).get("members", [name])))


def member_runs(entry: Config, seed: int) -> list[tuple[str, int]]:
    """The model and the seed of each run whose predictions are averaged for one seed of an ensemble."""
    runs = entry["runs"]
    return [(name, runs * (seed - 1) + number) for name in entry["members"] for number in range(1, runs + 1)]


def ensemble_problems(library: Config, chosen: dict[str, list[Any]], models: list[Any]) -> Iterator[str]:
    """The problems of ensembles: members that do not exist, and means that a selected data set does not have.

    Args:
        library: the well-formed entries of the configuration, with ``ensembles`` apart.
        chosen: the selected ``datasets``, ``models`` and ``seeds``.
        models: the names of all models, also of those that have problems.
    """
    for name, entry in library["ensembles"].items():
        where = f"models.{name}"
        for key in [key for key in NOT_TRAINED if entry.get(key) not in (None, [])]:
            yield f"{where}.{key}: an ensemble is not trained; its members have this key"
        for member in entry["members"]:
            if member in library["ensembles"]:
                yield f"{where}.members: {member} is an ensemble; name its members"
            elif member not in models:
                yield unknown_name(f"{where}.members", member, library["models"])
        if len(entry["members"]) * entry["runs"] < 2:
            yield f"{where}.members: a mean needs two runs; name another model, or set runs: 2 or more"
        if name in chosen["models"]:
            yield from _selected_problems(where, entry, library, chosen)
    for name, prediction in library["predict"].items():
        model = prediction["model"]
        if isinstance(model, dict) and model.get("model") in library["ensembles"]:
            seeds = [model["seed"]] if "seed" in model else chosen["seeds"]
            if problem := _seed_problem(library["ensembles"][model["model"]], seeds):
                yield f"predict.{name}.model: all seeds of {model['model']} {problem}"


def _selected_problems(where: str, entry: Config, library: Config, chosen: dict[str, list[Any]]) -> Iterator[str]:
    if problem := _seed_problem(entry, chosen["seeds"]):
        yield f"{where}.runs: all benchmark.seeds {problem}"
    for dataset in [name for name in chosen["datasets"] if name in library["datasets"]]:
        view = library["datasets"][dataset]
        if entry["runs"] > 1 and view["split"]["scheme"] == "kfold":
            yield f"{where}.runs: {dataset} has other folds with each seed (scheme kfold), so runs cannot be averaged"
        if entry["mean"] == "logits" and task_class(view).logits is Task.logits:
            yield f"{where}.mean: {dataset} has the task {view['task']}, which has no logits; use probabilities"


def _seed_problem(entry: Config, seeds: list[Any]) -> str | None:
    """What these seeds of an ensemble should be so that its members can have seeds of their own; None if they can."""
    runs = entry["runs"]
    numbers = [seed for seed in seeds if isinstance(seed, int)]
    if runs > 1 and any(seed < 1 for seed in numbers):
        return "should be 1 or more"
    if runs > 1 and any(seed > LARGEST // runs for seed in numbers):
        most = f"should be {LARGEST // runs} or less"
        return f"{most}; the seeds of its {runs} runs are up to {runs} times as large, and the largest is 2**63 - 1"
    return None
