"""The configuration: the library, what is laid over it, and a check of the whole before any job starts.

The schemas in ``config/schemas`` say what may stand where, and the defaults (:mod:`soundbench.core.schema`). What a
schema cannot say is checked in :mod:`soundbench.config.library`. All problems are collected, each with the path of its
key and the nearest valid name.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from soundbench.config.library import LIBRARY, inconsistencies
from soundbench.core.errors import InputError
from soundbench.core.schema import FastLoader, KeyPath, dotted, schema_problems, with_defaults
from soundbench.data.names import normalised
from soundbench.models.schema import load_schema

Config = dict[str, Any]

FILES = ("datasets", "augmentations", "features", "models", "references", "config")


def read_configuration(
    folder: str | Path, overlay: Config, arguments: Config | None = None, files: Iterable[str | Path] = ()
) -> Config:
    """The configuration of a study: the library, with an overlay laid over it, checked and with every default.

    Args:
        folder: holds the library, a YAML file for each of :data:`FILES`.
        overlay: what the study says, as Snakemake merged it from ``--configfile`` and ``--config``.
        arguments: the part of it that came by ``--config``, where Snakemake reads every nested number as text.
        files: the YAML files of the overlay.

    Raises:
        InputError: with every problem found.
    """
    library = [Path(folder) / f"{name}.yaml" for name in FILES]
    config = merged_configuration(read_library(folder), overlay, arguments)
    if isinstance(folders := config.get("pathvars"), dict):
        config["pathvars"] = {name: _in_home(folder) for name, folder in folders.items()}
    return check_configuration(config, [*library, *files])


def read_library(folder: str | Path) -> Config:
    """The library as it is written, without the schemas' defaults."""
    config: Config = {}
    for name in FILES:
        config = lay_over(config, _read_yaml(Path(folder) / f"{name}.yaml"))
    return config


def merged_configuration(library: Config, overlay: Config, arguments: Config | None) -> Config:
    """The library with an overlay laid over it; see :func:`read_configuration`."""
    config = lay_over(library, overlay)
    return read_numbers(config, arguments) if arguments else config


def _in_home(folder: Any) -> Any:
    """A folder with the home directory for ``~``, which Snakemake would take for a name; unchanged without a home."""
    try:
        return str(Path(folder).expanduser()) if isinstance(folder, str) and folder.startswith("~") else folder
    except RuntimeError:
        return folder


def _read_yaml(file: Path) -> Config:
    try:
        found = yaml.load(file.read_text(encoding="utf-8"), FastLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{file}: cannot be read as YAML ({error})") from error
    if not isinstance(found, dict):
        raise InputError(f"{file}: should hold a mapping")
    return found


def lay_over(base: Config, overlay: Mapping[str, Any]) -> Config:
    """``base`` with ``overlay`` laid over it: mappings are merged, everything else is replaced."""
    merged = dict(base)
    for key, value in overlay.items():
        below = merged.get(key)
        merged[key] = lay_over(below if isinstance(below, dict) else {}, value) if isinstance(value, Mapping) else value
    return merged


def read_numbers(config: Config, arguments: Config) -> Config:
    """``config`` with numbers for those texts of ``arguments`` that are numbers, wherever a number may stand."""
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
    """Return ``config`` with the schemas' defaults filled in.

    Args:
        config: the merged configuration.
        files: the YAML files that it was merged from, to find keys that stand twice in one mapping.

    Raises:
        InputError: with every problem found.
    """
    schema = load_schema()
    problems, paths = schema_problems(schema, config)
    problems += [problem for file in files for problem in duplicate_keys(file)]
    unfit = {path[:2] for path in paths}
    # Labels in the form in which clips have them.
    config = with_defaults(schema, schema, config | {"datasets": normalised(config.get("datasets"))})
    problems += inconsistencies(config, {part: _fit_entries(config, part, unfit) for part in LIBRARY})
    if problems:
        raise InputError(sorted(set(problems)), "The configuration has problems; nothing was started:")
    return config


def _fit_entries(config: Config, part: str, unfit: set[KeyPath]) -> Config:
    if (part,) in unfit or not isinstance(config.get(part), dict):
        return {}
    return {name: entry for name, entry in config[part].items() if (part, name) not in unfit}


def duplicate_keys(file: str | Path) -> Iterator[str]:
    """Keys that stand twice in one mapping of a YAML file, which YAML loaders pass over in silence."""
    text = Path(file).read_text(encoding="utf-8")

    def walk(node: yaml.Node | None, path: tuple[str, ...]) -> Iterator[str]:
        if isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key, value in node.value:
                here = (*path, str(key.value))
                if key.value in seen:
                    yield f"{file}, line {key.start_mark.line + 1}: the key {dotted(here)} stands twice"
                seen.add(key.value)
                yield from walk(value, here)
        elif isinstance(node, yaml.SequenceNode):
            for number, item in enumerate(node.value):
                yield from walk(item, (*path, str(number)))

    yield from walk(yaml.compose(text, FastLoader), ())
