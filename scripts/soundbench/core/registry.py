"""Extensions by name: each module of a package is one extension, and its constants are read without importing it.

The constant ``SETTINGS`` of a module holds the keys that its entries in the configuration may have, each with its JSON
Schema. A key without a default must be given. For a module without the constant, the keys are the keyword arguments of
its function. Planning a study reads these constants from the source, because importing torch takes seconds.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from soundbench.core.code_digest import module_file

if TYPE_CHECKING:
    from soundbench.core.schema import Schema


class Constants(dict[str, Any]):
    """The constants of a module by name, evaluated from its source on access; nothing is imported.

    An expression may use other constants of the module, and those that it imports from modules of this package.
    """

    def __init__(self, module: str) -> None:
        super().__init__()
        self.tree = _parsed(_file(module))

    def __missing__(self, name: str) -> Any:
        for node in self.tree.body:
            match node:
                case ast.Assign(targets=[ast.Name(id=found)], value=value) if found == name:
                    return eval(compile(ast.Expression(value), name, "eval"), {"__builtins__": {}}, self)
                case ast.ImportFrom(module=str(module), names=names):
                    for alias in names:
                        if name == (alias.asname or alias.name):
                            return Constants(module)[alias.name]
        raise KeyError(name)

    def function(self, name: str) -> ast.FunctionDef | None:
        """The definition of a function; None if the module has no function of this name."""
        return next((node for node in self.tree.body if isinstance(node, ast.FunctionDef) and node.name == name), None)


@dataclass(frozen=True)
class Registry:
    """The extensions of one kind.

    Args:
        package: the package whose modules are the extensions; their names are the names of the extensions.
        key: the key of an entry of the configuration whose value is the name of an extension.
        function: the function that every module defines.
    """

    package: str
    key: str
    function: str

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the extensions, sorted."""
        return _names(self.package)

    def module(self, name: str) -> str:
        """The module of an extension, by its dotted name."""
        return f"{self.package}.{name}"

    def modules(self) -> list[str]:
        """The modules of all extensions, for the code digest of a job that may need any of them."""
        return [self.module(name) for name in self.names]

    def load(self, name: str) -> ModuleType:
        """The imported module of an extension."""
        return importlib.import_module(self.module(name))

    def constant(self, name: str, constant: str, default: Any = None) -> Any:
        """A constant of an extension's module, read without importing it; ``default`` if the module lacks it."""
        try:
            return Constants(self.module(name))[constant]
        except KeyError:
            return default

    def defines(self, name: str, function: str) -> bool:
        """Whether an extension's module defines a function; found without importing it."""
        return Constants(self.module(name)).function(function) is not None

    def settings(self, name: str) -> Schema:
        """The keys that the entries of an extension may have in addition to common keys, each with its schema."""
        declared = self.constant(name, "SETTINGS")
        return _keywords(Constants(self.module(name)), self.function) if declared is None else declared

    def summary(self, name: str) -> str:
        """The first sentence of the docstring of an extension's module."""
        return first_sentence(ast.get_docstring(Constants(self.module(name)).tree) or "")

    def describe(self, entry: Schema, definitions: Schema) -> None:
        """Add the extensions to the schema of the entries that name them.

        Args:
            entry: the schema that is extended: the values of its property :attr:`key` become the names, and each name
                gets its settings.
            definitions: the mapping that the schemas of the extensions are added to.
        """
        entry["properties"][self.key]["enum"] = list(self.names)
        entry.setdefault("allOf", [])
        for name in self.names:
            settings = self.settings(name)
            definition = f"{name}_{self.key}"
            definitions[definition] = {
                "type": "object",
                "additionalProperties": False,
                "required": [key for key, setting in settings.items() if "default" not in setting],
                "properties": {key: {} for key in entry["properties"]} | settings,
            }
            chosen = {"required": [self.key], "properties": {self.key: {"const": name}}}
            entry["allOf"].append({"if": chosen, "then": {"$ref": f"#/$defs/{definition}"}})


def first_sentence(text: str) -> str:
    """The first sentence of a text, without a full stop and without the marks of reStructuredText."""
    paragraph = " ".join(text.strip().partition("\n\n")[0].split())
    sentence = re.split(r"(?<=[.?]) ", paragraph)[0].removesuffix(".")
    return re.sub(r":\w+:|`", "", sentence)


def _file(module: str) -> Path:
    file = module_file(module)
    if file is None:
        raise ModuleNotFoundError(f"there is no module {module}")
    return file


@cache
def _parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"), str(file))


@cache
def _names(package: str) -> tuple[str, ...]:
    return tuple(sorted(found.name for found in pkgutil.iter_modules([str(_file(package).parent)])))


def _keywords(constants: Constants, function: str) -> Schema:
    """A schema for each keyword argument of a function; arguments without a default must be given."""
    definition = constants.function(function)
    if definition is None:
        return {}
    pairs = zip(definition.args.kwonlyargs, definition.args.kw_defaults, strict=True)
    return {argument.arg: {} if value is None else {"default": ast.literal_eval(value)} for argument, value in pairs}
