"""Write envs/*.yaml: what the scripts of an environment's rules import, and all that this needs, pinned as in
requirements.lock. Run after a change of imports, of a rule's environment or of the lock."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).resolve().parents[2]
SCRIPTS = REPOSITORY / "scripts"
sys.path.insert(0, str(SCRIPTS))

from soundbench.core.code_digest import PACKAGE, imported_names, module_file, modules_of  # noqa: E402
from soundbench.data.readers import READERS  # noqa: E402

PURPOSES = {
    "data": "Reading, checking and splitting recordings.",
    "export": "Exporting models for others.",
    "features": "From recordings to features.",
    "reporting": "Tables, figures and pages.",
    "training": "Training and evaluating models.",
}
HEAD = """\
# {purpose} Written by tests/tools/write_environments.py.
# What the rules' scripts import, with all that this needs, as requirements.lock pins it; wheels, because torch's
# matched set exists as such.
channels: [conda-forge, nodefaults]
dependencies:
  - python=3.11
  - pip
  - pip:
"""
# The packages with modules that a script imports by a computed name, by what the rule says to name them.
COMPUTED = {
    "reader_module": "data.readers",
    "FRONT_ENDS": "features.front_ends",
    "front_end_modules": "features.front_ends",
    "effect_modules": "augment.effects",
    "model_modules": "models.families features.front_ends",
    "training.modules": "models.families features.front_ends augment.batch_effects",
    "robustness.modules": "features.front_ends augment.effects",
    "family_module": "models.families",
    "embedding_family": "models.families",
    "FAMILIES": "models.families",
    "FIGURE_MODULES": "report.figures",
    "SECTION_MODULES": "report.sections",
}
# What these modules, named anywhere in a file, import in turn although their package does not require it.
UNREQUIRED = {"torch.onnx": "onnxscript", "torch.utils.tensorboard": "tensorboard"}
# What a reader or soundbench-crate imports that is not installed with the workflow.
OPTIONAL = {"rocrate", *(package for name in READERS.names for package in READERS.constant(name, "NEEDS", ()))}
# The platforms that the environments are for, as far as they differ from the one that this runs on.
PLATFORMS = (
    {"sys_platform": "linux", "platform_system": "Linux"},
    {"sys_platform": "darwin", "platform_system": "Darwin"},
)


def locked() -> dict[str, Requirement]:
    """The pins of requirements.lock by name, without their hashes."""
    lines = re.findall(r"^[a-z0-9][^\\\n]*", (REPOSITORY / "requirements.lock").read_text(), re.M)
    return {requirement.name: requirement for requirement in map(Requirement, lines)}


def scripts_of_environments() -> dict[str, list[tuple[str, list[str]]]]:
    """Of each environment the scripts that run in it, each with the modules that it imports by a computed name."""
    found: dict[str, list[tuple[str, list[str]]]] = {}
    for file in sorted((REPOSITORY / "rules").glob("*.smk")):
        for rule in re.split(r"^(?:use )?rule ", file.read_text(), flags=re.M)[1:]:
            environment, script = (re.search(part, rule) for part in (r'environment\("(\w+)"\)', r"\.\./scripts/(\w+)"))
            if environment and script:
                packages = {package for word, named in COMPUTED.items() if word in rule for package in named.split()}
                modules = [
                    f"{PACKAGE}.{package}.{path.stem}"
                    for package in sorted(packages)
                    for path in sorted((SCRIPTS / PACKAGE / package.replace(".", "/")).glob("[a-z]*.py"))
                ]
                found.setdefault(environment[1], []).append((script[1], modules))
    return found


def imported_packages(files: set[Path]) -> set[str]:
    """The installed packages that files import, and those that what they import needs without requiring it; not
    those that are optional."""
    names = {name for file in files for name in imported_names(file)}
    providers = _providers()
    found = {canonicalize_name(provider) for name in names for provider in providers.get(name.partition(".")[0], [])}
    texts = [file.read_text() for file in files]
    return (found - OPTIONAL) | {part for module, part in UNREQUIRED.items() if any(module in text for text in texts)}


def files_of(script: str, modules: list[str]) -> set[Path]:
    """The files of a script and of all modules of the package that it imports."""
    return {SCRIPTS / f"{script}.py"} | {file for name in modules_of(script, *modules) if (file := module_file(name))}


@cache
def _providers() -> Mapping[str, list[str]]:
    return packages_distributions()


@cache
def _required(package: str, extra: str) -> list[Requirement]:
    try:
        listed = [Requirement(line) for line in requires(package) or []]
    except PackageNotFoundError:  # of another platform; it is in the lock all the same
        return []
    return [
        requirement
        for requirement in listed
        if requirement.marker is None or any(requirement.marker.evaluate(p | {"extra": extra}) for p in PLATFORMS)
    ]


def with_requirements(packages: set[str]) -> set[str]:
    """The packages and all that they require, directly or not, by what is installed here."""
    found: set[tuple[str, str]] = set()
    waiting = {(package, "") for package in packages}
    while waiting:
        found.add(item := waiting.pop())
        waiting |= set(_wanted(*item)) - found
    return {package for package, _ in found}


def _wanted(package: str, extra: str) -> Iterator[tuple[str, str]]:
    for requirement in _required(package, extra):
        yield from ((canonicalize_name(requirement.name), part) for part in ("", *requirement.extras))


def environment_text(name: str) -> str:
    """What the file of an environment should hold.

    Raises:
        KeyError: the lock does not pin what a script needs.
    """
    files = {file for script, modules in scripts_of_environments()[name] for file in files_of(script, modules)}
    pins = locked()
    packages = with_requirements(imported_packages(files)) - {"pip"}
    lines = [f"      - {pins[package]}\n" for package in sorted(packages)]
    return HEAD.format(purpose=PURPOSES[name]) + "".join(lines)


if __name__ == "__main__":
    for environment in scripts_of_environments():
        (REPOSITORY / "envs" / f"{environment}.yaml").write_text(environment_text(environment))
