"""Checks of a configuration that the schemas cannot express: unknown names, and settings that do not fit each other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from soundbench.augment.batch_effects import BATCH_EFFECTS
from soundbench.config.source_checks import column_problems, file_problems
from soundbench.config.target_checks import group_problems, target_problems
from soundbench.config.task_checks import task_problems
from soundbench.core.schema import as_list, as_mapping, unknown_name
from soundbench.data.checks import mixture_problems, source_problems, view_problems
from soundbench.data.contamination import list_problems
from soundbench.data.copies import ORIGINAL, variant_names, variant_problems
from soundbench.data.targets import source_task_problems
from soundbench.data.training_sizes import size_problems
from soundbench.features.crops import crop_problems
from soundbench.features.settings import (
    feature_problems,
    has_frequencies,
    input_kind,
    values_per_decibel,
)
from soundbench.inference.checks import predicting_datasets, prediction_problems
from soundbench.models.embedding_settings import embedding_problems
from soundbench.models.encoders import FAMILY as TRANSFORMERS
from soundbench.models.ensembles import ensemble_problems, split_ensembles, trained_models
from soundbench.models.families import FAMILIES, is_fitted
from soundbench.models.inputs import input_problems
from soundbench.models.lineage import model_problems
from soundbench.models.timm_names import timm_problems
from soundbench.tasks.registry import find_metric
from soundbench.training.settings import training_problems

Config = dict[str, Any]

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
RESULT_SUFFIXES = (
    ".csv",
    ".html",
    ".json",
    ".md",
    ".npy",
    ".npz",
    ".rst",
    ".svg",
    ".tex",
    ".txt",
    ".yaml",
    ".zip",
)  # of files that the workflow writes beside folders with these names
PATH_VARIABLES = re.compile(r"<(?:results|logs|benchmarks|resources)>")
LIBRARY = ("sources", "datasets", "augmentations", "features", "models", "references", "predict")


def configuration_problems(config: Config, library: Config) -> Iterator[str]:
    """The problems of a well-formed configuration: names that the library lacks, and settings that do not fit.

    Args:
        config: the configuration of the user, which has all names.
        library: its well-formed entries.
    """
    names = {part: list(as_mapping(config.get(part))) for part in LIBRARY}
    yield from _name_problems(names | {"transfer": list(as_mapping(config.get("transfer")))})
    yield from _path_problems(config.get("pathvars"))
    selected = as_mapping(config.get("benchmark"))
    chosen = {part: as_list(selected.get(part)) for part in ("datasets", "models")}
    for part in chosen:
        for name in chosen[part]:
            if name not in names[part]:
                yield unknown_name(f"benchmark.{part}", name, names[part])
    library = split_ensembles(library)
    used = {*chosen["datasets"], *predicting_datasets(library["predict"])}
    for name, view in library["datasets"].items():
        if view["source"] not in names["sources"]:
            yield unknown_name(f"datasets.{name}.source", view["source"], names["sources"])
        elif name in used and view["source"] in library["sources"]:
            source = library["sources"][view["source"]]
            problems = list(source_problems(f"sources.{view['source']}", source))
            yield from problems or file_problems(f"sources.{view['source']}", source)
            yield from () if problems else column_problems(f"datasets.{name}", view, source)
            yield from source_task_problems(f"datasets.{name}", view["task"], source)
            if source.get("of"):
                yield from mixture_problems(f"sources.{view['source']}", source, library["sources"])
        yield from view_problems(f"datasets.{name}", view)
    yield from size_problems(library["datasets"])
    yield from _augmentation_problems(library, names["augmentations"], list(used))
    for name, front_end in library["features"].items():
        yield from feature_problems(f"features.{name}", front_end, front_end.get("sample_rate"))
    for name, recipe in library["models"].items():
        if (wanted := recipe["features"]) not in names["features"]:
            yield unknown_name(f"models.{name}.features", wanted, names["features"])
        yield from recipe_problems(f"models.{name}", recipe, library["features"].get(wanted))
    yield from _contamination_problems(library, chosen["models"])
    yield from task_problems(library, chosen)
    yield from ensemble_problems(library, chosen | {"seeds": as_list(selected.get("seeds"))}, names["models"])
    yield from target_problems(config, library)
    yield from group_problems(library, chosen)
    yield from model_problems(config, library, chosen)
    yield from embedding_problems(config, library, chosen)
    yield from timm_problems(library, chosen["models"])
    for name, entry in library["references"].items():
        yield from _reference_problems(f"references.{name}", entry, names["datasets"])
    for name, entry in library["predict"].items():
        yield from prediction_problems(f"predict.{name}", entry, names, library["datasets"])


def _name_problems(names: dict[str, list[Any]]) -> Iterator[str]:
    """The problems of names that cannot be the names of folders of results."""
    for part in names:
        for name in map(str, names[part]):
            if problem := name_problem(part, name):
                yield f"{part}.{name}: {problem}"


def name_problem(part: str, name: str) -> str | None:
    """Why an entry of a part of the library cannot have this name; None if it can."""
    if not NAME.fullmatch(name):
        return "a name may hold letters, digits, '.', '_' and '-' only, as it names a folder"
    if name.endswith(RESULT_SUFFIXES):
        return f"a name may not end in {Path(name).suffix}, because names of result files end in it"
    if part == "sources" and name == "weights":
        return "this name is reserved for the folder of fetched weights; choose another name"
    return None


def _path_problems(folders: Any) -> Iterator[str]:
    for key, folder in folders.items() if isinstance(folders, dict) else ():
        if not isinstance(folder, str):
            continue
        if wrong := sorted({*"<>{}*?\"'\n"} & {*PATH_VARIABLES.sub("", folder)}):
            yield f"pathvars.{key}: the folder {folder} may not hold {' '.join(wrong)}"
        if folder.startswith("~"):
            yield f"pathvars.{key}: {folder}: there is no such home directory"


def _reference_problems(where: str, entry: Config, datasets: list[str]) -> Iterator[str]:
    """The problems of a published score: data sets that do not exist, and a score that its metric does not have."""
    for dataset in entry["datasets"]:
        if dataset not in datasets:
            yield unknown_name(f"{where}.datasets", dataset, datasets)
    metric = find_metric(entry["metric"])
    key, other = ("percent", "score") if metric.percent else ("score", "percent")
    if other in entry:
        kind = "a share" if metric.percent else "no share"
        yield f"{where}.{other}: the metric {entry['metric']} is {kind}; give {key} instead"
    elif key not in entry:
        yield f"{where}.{key}: is missing"
    elif not metric.percent and not metric.lowest <= entry["score"] <= metric.highest:
        yield f"{where}.score: {entry['score']} is not between {metric.lowest:g} and {metric.highest:g}"


def _augmentation_problems(library: Config, variants: list[str], chosen: list[str]) -> Iterator[str]:
    """The problems of the library's variants, and of the rules of views that use them."""
    views = library["datasets"]
    used = {name for view in chosen if view in views for name in variant_names(views[view]["augment"])}
    for name, variant in library["augmentations"].items():
        if name == ORIGINAL:
            yield f"augmentations.{name}: this name is reserved for clips without augmentation"
        yield from variant_problems(f"augmentations.{name}", variant, name in used)
    for name, view in views.items():
        for number, rule in enumerate(view["augment"]):
            where = f"datasets.{name}.augment.{number}"
            for variant in rule["variants"]:
                if variant not in variants:
                    yield unknown_name(f"{where}.variants", variant, variants)
            if rule["balance"] and rule["copies"] is not None:
                yield f"{where}.copies: balance decides the number of copies too; give either balance or copies"


def _contamination_problems(library: Config, chosen: list[Any]) -> Iterator[str]:
    """The problems of the lists of what the selected models, and the members of selected ensembles, have seen."""
    for name in trained_models(library["ensembles"], chosen):
        lists = library["models"].get(name, {}).get("contamination", ())
        yield from list_problems(f"models.{name}.contamination", lists)


def recipe_problems(where: str, recipe: Config, front_end: Config | None) -> Iterator[str]:
    """The problems of a recipe, and those with its front-end, which is None if it is not well-formed."""
    family = recipe["family"]
    if front_end is not None:
        yield from input_problems(f"{where}.features", recipe, recipe["features"], front_end)
    if is_fitted(family):
        if recipe["pretrained"] is not None:
            yield f"{where}.pretrained: leave it out; {family} is fitted to the training clips without initial weights"
        return
    yield from training_problems(f"{where}.training", recipe["training"])
    smallest = FAMILIES.constant(family, "SMALLEST_BATCH", 1)
    if recipe["training"]["batch_size"] < smallest:
        yield (
            f"{where}.training.batch_size: should be {smallest} or more, as {family} standardises the values of each "
            "batch"
        )
    if front_end is not None:
        yield from _online_problems(f"{where}.training.augment", recipe, front_end)
        yield from crop_problems(f"{where}.training", recipe["training"], front_end)


def _online_problems(where: str, recipe: Config, front_end: Config) -> Iterator[str]:
    effects = sorted({*recipe["training"]["augment"]} & {*BATCH_EFFECTS.names})
    if input_kind(front_end) == "waveform":
        for effect in effects:
            if recipe["family"] == TRANSFORMERS:
                yield f"{where}.{effect}: does not work with encoders of transformers; use `augment` of the data set"
            elif not BATCH_EFFECTS.constant(effect, "WAVEFORMS", False):
                yield f"{where}.{effect}: changes spectrograms, but {recipe['features']} gives samples; leave it out"
        return
    reads_end = recipe["family"] == TRANSFORMERS and front_end["front_end"] == "whisper"
    for effect in effects:
        if reads_end and BATCH_EFFECTS.constant(effect, "HIDES_END", False):
            yield f"{where}.{effect}: hides the end of a clip, which the encoder of Whisper needs; leave it out"
        needs = BATCH_EFFECTS.constant(effect, "NEEDS", ())
        if "decibel" in needs and values_per_decibel(front_end) is None:
            yield (
                f"{where}.{effect}: needs features on a logarithmic scale, which {recipe['features']} does not give; "
                "use scale db or log, and normalise: dataset or fixed"
            )
        if "mean" in needs and front_end["normalise"] == "none":
            yield (
                f"{where}.{effect}: needs features that are normalised to a mean of 0, and {recipe['features']} has "
                "normalise: none; leave it out"
            )
        if "frequencies" in needs and not has_frequencies(front_end):
            yield (
                f"{where}.{effect}: needs the frequencies of bins, which {recipe['features']} does not give; use a "
                "spectrogram with a sample_rate and without resize"
            )
