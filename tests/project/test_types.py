"""The types of configuration entries have the keys of their schemas."""

from __future__ import annotations

from typing import Any

import pytest

from soundbench.core.schema import Schema
from soundbench.data.view import AuditLimits, AugmentationRule, Split, View
from soundbench.models.schema import load_schema
from soundbench.training.settings import TrainingSettings

ENTRIES = {
    "augmentation_rule": AugmentationRule,
    "audit": AuditLimits,
    "split": Split,
    "training": TrainingSettings,
    "view": View,
}


def properties(schema: Schema, name: str) -> dict[str, Any]:
    """The keys of an entry, with those that only some values of its other keys allow."""
    entry = schema["properties"]["datasets"]["additionalProperties"] if name == "view" else schema["$defs"][name]
    found = dict(entry["properties"])
    for branch in entry.get("allOf", []):
        found |= properties(schema, branch["then"]["$ref"].rsplit("/", 1)[1])
    return found


@pytest.mark.parametrize("name", ENTRIES)
def test_type_has_the_keys_of_the_schema(name: str) -> None:
    assert ENTRIES[name].__annotations__.keys() == properties(load_schema(), name).keys()
