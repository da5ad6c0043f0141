"""Checks of the targets ``export``, ``robustness`` and ``transfer`` that the schema cannot express."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from soundbench.augment.perturbations import PERTURBATIONS
from soundbench.core.schema import as_list, as_mapping, suggest, unknown_name
from soundbench.features.settings import EMBEDDING, by_group
from soundbench.models.ensembles import trained_models

Config = dict[str, Any]

# Why models cannot predict new sounds.
WITHOUT_EMBEDDING = "needs an embedding, but only clips of a source have embeddings; name other models"
WITHOUT_GROUP = (
    "needs features that are normalised by group, but only the clips of a source have groups; name other models"
)


def target_problems(config: Config, library: Config) -> Iterator[str]:
    """The problems of names that the selection or the library lacks, and of folds that a data set does not have.

    Args:
        config: the configuration of the user.
        library: its well-formed entries.
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
            known = as_mapping(config.get("models" if key == "from.model" else "datasets"))
            if isinstance(value, str) and value not in known:
                yield unknown_name(f"transfer.{name}.{key}", value, known)


def _unable_models(config: Config, chosen: dict[str, list[Any]], library: Config) -> Iterator[str]:
    """The problems of models that cannot predict new sounds: those on features that only the clips of a source have,
    and ensembles, as far as they are not predicted by their members' models."""
    bound = _bound_features(library)
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
            features = library["models"].get(name, {}).get("features")
            if features in bound:
                yield f"{where}: {name} {bound[features]}"
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
    else:
        bound = _bound_features(library)
        reasons = dict.fromkeys(bound[recipe["features"]] for recipe in members if recipe["features"] in bound)
        yield from (f"{where}: {name} {reason}" for reason in reasons)


def _bound_features(library: Config) -> dict[str, str]:
    """The features that only the clips of a source have, and why."""
    features = library["features"].items()
    embeddings = {name: WITHOUT_EMBEDDING for name, entry in features if entry["front_end"] == EMBEDDING}
    return embeddings | {name: WITHOUT_GROUP for name, entry in features if by_group(entry)}


def group_problems(library: Config, chosen: dict[str, list[Any]]) -> Iterator[str]:
    """The problems of data sets that augment, for models on features that are normalised by group.

    A copy would need the statistics of its group, which the job that computes the features of copies does not have.

    Args:
        chosen: the selected ``datasets`` and ``models``.
    """
    models = trained_models(library["ensembles"], chosen["models"])
    known = [name for name in models if name in library["models"]]
    for model in [name for name in known if library["models"][name]["features"] in library["features"]]:
        features = library["models"][model]["features"]
        for dataset in chosen["datasets"]:
            if by_group(library["features"][features]) and library["datasets"].get(dataset, {}).get("augment"):
                yield (
                    f"datasets.{dataset}.augment: {model} takes {features}, which is normalised by group, and copies "
                    "cannot be; leave out augment, or choose other models"
                )


def _export_problems(export: Config, chosen: dict[str, list[Any]], library: Config) -> Iterator[str]:
    seed = export.get("seed")
    fold = export.get("fold")
    if seed is not None and seed not in chosen["seeds"]:
        yield f"export.seed: {seed} is not among benchmark.seeds, {', '.join(map(str, chosen['seeds']))}"
    for name in chosen["datasets"]:
        folds = library["datasets"][name]["split"]["folds"] if name in library["datasets"] else None
        if isinstance(fold, int) and folds is not None and fold > folds:
            yield f"export.fold: {name} has {folds} folds, but no fold {fold}"
