"""A digest of the code that a job runs; as a parameter of each rule it makes edited code rerun the jobs that use it.

Snakemake notices an edited script, but not an edited module that the script imports.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from soundbench.core.module_facts import module_facts

PACKAGE = "soundbench"
SCRIPTS = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((SCRIPTS / PACKAGE).glob("*/templates/*"))


def module_file(name: str) -> Path | None:
    """The file of a module of the package, by its dotted name; None if there is no such module."""
    base = SCRIPTS.joinpath(*name.split("."))
    return next((file for file in (base.with_suffix(".py"), base / "__init__.py") if file.is_file()), None)


def imported_names(path: Path) -> set[str]:
    """The dotted names that the import statements anywhere in a file may import when it runs.

    ``from a import b`` gives ``a`` and ``a.b``, whether ``b`` is a module or not.
    """
    return set(module_facts(path).imports)


@cache
def imported_modules(path: Path) -> frozenset[str]:
    """The package's modules that a file imports."""
    return frozenset(name for name in imported_names(path) if name.split(".")[0] == PACKAGE and module_file(name))


def modules_of(script: str, *modules: str) -> set[str]:
    """All modules of the package that ``scripts/{script}.py`` or one of ``modules`` imports, directly or indirectly.

    ``modules`` are the modules that the script imports by a computed name, such as the family of the model.
    """
    found: set[str] = set()
    waiting = {*imported_modules(SCRIPTS / f"{script}.py"), *modules}
    while waiting:
        name = waiting.pop()
        found.add(name)
        file = module_file(name)
        if file is None:
            raise ModuleNotFoundError(f"there is no module {name} below {SCRIPTS}")
        waiting |= imported_modules(file) - found
    return found


def _all_modules() -> set[str]:
    """All modules of the package. An installed one comes without the scripts, and changes as a whole."""
    files = (file.relative_to(SCRIPTS).with_suffix("") for file in (SCRIPTS / PACKAGE).rglob("*.py"))
    return {".".join(file.parts).removesuffix(".__init__") for file in files}


@cache
def _templates_named_in(path: Path) -> frozenset[Path]:
    """The templates that a module or a template names between quotation marks."""
    text = path.read_text(encoding="utf-8")
    return frozenset(file for file in TEMPLATES if f'"{file.name}"' in text)


def templates_of(path: Path) -> list[Path]:
    """The templates that a module names, and those that these templates name, sorted."""
    found = set()
    waiting = set(_templates_named_in(path))
    while waiting:
        template = waiting.pop()
        found.add(template)
        waiting |= _templates_named_in(template) - found
    return sorted(found)


@cache
def _module_digest(path: Path) -> str:
    parts = [module_facts(path).code, *(file.read_text(encoding="utf-8") for file in templates_of(path))]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@cache
def code_digest(script: str, *modules: str) -> str:
    """A digest of the modules that a script uses, and of their templates; see
    :class:`soundbench.core.module_facts.Facts`."""
    names = sorted(modules_of(script, *modules) if (SCRIPTS / f"{script}.py").is_file() else _all_modules())
    parts = [f"{name} {_module_digest(file)}" for name in names if (file := module_file(name))]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
