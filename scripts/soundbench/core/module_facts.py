"""What a digest of code needs to know of a module: what it imports, and a digest of its code.

Parsing the 300 modules of the package takes two seconds, most of what ``snakemake`` needs for a finished study.
So the facts are kept on disk, by the content of the module.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import sys
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TypeGuard

DECLARATIONS = {"SETTINGS", "VALUE"}  # constants of extensions; see core.registry
FOLDERS: list[Path] = []  # where facts are kept; none if this is empty


@dataclass(frozen=True)
class Facts:
    """``imports``: the names that the module may import, sorted; ``code``: a digest of its code.

    The digest does not depend on comments, docstrings, the layout of code and the settings that an extension declares.
    """

    imports: list[str]
    code: str


def keep_facts(folder: Path) -> None:
    """Keep facts in ``folder`` from now on. A folder that cannot be written is only read."""
    FOLDERS[:] = [folder]


@cache
def module_facts(path: Path) -> Facts:
    """The facts of the module at ``path``, from the disk if its content is known there."""
    content = path.read_bytes()
    kept = [folder / f"{_key(content)}.json" for folder in FOLDERS]
    for file in kept:
        try:
            return Facts(**json.loads(file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            continue  # not known yet, or damaged
    tree = ast.parse(content, str(path))
    facts = Facts(sorted(_imported_names(tree)), hashlib.sha256(_code(tree).encode()).hexdigest())
    for file in kept:
        _write(file, facts)
    return facts


@cache
def _own_code() -> bytes:
    """This module and the version of Python, on which the form of a parsed module depends."""
    return Path(__file__).read_bytes() + sys.version.encode()


def _key(content: bytes) -> str:
    return hashlib.sha256(_own_code() + content).hexdigest()[:32]


def _write(file: Path, facts: Facts) -> None:
    """Write facts in one step; they need not survive a power cut."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(asdict(facts)), encoding="utf-8")
        temporary.replace(file)
    except OSError:
        return


def _is_for_type_checkers(node: ast.AST) -> TypeGuard[ast.If]:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _imported_names(tree: ast.Module) -> set[str]:
    """The dotted names that import statements anywhere in a module may import when it runs.

    ``from a import b`` gives ``a`` and ``a.b``, whether ``b`` is a module or not.
    """
    names: set[str] = set()
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        waiting += node.orelse if _is_for_type_checkers(node) else list(ast.iter_child_nodes(node))
    # Importing a.b.c runs the packages a and a.b too.
    return names | {name.rsplit(".", depth)[0] for name in names for depth in range(1, name.count(".") + 1)}


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
