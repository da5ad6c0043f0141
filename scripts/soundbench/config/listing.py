"""The names that a study can use, with one line each: the command ``soundbench-list``."""

from __future__ import annotations

import argparse
import contextlib
import re
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from soundbench.augment.batch_effects import BATCH_EFFECTS
from soundbench.augment.effects import EFFECTS
from soundbench.config.check import lay_over, read_yaml
from soundbench.core.errors import InputError
from soundbench.core.registry import Registry, first_sentence
from soundbench.core.schema import LIBRARY, FastLoader, as_mapping
from soundbench.data.readers import READERS
from soundbench.features.front_ends import FRONT_ENDS

Entries = dict[str, str]

DESCRIPTION = """\
List the names that a study can use, with one line each.

Beside sources and data sets stands where the recordings are:
  here        at `root`, or fetched into the folder of downloads below the current folder
  not there   `root` names a folder that does not exist
  is fetched  by the first study that uses them
  is made     by the first study that uses them, without a network
  needs root  name the folder of the recordings in a study"""

ENTRY = re.compile(r"  (\S+):(?: .*?)??(?:  ?# (.*))?")  # "  NAME: ...  # what it is"


def library_entries(file: str, section: str) -> Entries:
    """The entries of a section of a library file, each with the comment on its first line, "" without one."""
    text = (LIBRARY / file).read_text(encoding="utf-8")
    names = yaml.load(text, FastLoader)[section]
    body = text.partition(f"{section}:\n")[2]
    lines = re.split(r"^\S.*:$", body, flags=re.M)[0].splitlines()
    found = {match[1]: match[2] or "" for line in lines if (match := ENTRY.fullmatch(line))}
    return {name: found.get(name, "") for name in names}


def recipe_entries() -> Entries:
    """The recipes, each with the question that its first sentence asks."""
    texts = {file.stem: file.read_text(encoding="utf-8") for file in sorted((LIBRARY / "recipes").glob("*.yaml"))}
    return {name: first_sentence(re.sub(r"^# ", "", text, flags=re.M)) for name, text in texts.items()}


def summaries(registry: Registry) -> Entries:
    """The extensions of one kind, each with the first sentence of its module."""
    return {name: registry.summary(name) for name in registry.names}


def availability(name: str, source: dict[str, Any], resources: Path) -> str:
    """Where the recordings of a source are.

    Args:
        resources: the folder of what the workflow has fetched.
    """
    root = source.get("root")
    if root:
        return "here" if Path(root).expanduser().exists() else "not there"
    if (resources / name / "fetched.json").exists():
        return "here"
    if source.get("url"):
        return "is fetched"
    return "is made" if READERS.defines(source["reader"], "fetch") else "needs root"


PARTS: dict[str, Callable[[], Entries]] = {
    "readers": lambda: summaries(READERS),
    "sources": lambda: library_entries("datasets.yaml", "sources"),
    "datasets": lambda: library_entries("datasets.yaml", "datasets"),
    "features": lambda: library_entries("features.yaml", "features"),
    "front-ends": lambda: summaries(FRONT_ENDS),
    "augmentations": lambda: library_entries("augmentations.yaml", "augmentations"),
    "effects": lambda: summaries(EFFECTS),
    "batch-effects": lambda: summaries(BATCH_EFFECTS),
    "models": lambda: library_entries("models.yaml", "models"),
    "recipes": recipe_entries,
}


def availabilities(files: Sequence[Path]) -> dict[str, Entries]:
    """Where the recordings are, for each entry of ``sources`` and ``datasets``.

    Args:
        files: overlays of a study, laid over the library.
    """
    config = read_yaml(LIBRARY / "datasets.yaml")
    for file in files:
        config = lay_over(config, read_yaml(file))
    folders = as_mapping(config.get("pathvars"))
    resources = Path(folders.get("resources", "results/sources")).expanduser()
    sources = {name: availability(name, source, resources) for name, source in config["sources"].items()}
    datasets = {name: sources.get(view.get("source"), "no source") for name, view in config["datasets"].items()}
    return {"sources": sources, "datasets": datasets}


def listing(parts: list[str], files: Sequence[Path] = ()) -> str:
    """One block per part: its name, then one line per entry."""
    where = availabilities(files)
    blocks = []
    for part in parts:
        entries = PARTS[part]()
        if states := where.get(part):
            column = max(map(len, states.values()))
            entries = {name: f"{state:{column}}  {entries.get(name, '')}" for name, state in states.items()}
        width = max(map(len, entries))
        lines = [f"  {name:{width}}  {text}".rstrip() for name, text in entries.items()]
        blocks.append("\n".join([part, *lines]))
    return "\n\n".join(blocks)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", metavar="PART", nargs="*", help=f"what to list (default: all): {', '.join(PARTS)}")
    overlays = "overlays of a study, with the folders of your recordings"
    parser.add_argument("--configfile", metavar="FILE", nargs="+", type=Path, default=[], help=overlays)
    options = parser.parse_args(arguments)
    if unknown := [part for part in options.parts if part not in PARTS]:
        parser.error(f"unknown: {', '.join(unknown)}; known: {', '.join(PARTS)}")
    with contextlib.suppress(AttributeError, ValueError):  # not on Windows, not outside the main thread
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        print(listing(options.parts or list(PARTS), options.configfile))
    except InputError as error:
        parser.error(str(error))
    return 0
