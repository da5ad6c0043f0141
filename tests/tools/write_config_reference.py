"""Write the tables of config/README.md from the schemas: every key, its values, its default and what it means.

python tests/tools/write_config_reference.py        (a test holds the page equal to the schemas)
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "scripts"))

from soundbench.core.schema import SCHEMAS, type_names  # noqa: E402
from soundbench.core.storage import write_text  # noqa: E402
from soundbench.models.schema import load_schema  # noqa: E402

PAGE = REPOSITORY / "config" / "README.md"
START = "<!-- From here on written by tests/tools/write_config_reference.py from config/schemas. -->\n"

Schema = dict[str, Any]


def values(schema: Schema) -> str:
    """What may stand at a key, in words."""
    if "enum" in schema or "const" in schema:
        return _names(schema.get("enum", [schema.get("const")]))
    text = type_names(schema["type"]) if "type" in schema else ""
    if text == "list" and (items := values(schema.get("items", {}))):
        text += " of " + re.sub("^(string|integer|number|mapping)", r"\1s", items)
    if (keys := schema.get("properties")) and not any(keys.values()):
        text += f" of {_names(keys)}"
    bounds = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    return " ".join([text, *(f"{sign} {schema[key]}" for key, sign in bounds.items() if key in schema)])


def _names(found: Iterable[Any]) -> str:
    return ", ".join("null" if value is None else f"`{value}`" for value in found)


def resolved(root: Schema, part: Schema) -> Schema:
    """A part of the schema with what it refers to."""
    return root["$defs"][part["$ref"].rsplit("/", 1)[1]] | part if "$ref" in part else part


def rows(root: Schema, schema: Schema, path: str) -> Iterator[str]:
    """A table row for each key of a mapping, and for the keys of the mappings in it."""
    required = schema.get("required", [])
    for key, part in schema.get("properties", {}).items():
        if not part:
            continue  # described where every entry of its kind is
        part = resolved(root, part)
        default = "required" if key in required else f"`{json.dumps(part['default'])}`" if "default" in part else ""
        description = " ".join(part.get("description", "").split())
        yield f"| `{path}{key}` | {values(part)} | {default} | {description} |"
        yield from rows(root, part, f"{path}{key}.")
        yield from branches(root, part, f"{path}{key}.")
        if isinstance(others := part.get("additionalProperties"), dict):
            yield from rows(root, others, f"{path}{key}.NAME.")
            yield from branches(root, others, f"{path}{key}.NAME.")
        if isinstance(items := part.get("items"), dict):
            yield from rows(root, resolved(root, items), f"{path}{key}[].")
            # What entries elsewhere have too, such as the parts of `concatenated`, is described there.
            yield from branches(root, items, f"{path}{key}[].")


def branches(root: Schema, schema: Schema, path: str) -> Iterator[str]:
    """Rows of the keys that a mapping has only where another key has a certain value."""
    for branch in schema.get("allOf", []):
        if "if" not in branch:
            continue  # described where every entry of its kind is
        ((selector, choice),) = branch["if"]["properties"].items()
        target = root["$defs"][branch["then"]["$ref"].rsplit("/", 1)[1]]
        title = f"*with `{selector}: {', '.join(choice.get('enum', [choice.get('const')]))}`*"
        yield from (f"{row[:-1]}{title} |" for row in rows(root, target, path))


def reference() -> str:
    """The generated part of the page."""
    import yaml

    root, text = load_schema(), START
    for path in sorted(SCHEMAS.glob("*.schema.yaml")):
        part = yaml.safe_load(path.read_text(encoding="utf-8"))
        text += f"\n## `{path.name.split('.')[0]}.yaml`: {part['title'].lower()}\n\n"
        text += "| key | values | default | meaning |\n| --- | --- | --- | --- |\n"
        # Of the whole schema, where every extension has its settings.
        part = part | {"properties": {key: root["properties"][key] for key in part["properties"]}}
        text += "".join(f"{row}\n" for row in rows(root, part, ""))
    return text


def page() -> str:
    """The whole page: what was written by hand, then the generated part."""
    return PAGE.read_text(encoding="utf-8").partition(START)[0] + reference()


if __name__ == "__main__":
    write_text(PAGE, page())
