"""The package installs without the workflow: its metadata, its commands and the files that it needs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from email import message_from_string
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from helpers.untrained import LABELS, TINY_INPUT, write_model, write_sound
from helpers.workflow import REPOSITORY
from tools.write_environments import OPTIONAL, imported_packages, locked

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]


def test_dependencies_are_what_the_package_imports() -> None:
    """In ranges that hold the tested versions."""
    ranges = [Requirement(line) for line in PROJECT["dependencies"]]
    imported = imported_packages(set((REPOSITORY / "scripts" / "soundbench").rglob("*.py")))
    assert {canonicalize_name(requirement.name) for requirement in ranges} == imported - {"snakemake"}
    workflow = [Requirement(line) for line in PROJECT["optional-dependencies"]["workflow"]]
    for requirement in (*ranges, *workflow):
        pin = next(iter(locked()[canonicalize_name(requirement.name)].specifier))
        assert requirement.specifier.contains(pin.version), requirement


def test_cpu_installation_leaves_out_what_is_for_gpus(tmp_path: Path) -> None:
    """Without a network: what `make CPU=1` would run, and which part of the lock it would install."""
    (tmp_path / ".venv").mkdir()
    for name in ("Makefile", "requirements.lock"):
        shutil.copy(REPOSITORY / name, tmp_path)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    command = ["make", "--dry-run", "CPU=1", ".venv/installed"]
    planned = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stdout
    assert "--torch-backend cpu $(grep" in planned
    (selection,) = (line for line in planned.splitlines() if line.startswith("awk"))
    subprocess.run(["sh", "-c", selection], cwd=tmp_path, check=True)
    kept = (tmp_path / ".venv" / "cpu.lock").read_text()
    names = set(re.findall(r"^([a-z0-9._-]+)==", kept, re.MULTILINE))
    left_out = locked().keys() - names
    assert {"torch", "torchaudio", "torchvision", "triton", "nvidia-cudnn-cu13", "cuda-toolkit"} <= left_out
    assert all(re.match("torch|triton|nvidia-|cuda-", name) for name in left_out)
    assert len(re.findall(r"^[a-z]", kept, re.MULTILINE)) == len(re.split(r"--hash=.*\n(?! )", kept)) - 1


def test_optional_packages_are_extras() -> None:
    extras = PROJECT["optional-dependencies"]
    assert {Requirement(line).name for part in ("datasets", "crate") for line in extras[part]} == OPTIONAL


def test_citation_has_the_version() -> None:
    assert yaml.safe_load((REPOSITORY / "CITATION.cff").read_text())["version"] == PROJECT["version"]


def run_command(installed: Path, command: str, *arguments: str | Path) -> str:
    """What a console script of the installed package writes to standard output."""
    module, function = PROJECT["scripts"][command].split(":")
    code = f"import sys; from {module} import {function}; sys.exit({function}())"
    environment = os.environ | {"PYTHONPATH": str(installed)}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=installed, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_metadata_has_the_readme_and_the_licence(installed: Path) -> None:
    (folder,) = installed.glob("soundbench-*.dist-info")
    metadata = message_from_string((folder / "METADATA").read_text())
    assert (metadata["Name"], metadata["Version"]) == ("soundbench", PROJECT["version"])
    assert metadata["License-Expression"] == "MIT"
    assert metadata["Requires-Python"] == ">=3.11"
    assert "Snakemake" in metadata.get_payload()
    assert set(PROJECT["scripts"]) == {"soundbench-predict", "soundbench-list", "soundbench-new", "soundbench-crate"}


@pytest.mark.slow
def test_the_package_brings_what_its_modules_read(installed: Path) -> None:
    def files(folder: Path) -> set[Path]:
        return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"}

    own = files(REPOSITORY / "scripts" / "soundbench")
    assert own <= files(installed / "soundbench")
    assert any(path.parent.name == "templates" for path in own)
    assert files(REPOSITORY / "config" / "schemas") == files(installed / "soundbench" / "library" / "schemas")


@pytest.mark.slow
def test_an_installed_package_lists_the_library(installed: Path) -> None:
    parts = ("sources", "datasets", "features", "augmentations", "models", "recipes")
    assert run_command(installed, "soundbench-list", *parts) == run_command(
        REPOSITORY / "scripts", "soundbench-list", *parts
    )


@pytest.mark.slow
def test_an_installed_package_predicts(installed: Path, tmp_path: Path) -> None:
    model = write_model(tmp_path / "model", LABELS, shape=TINY_INPUT["shape"], models=TINY_INPUT["models"])
    write_sound(tmp_path / "dog.wav", 1.0)
    header, row = run_command(installed, "soundbench-predict", model, tmp_path / "dog.wav").splitlines()
    assert "label" in header
    assert "dog.wav" in row


@pytest.mark.slow
def test_inference_needs_no_snakemake(installed: Path) -> None:
    """Nor do exports, lists and new studies: no module that they import loads Snakemake."""
    code = (
        "import pkgutil, sys; sys.modules['snakemake'] = None; from importlib import import_module; import soundbench; "
        "[import_module(found.name) for package in ('inference', 'export', 'config') for found in "
        "pkgutil.iter_modules(import_module(f'soundbench.{package}').__path__, f'soundbench.{package}.')]; "
        "assert not [name for name in sys.modules if name.startswith('snakemake') and sys.modules[name]]"
    )
    environment = os.environ | {"PYTHONPATH": str(installed)}
    done = subprocess.run([sys.executable, "-c", code], cwd=installed, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
