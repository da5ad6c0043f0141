"""The schema of the whole configuration, with the families of models that its files do not describe."""

from __future__ import annotations

from soundbench.core.schema import Schema, read_schemas
from soundbench.data.readers import READERS
from soundbench.models.registry import COMMON_KEYS, FAMILIES, family_options


def load_schema() -> Schema:
    """One schema of the whole configuration, which admits every family of models.

    Keys of a family that ``models.schema.yaml`` does not describe are the keywords of its ``build``.
    """
    schema = read_schemas()
    READERS.describe(schema["properties"]["sources"]["additionalProperties"], schema["$defs"])
    models = schema["properties"]["models"]["additionalProperties"]
    described = models["properties"]["family"]["enum"]
    for family in sorted(set(FAMILIES) - set(described)):
        options = family_options(family)
        described.append(family)
        schema["$defs"][f"{family}_model"] = {
            "type": "object",
            "additionalProperties": False,
            "required": [key for key, needed in options.items() if needed],
            "properties": {key: {} for key in (*COMMON_KEYS, *options)},
        }
        selected = {"required": ["family"], "properties": {"family": {"const": family}}}
        models["allOf"].append({"if": selected, "then": {"$ref": f"#/$defs/{family}_model"}})
    return schema
