"""The names that a study can use, with one line each: the command ``soundbench-list``."""

from __future__ import annotations

import argparse
import contextlib
import re
import signal
from collections.abc import Callable

import yaml

from soundbench.augment.batch_effects import BATCH_EFFECTS
from soundbench.augment.effects import EFFECTS
from soundbench.core.registry import Registry, first_sentence
from soundbench.core.schema import LIBRARY, FastLoader
from soundbench.data.readers import READERS
from soundbench.features.front_ends import FRONT_ENDS

Entries = dict[str, str]

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
    files = sorted((LIBRARY / "recipes").glob("*.yaml"))
    return {file.stem: first_sentence(file.read_text(encoding="utf-8").removeprefix("# ")) for file in files}


def summaries(registry: Registry) -> Entries:
    """The extensions of one kind, each with the first sentence of its module."""
    return {name: registry.summary(name) for name in registry.names}


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


def listing(parts: list[str]) -> str:
    """One block per part: its name, then one line per entry."""
    blocks = []
    for part in parts:
        entries = PARTS[part]()
        width = max(map(len, entries))
        lines = [f"  {name:{width}}  {text}".rstrip() for name, text in entries.items()]
        blocks.append("\n".join([part, *lines]))
    return "\n\n".join(blocks)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="List the names that a study can use, with one line each.")
    parser.add_argument("parts", metavar="PART", nargs="*", help=f"what to list (default: all): {', '.join(PARTS)}")
    options = parser.parse_args(arguments)
    if unknown := [part for part in options.parts if part not in PARTS]:
        parser.error(f"unknown: {', '.join(unknown)}; known: {', '.join(PARTS)}")
    with contextlib.suppress(AttributeError, ValueError):  # not on Windows, not outside the main thread
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    print(listing(options.parts or list(PARTS)))
    return 0
