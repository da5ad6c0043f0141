"""A stand-in for conda, which is not here: it makes plain virtual environments of what is installed beside the tests.

An environment holds links to the distributions that its file pins, and no others, but for those that the variable
``STANDIN_CONDA_ALSO`` names. Snakemake appends its own packages to the path of every script, where a package that the
file lacks would be found; here only Snakemake itself is found there.
With the variable ``STANDIN_CONDA_OWNER``, each environment has a process that has imported its packages (see
:mod:`helpers.preloaded`), which ends with the process of that number.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import venv
from argparse import ArgumentParser
from functools import cache
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Any

import yaml
from packaging.requirements import Requirement

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from helpers import preloaded

ANSWERS: dict[str, dict[str, Any]] = {
    "info": {"platform": "linux-64"},
    "config": {"get": {"channel_priority": "strict"}},
    "clean": {},
}
SNAKEMAKE_ALONE = """
import os, sys
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, SourceFileLoader

class SnakemakeAlone(FileFinder):
    def find_spec(self, name, target=None):
        return super().find_spec(name, target) if name.startswith("snakemake") else None

def hook(folder):
    if os.path.realpath(folder) != {packages!r}:
        raise ImportError
    return SnakemakeAlone(folder, (SourceFileLoader, SOURCE_SUFFIXES))

sys.path_hooks.insert(0, hook)
"""


def install(folder: Path) -> Path:
    """Write the commands ``conda`` and ``activate`` into ``folder/bin``, and return that."""
    commands = folder / "bin"
    commands.mkdir(parents=True)
    command = f'exec "{sys.executable}" "{__file__}" --prefix-of-conda "{folder}" "$@"'
    (commands / "conda").write_text(f"#!/bin/sh\n{command}\n")
    (commands / "conda").chmod(0o755)
    (commands / "activate").write_text('export PATH="$1/bin:$PATH"\n')
    return commands


def create_environment(file: Path, prefix: Path) -> Path:
    """Make the environment of a file, and return its Python."""
    venv.create(prefix, symlinks=True)
    (packages,) = prefix.glob("lib/python*/site-packages")
    entries = yaml.safe_load(file.read_text())["dependencies"]
    pins = [Requirement(line) for entry in entries if isinstance(entry, dict) for line in entry["pip"]]
    pinned = {pin.name for pin in pins if pin.marker is None or pin.marker.evaluate()}
    for name in pinned | set(os.environ.get("STANDIN_CONDA_ALSO", "").split()):
        _link(distribution(name), packages)
    own = Path(yaml.__file__).resolve().parents[1]
    (packages / "snakemake_alone.py").write_text(SNAKEMAKE_ALONE.format(packages=str(own)))
    (packages / "snakemake_alone.pth").write_text("import snakemake_alone\n")
    if owner := os.environ.get("STANDIN_CONDA_OWNER"):
        _preload(prefix, int(owner))
    return prefix / "bin" / "python"


def _preload(prefix: Path, owner: int) -> None:
    """Let the environment's ``python`` fork processes from one that has imported the environment's packages."""
    names = [prefix / "bin" / name for name in ("python", "interpreter")]
    names[1].symlink_to(names[0].resolve())  # what Python finds pyvenv.cfg by is this link
    server = Path(tempfile.mkdtemp(), "preloaded")  # the path of a socket must be short
    preloaded.start(server, owner, str(names[1]))
    names[0].unlink()
    names[0].symlink_to(server / "python")


def _link(found: Distribution, packages: Path) -> None:
    """Link a distribution's packages and modules; of folders that several distributions share, its files."""
    parts = {
        Path(file.parts[0]) if _is_unshared(Path(str(found.locate_file(file.parts[0])))) else Path(*file.parts)
        for file in found.files or []
        if file.parts[0] not in ("..", "__pycache__")
    }
    for folder in {packages / part.parent for part in parts}:
        folder.mkdir(parents=True, exist_ok=True)
    for part in parts:
        (packages / part).symlink_to(str(found.locate_file(part)))


@cache
def _is_unshared(folder: Path) -> bool:
    return (folder / "__init__.py").exists() or folder.suffix == ".dist-info"


if __name__ == "__main__":
    parser = ArgumentParser()
    parser.add_argument("--prefix-of-conda")
    parser.add_argument("--version", action="version", version="conda 99.0.0")
    parser.add_argument("words", nargs="*")
    parser.add_argument("--file", type=Path)
    parser.add_argument("--prefix", type=Path)
    asked, _ = parser.parse_known_args()
    if asked.words == ["env", "create"]:
        create_environment(asked.file, asked.prefix)
    else:
        print(json.dumps(ANSWERS[asked.words[0]] | {"conda_prefix": asked.prefix_of_conda}))
