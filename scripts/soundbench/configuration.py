"""The configuration, checked whole before any job starts.

The schemas in ``config/schemas`` say what may stand where, and the defaults. What a schema cannot say (that a name
stands in the library, that a folder exists, that settings fit each other) is checked here. All problems are
collected, each with the path of its key and the nearest valid name.
"""

from __future__ import annotations

import copy
import difflib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from soundbench.datachecks import source_problems, view_problems
from soundbench.embedding_settings import embedding_problems
from soundbench.errors import InputError
from soundbench.feature_settings import feature_problems, values_per_decibel
from soundbench.models import COMMON_KEYS, FAMILIES, family_options
from soundbench.predictionchecks import predicting_datasets, prediction_problems
from soundbench.pretrained import model_problems
from soundbench.training_settings import training_problems
from soundbench.usechecks import use_problems
from soundbench.variants import ORIGINAL, variant_names, variant_problems

Config = dict[str, Any]
Schema = dict[str, Any]

SCHEMAS = Path(__file__).resolve().parents[2] / "config" / "schemas"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
LIBRARY = ("sources", "datasets", "augmentations", "features", "models", "references", "predict")


def check_configuration(config: Config, files: Iterable[str | Path] = ()) -> Config:
    """Return ``config`` with the schemas' defaults filled in.

    Args:
        config: the merged configuration.
        files: the YAML files that it was merged from, to find keys that stand twice in one mapping.

    Raises:
        InputError: with every problem found.
    """
    schema = load_schema()
    errors = list(Draft202012Validator(schema).iter_errors(config))
    problems = [problem for file in files for problem in duplicate_keys(file)]
    problems += [text for error in errors for text in describe(error)]
    # An unknown key leaves the rest of its entry readable; any other error makes the entry unfit for closer looks.
    unfit = {tuple(error.absolute_path)[:2] for error in errors if error.validator != "additionalProperties"}
    config = with_defaults(schema, schema, config)
    problems += inconsistencies(config, {part: _fit_entries(config, part, unfit) for part in LIBRARY})
    if problems:
        raise InputError(sorted(set(problems)), "The configuration has problems; nothing was started:")
    return config


def _fit_entries(config: Config, part: str, unfit: set[tuple[Any, ...]]) -> Config:
    if (part,) in unfit or not isinstance(config.get(part), dict):
        return {}
    return {name: entry for name, entry in config[part].items() if (part, name) not in unfit}


def load_schema() -> Schema:
    """One schema of the whole configuration, from the file of each part."""
    parts = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(SCHEMAS.glob("*.schema.yaml"))]
    merged: Schema = {"type": "object", "additionalProperties": False, "required": [], "properties": {}, "$defs": {}}
    for part in parts:
        merged["properties"] |= part["properties"]
        merged["$defs"] |= part.get("$defs", {})
        merged["required"] += part["required"]
    _add_undescribed_families(merged["properties"]["models"]["additionalProperties"], merged["$defs"])
    return merged


def _add_undescribed_families(models: Schema, definitions: Schema) -> None:
    """Admit families of models that the schema does not describe, with the keywords of their ``build`` as keys."""
    described = models["properties"]["family"]["enum"]
    for family in sorted(set(FAMILIES) - set(described)):
        options = family_options(family)
        described.append(family)
        definitions[f"{family}_model"] = {
            "type": "object",
            "additionalProperties": False,
            "required": [key for key, needed in options.items() if needed],
            "properties": {key: {} for key in (*COMMON_KEYS, *options)},
        }
        selected = {"required": ["family"], "properties": {"family": {"const": family}}}
        models["allOf"].append({"if": selected, "then": {"$ref": f"#/$defs/{family}_model"}})


def duplicate_keys(file: str | Path) -> Iterator[str]:
    """Keys that stand twice in one mapping of a YAML file, which YAML loaders pass over in silence."""
    text = Path(file).read_text(encoding="utf-8")

    def walk(node: yaml.Node | None, path: tuple[str, ...]) -> Iterator[str]:
        if isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key, value in node.value:
                here = (*path, str(key.value))
                if key.value in seen:
                    yield f"{file}, line {key.start_mark.line + 1}: the key {_dotted(here)} stands twice"
                seen.add(key.value)
                yield from walk(value, here)
        elif isinstance(node, yaml.SequenceNode):
            for number, item in enumerate(node.value):
                yield from walk(item, (*path, str(number)))

    yield from walk(yaml.compose(text), ())


def describe(error: ValidationError) -> Iterator[str]:
    """What a validation error means to the person who wrote the key."""
    where, expected = tuple(error.absolute_path), error.validator_value
    match error.validator:
        case "additionalProperties" if expected is False:
            known = list(error.schema.get("properties", {}))
            for key in sorted(set(error.instance) - set(known), key=str):
                yield f"{_dotted((*where, key))}: unknown key{suggest(str(key), known)}"
        case "required":
            for key in [key for key in expected if key not in error.instance]:
                yield f"{_dotted((*where, key))}: is missing"
        case "enum":
            near = suggest(str(error.instance), expected)
            yield f"{_dotted(where)}: {error.instance!r} is not one of its values{near}"
        case "type":
            kinds = " or ".join([expected] if isinstance(expected, str) else expected)
            yield f"{_dotted(where)}: should be of type {kinds}, but is {error.instance!r}"
        case "minItems" | "minProperties":
            yield f"{_dotted(where)}: is empty; name at least {expected}"
        case "uniqueItems":
            yield f"{_dotted(where)}: names something twice: {error.instance}"
        case "propertyNames" | "pattern":
            yield f"{_dotted(where)}: the name {error.instance!r} may hold letters, digits, '.', '_' and '-' only"
        case _:
            yield f"{_dotted(where)}: {error.message}"


def suggest(name: str, known: Iterable[Any]) -> str:
    """The nearest valid name, or all of them where none is near."""
    known = [str(value) for value in known]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(sorted(known)) or 'none'}"


def with_defaults(root: Schema, schema: Schema, value: Any) -> Any:
    """``value`` with the defaults of ``schema`` where it says nothing; ``root`` resolves references."""
    if "$ref" in schema:
        return with_defaults(root, root["$defs"][schema["$ref"].rsplit("/", 1)[1]], value)
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        return [with_defaults(root, schema["items"], item) for item in value]
    if not isinstance(value, dict):
        return value
    value = dict(value)
    properties = schema.get("properties", {})
    for key, part in properties.items():
        if key not in value and "default" in part:
            value[key] = copy.deepcopy(part["default"])
        if key in value:
            value[key] = with_defaults(root, part, value[key])
    others = schema.get("additionalProperties")
    if isinstance(others, dict):
        value |= {key: with_defaults(root, others, value[key]) for key in value if key not in properties}
    for branch in schema.get("allOf", []):
        if Draft202012Validator(branch.get("if", {})).is_valid(value):
            value = with_defaults(root, branch.get("then", branch), value)
    return value


def inconsistencies(config: Config, library: Config) -> Iterator[str]:
    """What is well-formed but cannot work: names that the library lacks, settings that do not fit each other.

    Args:
        config: the configuration as given, for the names that stand in it.
        library: its entries that are well-formed.
    """
    names = {part: list(config[part]) if isinstance(config.get(part), dict) else [] for part in LIBRARY}
    for part in LIBRARY:
        for name in names[part]:
            if not NAME.fullmatch(str(name)):
                yield f"{part}.{name}: a name may hold letters, digits, '.', '_' and '-' only, as it names a folder"
    selected = config.get("benchmark") if isinstance(config.get("benchmark"), dict) else {}
    chosen = {
        part: selected.get(part) if isinstance(selected.get(part), list) else [] for part in ("datasets", "models")
    }
    for part in chosen:
        for name in chosen[part]:
            if name not in names[part]:
                yield f"benchmark.{part}: there is no {name!r}{suggest(str(name), names[part])}"
    used = {*chosen["datasets"], *predicting_datasets(library["predict"])}
    for name, view in library["datasets"].items():
        if view["source"] not in names["sources"]:
            yield f"datasets.{name}.source: there is no {view['source']!r}{suggest(view['source'], names['sources'])}"
        elif name in used and view["source"] in library["sources"]:
            yield from source_problems(f"sources.{view['source']}", library["sources"][view["source"]])
        yield from view_problems(f"datasets.{name}", view)
    yield from _augmentation_problems(library, names["augmentations"], list(used))
    for name, front_end in library["features"].items():
        yield from feature_problems(f"features.{name}", front_end, front_end.get("sample_rate"))
    for name, recipe in library["models"].items():
        yield from training_problems(f"models.{name}.training", recipe["training"])
        if (wanted := recipe["features"]) not in names["features"]:
            yield f"models.{name}.features: there is no {wanted!r}{suggest(wanted, names['features'])}"
        elif wanted in library["features"]:
            yield from _online_problems(f"models.{name}.training.augment", recipe, library["features"][wanted])
    yield from use_problems(config, library, suggest)
    yield from model_problems(config, library, chosen)
    yield from embedding_problems(config, library, chosen)
    for name, entry in library["references"].items():
        for dataset in entry["datasets"]:
            if dataset not in names["datasets"]:
                yield f"references.{name}.datasets: there is no {dataset!r}{suggest(dataset, names['datasets'])}"
    for name, entry in library["predict"].items():
        yield from prediction_problems(f"predict.{name}", entry, names, library["datasets"], suggest)


def _augmentation_problems(library: Config, variants: list[str], chosen: list[str]) -> Iterator[str]:
    """What is wrong with the library's variants, and with how views use them."""
    views = library["datasets"]
    used = {name for view in chosen if view in views for name in variant_names(views[view]["augment"])}
    for name, variant in library["augmentations"].items():
        if name == ORIGINAL:
            yield f"augmentations.{name}: this name is the untouched clip's"
        yield from variant_problems(f"augmentations.{name}", variant, name in used)
    for name, view in views.items():
        for number, rule in enumerate(view["augment"]):
            where = f"datasets.{name}.augment.{number}"
            for variant in rule["variants"]:
                if variant not in variants:
                    yield f"{where}.variants: there is no {variant!r}{suggest(variant, variants)}"
            if rule["balance"] and rule["copies"] is not None:
                yield f"{where}.copies: balance decides how many; give one or the other"


def _online_problems(where: str, recipe: Config, front_end: Config) -> Iterator[str]:
    gain = recipe["training"]["augment"].get("gain")
    if gain is not None and values_per_decibel(front_end) is None:
        yield (
            f"{where}.gain: {recipe['features']} gives no plain logarithm of power, so that a gain in dB is not a sum "
            "there; it works with scale db or log, and not with normalise clip"
        )


def _dotted(path: Iterable[Any]) -> str:
    return ".".join(map(str, path)) or "the configuration"
