"""A digest of the code that a job runs; as a parameter of each rule it makes edited code rerun the jobs that use it.

Snakemake notices an edited script, but not an edited module that the script imports.
"""

from __future__ import annotations

import ast
import hashlib
from functools import cache
from pathlib import Path
from typing import TypeGuard

PACKAGE = "soundbench"
SCRIPTS = Path(__file__).resolve().parents[2]
DECLARATIONS = {"SETTINGS", "VALUE"}  # constants of extensions; see core.registry
TEMPLATES = sorted((SCRIPTS / PACKAGE).glob("*/templates/*"))


@cache
def _parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def module_file(name: str) -> Path | None:
    """The file of a module of the package, by its dotted name; None if there is no such module."""
    base = SCRIPTS.joinpath(*name.split("."))
    return next((file for file in (base.with_suffix(".py"), base / "__init__.py") if file.is_file()), None)


def _is_for_type_checkers(node: ast.AST) -> TypeGuard[ast.If]:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def imported_names(path: Path) -> set[str]:
    """The dotted names that the import statements anywhere in a file may import when it runs.

    ``from a import b`` gives ``a`` and ``a.b``, whether ``b`` is a module or not.
    """
    names: set[str] = set()
    waiting: list[ast.AST] = [_parse(path)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        waiting += node.orelse if _is_for_type_checkers(node) else list(ast.iter_child_nodes(node))
    # Importing a.b.c runs the packages a and a.b too.
    return names | {name.rsplit(".", depth)[0] for name in names for depth in range(1, name.count(".") + 1)}


@cache
def imported_modules(path: Path) -> frozenset[str]:
    """The package's modules that a file imports."""
    return frozenset(name for name in imported_names(path) if name.split(".")[0] == PACKAGE and module_file(name))


def used_modules(script: str, *modules: str) -> set[str]:
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


def _declares_settings(node: ast.stmt) -> bool:
    """Whether a statement declares the keys of an extension, whose values reach the job by its parameters."""
    targets = node.targets if isinstance(node, ast.Assign) else []
    return any(isinstance(target, ast.Name) and target.id in DECLARATIONS for target in targets)


def _code(tree: ast.Module) -> str:
    tree.body = [node for node in tree.body if not _declares_settings(node)]
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        first = body[0] if isinstance(body, list) and body else None
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
            first.value.value = ""
    return ast.dump(tree)


@cache
def _templates_named_in(path: Path) -> frozenset[Path]:
    """The templates that a module or a template names between quotation marks."""
    text = path.read_text(encoding="utf-8")
    return frozenset(file for file in TEMPLATES if f'"{file.name}"' in text)


def used_templates(path: Path) -> list[Path]:
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
    code = [_code(_parse(path)), *(file.read_text(encoding="utf-8") for file in used_templates(path))]
    return hashlib.sha256("\n".join(code).encode()).hexdigest()


@cache
def code_digest(script: str, *modules: str) -> str:
    """A digest of the modules that a script uses, and of their templates.

    It does not depend on comments, docstrings, the layout of code and the settings that an extension declares.
    """
    names = sorted(used_modules(script, *modules) if (SCRIPTS / f"{script}.py").is_file() else _all_modules())
    parts = [f"{name} {_module_digest(file)}" for name in names if (file := module_file(name))]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
