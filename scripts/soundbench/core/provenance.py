"""The provenance of results: packages, hardware and code."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

from soundbench.core.errors import InputError
from soundbench.core.schema import INSTALLED, LIBRARY

# The paths at which Snakemake finds a Snakefile without being given its name.
DEFAULT_SNAKEFILES = ("Snakefile", "snakefile", "workflow/Snakefile", "workflow/snakefile")
AUDIO = ("soundfile", "soxr")  # the packages that read and resample the clips of every study
PACKAGES = (*AUDIO, "numpy", "pandas", "scipy", "librosa", "torch", "timm", "transformers", "safetensors", "snakemake")


def versions(always: Sequence[str] = ()) -> dict[str, str]:
    """The versions of Python, of the :data:`PACKAGES` that this process has imported, and of those in ``always``."""
    names = [name for name in PACKAGES if name in sys.modules or name in always]
    return {"python": platform.python_version()} | {name: _version(name) for name in names}


def _version(name: str) -> str:
    """The ``__version__`` of a package, which for torch includes the build, or the version in its metadata."""
    return str(getattr(sys.modules.get(name), "__version__", None) or importlib.metadata.version(name))


def processor() -> str:
    """The name of the processor, or its architecture if the system does not state the name."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def host() -> dict[str, str]:
    """The machine that this job runs on."""
    return {"system": platform.system(), "processor": processor(), "cores": str(len(os.sched_getaffinity(0)))}


def check_installed_version(project: str | Path) -> None:
    """Check that the installed package has the version of the workflow that uses it.

    Args:
        project: the ``pyproject.toml`` of the workflow.

    Raises:
        InputError: it has another version.
    """
    wanted = tomllib.loads(Path(project).read_text(encoding="utf-8"))["project"]["version"]
    found = importlib.metadata.version("soundbench")
    if found != wanted:
        raise InputError(f"soundbench {found} is installed, but this workflow needs version {wanted}")


def study_arguments(snakefile: str, configfiles: Sequence[Path], config: Sequence[str]) -> str:
    """The arguments with which ``snakemake`` runs this study again from the current folder, quoted for a shell.

    Args:
        snakefile, configfiles: absolute paths; those below the current folder are given relative to it.
        config: ``KEY=VALUE`` of ``--config``.
    """
    arguments = []
    if _short_path(snakefile) not in DEFAULT_SNAKEFILES:
        arguments += ["--snakefile", _short_path(snakefile)]
    if configfiles:
        arguments += ["--configfile", *map(_short_path, configfiles)]
    if config:
        arguments += ["--config", *config]
    return shlex.join(arguments)


def _short_path(path: str | Path) -> str:
    return str(Path(path).relative_to(Path.cwd()) if Path(path).is_relative_to(Path.cwd()) else path)


def revision() -> str:
    """The git commit of the package, with ``-dirty`` if files differ from it; the version of an installed package;
    ``unknown`` if there is neither."""
    if INSTALLED:
        return importlib.metadata.version("soundbench")
    command = ["git", "-C", str(LIBRARY), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
