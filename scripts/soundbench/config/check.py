"""The configuration: the library, the overlay of a study, and a check of both before any job starts.

The schemas in ``config/schemas`` define keys, values and defaults (:mod:`soundbench.core.schema`). Checks that a schema
cannot express are in :mod:`soundbench.config.checks`. All problems are collected, each with the path of its key and
the most similar valid name.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from soundbench.config.checks import LIBRARY, configuration_problems
from soundbench.config.task_checks import fill_values
from soundbench.config.tuning_checks import tuning_problems
from soundbench.core.errors import InputError
from soundbench.core.schema import FastLoader, KeyPath, dotted, schema_problems, with_defaults
from soundbench.data.names import normalised
from soundbench.data.training_sizes import split_sizes
from soundbench.models.ensembles import split_ensembles
from soundbench.models.schema import load_schema
from soundbench.models.tuning import split_trials

Config = dict[str, Any]

FILES = ("datasets", "augmentations", "features", "models", "references", "config")


def read_configuration(
    folder: str | Path, overlay: Config, arguments: Config | None = None, files: Iterable[str | Path] = ()
) -> Config:
    """The configuration of a study: the library, changed by an overlay, checked and with all defaults.

    Args:
        folder: the folder of the library, with a YAML file for each of :data:`FILES`.
        overlay: the configuration of the study, as Snakemake merged it from ``--configfile`` and ``--config``.
        arguments: the part of it from ``--config``, in which Snakemake reads every nested number as text.
        files: the YAML files of the overlay.

    Raises:
        InputError: naming all problems.
    """
    library = [Path(folder) / f"{name}.yaml" for name in FILES]
    config = merged_configuration(read_library(folder), overlay, arguments)
    if isinstance(folders := config.get("pathvars"), dict):
        config["pathvars"] = {name: _in_home(folder) for name, folder in folders.items()}
    return _divided(check_configuration(config, [*library, *files]))


def finished_configuration(folder: str | Path, overlay: Config) -> Config:
    """The configuration of a study that was checked when it ran; its recordings may have been moved since.

    Args:
        folder, overlay: see :func:`read_configuration`.
    """
    return _divided(_complete(lay_over(read_library(folder), overlay)))


def _complete(config: Config) -> Config:
    """``config`` with the defaults of the schemas; labels get the Unicode form that clips have."""
    schema = load_schema()
    return fill_values(with_defaults(schema, schema, config | {"datasets": normalised(config.get("datasets"))}))


def _divided(config: Config) -> Config:
    """A complete configuration in which trials, ensembles and sizes of training parts are entries of their own."""
    return split_sizes(split_ensembles(split_trials(config)))


def read_library(folder: str | Path) -> Config:
    """The library as it is written, without the schemas' defaults."""
    config: Config = {}
    for name in FILES:
        config = lay_over(config, read_yaml(Path(folder) / f"{name}.yaml"))
    return config


def merged_configuration(library: Config, overlay: Config, arguments: Config | None) -> Config:
    """The library with an overlay laid over it; see :func:`read_configuration`."""
    config = lay_over(library, overlay)
    return read_numbers(config, arguments) if arguments else config


def _in_home(folder: Any) -> Any:
    """A folder with the home directory instead of ``~``, which Snakemake would take as a name; unchanged if there is no
    home directory."""
    try:
        return str(Path(folder).expanduser()) if isinstance(folder, str) and folder.startswith("~") else folder
    except RuntimeError:
        return folder


def read_yaml(file: Path) -> Config:
    """The mapping in a YAML file.

    Raises:
        InputError: it cannot be read, or is no mapping.
    """
    try:
        found = yaml.load(file.read_text(encoding="utf-8"), FastLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{file}: cannot be read as YAML ({error})") from error
    if not isinstance(found, dict):
        raise InputError(f"{file}: should hold a mapping")
    return found


def lay_over(base: Config, overlay: Mapping[str, Any]) -> Config:
    """``base`` changed by ``overlay``: mappings are merged, other values are replaced."""
    merged = dict(base)
    for key, value in overlay.items():
        below = merged.get(key)
        merged[key] = lay_over(below if isinstance(below, dict) else {}, value) if isinstance(value, Mapping) else value
    return merged


def read_numbers(config: Config, arguments: Config) -> Config:
    """``config`` with numbers instead of texts in ``arguments`` that are numbers, where the schema allows a number."""
    changed = {}
    for path, text in _texts(arguments):
        try:
            value = json.loads(text)
        except ValueError:
            continue
        if not isinstance(value, (dict, list)):
            changed[path] = value
    _, refused = schema_problems(load_schema(), _replaced(config, changed))
    numbers: Config = _replaced(config, {path: value for path, value in changed.items() if path not in refused})
    return numbers


def _texts(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, str]]:
    """The texts in nested mappings and lists, with their paths."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, (Mapping, list)):
        for key, part in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from _texts(part, (*path, key))


def _replaced(value: Any, changed: Mapping[KeyPath, Any], path: KeyPath = ()) -> Any:
    """A copy of nested mappings and lists with other values at some paths."""
    if isinstance(value, dict):
        return {key: _replaced(part, changed, (*path, key)) for key, part in value.items()}
    if isinstance(value, list):
        return [_replaced(part, changed, (*path, number)) for number, part in enumerate(value)]
    return changed.get(path, value)


def check_configuration(config: Config, files: Iterable[str | Path] = ()) -> Config:
    """Check ``config`` and return it with the defaults of the schemas.

    Args:
        config: the merged configuration.
        files: the YAML files that it was merged from, to find duplicate keys.

    Raises:
        InputError: naming all problems.
    """
    schema = load_schema()
    problems, paths = schema_problems(schema, config)
    problems += [problem for file in files for problem in duplicate_keys(file)]
    invalid = {path[:2] for path in paths}
    config = _complete(config)
    problems += configuration_problems(config, {part: _valid_entries(config, part, invalid) for part in LIBRARY})
    problems += [] if problems else tuning_problems(config, schema)
    if problems:
        raise InputError(sorted(set(problems)), "The configuration has problems; nothing was started:")
    return config


def _valid_entries(config: Config, part: str, invalid: set[KeyPath]) -> Config:
    if (part,) in invalid or not isinstance(config.get(part), dict):
        return {}
    return {name: entry for name, entry in config[part].items() if (part, name) not in invalid}


def duplicate_keys(file: str | Path) -> Iterator[str]:
    """The problems of duplicate keys in mappings of a YAML file, which YAML loaders accept silently."""
    text = Path(file).read_text(encoding="utf-8")

    def walk(node: yaml.Node | None, path: tuple[str, ...]) -> Iterator[str]:
        if isinstance(node, yaml.MappingNode):
            keys: set[str] = set()
            for key, value in node.value:
                key_path = (*path, str(key.value))
                if key.value in keys:
                    yield f"{file}, line {key.start_mark.line + 1}: duplicate key {dotted(key_path)}"
                keys.add(key.value)
                yield from walk(value, key_path)
        elif isinstance(node, yaml.SequenceNode):
            for number, item in enumerate(node.value):
                yield from walk(item, (*path, str(number)))

    yield from walk(yaml.compose(text, FastLoader), ())
