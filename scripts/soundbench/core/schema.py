"""The JSON Schemas of ``config/schemas``: merging them, checking values, and readable messages for their errors."""

from __future__ import annotations

import copy
import difflib
import math
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

Schema = dict[str, Any]
KeyPath = tuple[Any, ...]

_COPY = Path(__file__).resolve().parents[1] / "library"  # where an installed package has a copy of config/
INSTALLED = _COPY.is_dir()
LIBRARY = _COPY if INSTALLED else Path(__file__).resolve().parents[3] / "config"
SCHEMAS = LIBRARY / "schemas"
FastLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
LARGEST = 2**63 - 1  # the largest whole number that PyTorch, NumPy and pandas hold


def _is_integer(_: Any, value: Any) -> bool:
    """JSON Schema accepts 2.0 as an integer; Python's ``range`` does not."""
    return isinstance(value, int) and not isinstance(value, bool)


def _if(validator: Any, condition: Schema, value: Any, schema: Schema) -> Iterator[ValidationError]:
    """JSON Schema's ``if``, with :func:`_satisfies`."""
    branch = "then" if _satisfies(value, condition) else "else"
    if branch in schema:
        yield from validator.descend(value, schema[branch], schema_path=branch)


def _satisfies(value: Any, condition: Schema) -> bool:
    """Whether ``value`` satisfies a condition.

    Each entry is checked against the name of every extension. So names are compared here, which is faster than a
    validator.
    """
    named = condition.get("properties", {})
    if not isinstance(value, dict) or condition.keys() - {"required", "properties"}:
        return bool(Validator(condition).is_valid(value))
    if any(part.keys() - {"const", "enum"} for part in named.values()):
        return bool(Validator(condition).is_valid(value))
    allowed = {key: part["enum"] if "enum" in part else [part["const"]] for key, part in named.items()}
    return all(key in value for key in condition.get("required", [])) and all(
        value[key] in values for key, values in allowed.items() if key in value
    )


_strict = Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_integer)
Validator = extend(Draft202012Validator, {"if": _if}, type_checker=_strict)


def schema_problems(schema: Schema, value: Any) -> tuple[list[str], set[KeyPath]]:
    """Check ``value`` against its schema.

    Returns:
        The problems, each beginning with its key; and the paths of the values that further checks cannot use. A value
        whose only problem is an unknown key can be used.
    """
    unusable = dict(_unusable(value))
    errors = [error for error in Validator(schema).iter_errors(value) if tuple(error.absolute_path) not in unusable]
    problems = [f"{dotted(path)}: {text}" for path, text in unusable.items()]
    problems += [text for error in errors for text in describe(error)]
    invalid = {tuple(error.absolute_path) for error in errors if error.validator != "additionalProperties"}
    return sorted(set(problems)), invalid | set(unusable)


def _unusable(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, str]]:
    """Values anywhere in ``value`` that YAML can hold but no setting can have, each with its path and the problem."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            if not isinstance(key, str):
                yield (*path, key), f"the key {key!r} is not text; write it in quotation marks"
            yield from _unusable(part, (*path, key))
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from _unusable(part, (*path, number))
    elif isinstance(value, str):
        if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in value if letter not in "\n\t"):
            yield path, f"the text {value!r} holds control characters; remove them"
        elif value.startswith("~") and "/" in value and not _has_home(value):
            yield path, f"{value}: there is no such home directory"
    elif isinstance(value, float):
        if not math.isfinite(value):
            yield path, f"should be a finite number, but is {value}"
    elif isinstance(value, int):
        if abs(value) > LARGEST:
            yield path, f"{value} is too large; the largest number is 2**63 - 1 = {LARGEST}"
    elif value is not None:
        yield path, f"should be text or a number, but is {value!r}; write it in quotation marks"


def _has_home(path: str) -> bool:
    try:
        Path(path).expanduser()
    except RuntimeError:
        return False
    return True


def read_schemas() -> Schema:
    """The schemas of all files in ``config/schemas``, merged into one."""
    parts = [yaml.load(path.read_text(encoding="utf-8"), FastLoader) for path in sorted(SCHEMAS.glob("*.schema.yaml"))]
    merged: Schema = {"type": "object", "additionalProperties": False, "required": [], "properties": {}, "$defs": {}}
    for part in parts:
        merged["properties"] |= part["properties"]
        merged["$defs"] |= part.get("$defs", {})
        merged["required"] += part["required"]
    return merged


def describe(error: ValidationError) -> Iterator[str]:
    """Messages for a validation error, each beginning with the key."""
    where = tuple(error.absolute_path)
    expected = error.validator_value
    match error.validator:
        case "additionalProperties" if expected is False:
            known = list(error.schema.get("properties", {}))
            for key in sorted(set(error.instance) - set(known), key=str):
                yield f"{dotted((*where, key))}: unknown key{suggest(str(key), known)}"
        case "required":
            for key in [key for key in expected if key not in error.instance]:
                yield f"{dotted((*where, key))}: is missing"
        case "enum":
            near = suggest(str(error.instance), expected)
            yield f"{dotted(where)}: {error.instance!r} is not one of its values{near}"
        case "type":
            hint = f"; {found}" if (found := _type_hint(error.schema, error.instance)) else ""
            yield f"{dotted(where)}: should be of type {type_names(expected)}, but is {_shown(error.instance)}{hint}"
        case "const":
            reason = f". {error.schema['description']}" if "description" in error.schema else ""
            yield f"{dotted(where)}: should be {_shown(expected)}, but is {_shown(error.instance)}{reason}"
        case "minItems" | "minProperties":
            count = len(error.instance)
            yield f"{dotted(where)}: {f'holds {count}' if count else 'is empty'}; name at least {expected}"
        case "maxItems":
            yield f"{dotted(where)}: holds {len(error.instance)}; name at most {expected}"
        case "uniqueItems":
            yield f"{dotted(where)}: holds a value twice: {error.instance}"
        case "pattern":
            form = error.schema.get("description", f"It should match {expected}.")
            yield f"{dotted(where)}: {error.instance!r} does not have the form that is needed. {form}"
        case _:
            yield f"{dotted(where)}: {error.message}"


def type_names(kinds: str | list[str]) -> str:
    """JSON Schema's names of types, in the words that YAML has for them: ``list or null``."""
    return " or ".join({"array": "list", "object": "mapping"}.get(kind, kind) for kind in _listed(kinds))


def _listed(kinds: str | list[str]) -> list[str]:
    return [kinds] if isinstance(kinds, str) else kinds


def _shown(value: Any) -> str:
    return "null" if value is None else repr(value)


def _type_hint(schema: Schema, value: Any) -> str:
    """How to write what is probably meant by a value of the wrong type; empty if this is not known."""
    kinds = {*_listed(schema["type"])}
    if not isinstance(value, str | int | float):
        return ""
    if kinds & {"integer", "number"}:
        return _number_hint(value, "number" in kinds)
    if "string" in kinds:
        return "write it in quotation marks"  # YAML reads 007 as a number and off as a truth value
    holds_mappings = schema.get("items", {}).get("type") == "object"
    enough = not isinstance(value, bool) and str(value).count(",") + 1 >= schema.get("minItems", 1)
    return f"write [{value}]" if "array" in kinds and enough and not holds_mappings else ""


def _number_hint(value: str | float, fractions: bool) -> str:
    """How to write a number that YAML reads as text, such as 1e-3, or as one with decimals; empty if it is none."""
    try:
        number = float(value)
    except ValueError:
        return ""
    if isinstance(value, bool) or not math.isfinite(number) or not (fractions or number.is_integer()):
        return ""
    written = yaml.dump(int(number) if number.is_integer() else number).split()[0]
    quoted = isinstance(value, str) and not isinstance(yaml.load(value, FastLoader), str)
    return f"write {written}{' without quotation marks' if quoted else ''}"


def as_mapping(value: Any) -> dict[str, Any]:
    """``value`` if it is a mapping, else an empty one: a schema problem says what is wrong with it."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """``value`` if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def suggest(name: str, known: Iterable[Any]) -> str:
    """The end of a message about an unknown name: the most similar known name, or all of them if none is similar."""
    known = [str(value) for value in known]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(sorted(known)) or 'none'}"


def unknown_name(where: str, name: Any, known: Iterable[Any]) -> str:
    """The message about a value of the key ``where`` that is no name of the library."""
    return f"{where}: there is no {name!r}{suggest(str(name), known)}"


def with_defaults(root: Schema, schema: Schema, value: Any) -> Any:
    """``value`` with the defaults of ``schema`` for missing keys; ``root`` is the schema that references point into."""
    if "$ref" in schema:
        return with_defaults(root, root["$defs"][schema["$ref"].rsplit("/", 1)[1]], value)
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        return [with_defaults(root, schema["items"], item) for item in value]
    if not isinstance(value, dict):
        return value
    value = dict(value)
    properties = schema.get("properties", {})
    for key, part in properties.items():
        if key not in value and "default" in part:
            value[key] = copy.deepcopy(part["default"])
        if key in value:
            value[key] = with_defaults(root, part, value[key])
    others = schema.get("additionalProperties")
    if isinstance(others, dict):
        value |= {key: with_defaults(root, others, value[key]) for key in value if key not in properties}
    for branch in schema.get("allOf", []):
        if _satisfies(value, branch.get("if", {})):
            value = with_defaults(root, branch.get("then", branch), value)
    return value


def dotted(path: Iterable[Any]) -> str:
    return ".".join(map(str, path)) or "the configuration"
