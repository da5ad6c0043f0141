"""The schema of the whole configuration: the files of ``config/schemas``, and what each extension declares."""

from __future__ import annotations

from soundbench.core.schema import Schema, read_schemas
from soundbench.data.readers import READERS
from soundbench.models.families import FAMILIES


def load_schema() -> Schema:
    """One schema of the whole configuration, with all readers and families."""
    schema = read_schemas()
    entries = {part: schema["properties"][part]["additionalProperties"] for part in ("sources", "models")}
    READERS.describe(entries["sources"], schema["$defs"])
    FAMILIES.describe(entries["models"], schema["$defs"])
    return schema
