"""Checks of the targets ``export``, ``robustness`` and ``transfer`` that the schema cannot express."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from soundbench.augment.perturbations import PERTURBATIONS
from soundbench.core.schema import as_list, as_mapping
from soundbench.features.settings import EMBEDDING

Config = dict[str, Any]

WITHOUT_EMBEDDING = "needs an embedding, but only clips of a source have embeddings; name other models"


def target_problems(config: Config, library: Config, suggest: Callable[[str, list[str]], str]) -> Iterator[str]:
    """The problems of names that the selection or the library lacks, and of folds that a data set does not have.

    Args:
        config: the configuration of the user.
        library: its well-formed entries.
        suggest: a function that returns the most similar names for an unknown one.
    """
    selected = as_mapping(config.get("benchmark"))
    chosen = {name: as_list(selected.get(name)) for name in ("datasets", "models", "seeds")}
    yield from _export_problems(as_mapping(config.get("export")), chosen, library)
    yield from _unable_models(config, chosen, library)
    levels = as_mapping(config.get("robustness"))
    for part in ("datasets", "models"):
        for name in as_list(levels.get(part)):
            if name not in chosen[part]:
                yield f"robustness.{part}: {name!r} is not among benchmark.{part}{suggest(str(name), chosen[part])}"
    for name, entry in as_mapping(config.get("transfer")).items():
        if not isinstance(entry, dict):
            continue
        run = as_mapping(entry.get("from"))
        wanted = {"from.dataset": run.get("dataset"), "from.model": run.get("model"), "to": entry.get("to")}
        for key, value in wanted.items():
            known = [*library["models"], *library["ensembles"]] if key == "from.model" else list(library["datasets"])
            if isinstance(value, str) and value not in known:
                yield f"transfer.{name}.{key}: there is no {value!r}{suggest(value, known)}"


def _unable_models(config: Config, chosen: dict[str, list[Any]], library: Config) -> Iterator[str]:
    """The problems of models that cannot predict new sounds: those on embeddings, which only the clips of a source and
    their copies have, and ensembles, as far as they are not predicted by their members' models."""
    embeddings = _embeddings(library)
    probes = [name for name, recipe in library["models"].items() if recipe["features"] in embeddings]
    levels = as_mapping(config.get("robustness"))
    trained = [name for name in chosen["models"] if name not in library["ensembles"]]
    tested = {}
    if any(levels.get(kind) for kind in PERTURBATIONS):
        tested["robustness.models"] = as_list(levels.get("models")) or trained
    for part, key in (("transfer", "from"), ("predict", "model")):
        for name, entry in as_mapping(config.get(part)).items():
            run = as_mapping(as_mapping(entry).get(key))
            tested[f"{part}.{name}.{key}.model"] = [run.get("model")]
            if run.get("best") is not None:  # one of the selected models
                tested[f"{part}.{name}.{key}.best"] = trained
    for where, models in tested.items():
        for name in models:
            if name in probes:
                yield f"{where}: {name} {WITHOUT_EMBEDDING}"
            elif name in library["ensembles"]:
                yield from _ensemble_problems(where, name, library)


def _ensemble_problems(where: str, name: str, library: Config) -> Iterator[str]:
    """The reason why an ensemble cannot be used here; ``predict`` averages the models of its members."""
    entry = library["ensembles"][name]
    members = [library["models"][member] for member in entry["members"] if member in library["models"]]
    if not where.startswith("predict."):
        yield f"{where}: {name} is an ensemble, whose predictions are averaged from tables; name its members"
    elif entry["mean"] != "probabilities":
        yield f"{where}: {name} averages logits, but predict averages probabilities"
    elif len({recipe["features"] for recipe in members}) > 1:
        yield f"{where}: the members of {name} have different features; name one of them"
    elif any(recipe["features"] in _embeddings(library) for recipe in members):
        yield f"{where}: {name} {WITHOUT_EMBEDDING}"


def _embeddings(library: Config) -> set[str]:
    return {name for name, entry in library["features"].items() if entry["front_end"] == EMBEDDING}


def _export_problems(export: Config, chosen: dict[str, list[Any]], library: Config) -> Iterator[str]:
    seed = export.get("seed")
    fold = export.get("fold")
    if seed is not None and seed not in chosen["seeds"]:
        yield f"export.seed: {seed} is not among benchmark.seeds, {', '.join(map(str, chosen['seeds']))}"
    for name in chosen["datasets"]:
        folds = library["datasets"][name]["split"]["folds"] if name in library["datasets"] else None
        if isinstance(fold, int) and folds is not None and fold > folds:
            yield f"export.fold: {name} has {folds} folds, but no fold {fold}"
