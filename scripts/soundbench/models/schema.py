"""The schema of the whole configuration: the files of ``config/schemas`` and the settings of all extensions."""

from __future__ import annotations

from functools import cache

from soundbench.augment.batch_effects import BATCH_EFFECTS
from soundbench.augment.effects import EFFECTS
from soundbench.core.schema import Schema, read_schemas
from soundbench.data.readers import READERS
from soundbench.features.front_ends import FRONT_ENDS, part_names
from soundbench.models.ensembles import describe_ensembles
from soundbench.models.families import FAMILIES, is_fitted
from soundbench.tasks.registry import enumerations


@cache
def load_schema() -> Schema:
    """One schema of the whole configuration, with every extension; all callers share it and must not change it."""
    schema = read_schemas()
    definitions = schema["$defs"]
    kinds = schema["properties"]
    READERS.describe(kinds["sources"]["additionalProperties"], definitions)
    EFFECTS.describe(kinds["augmentations"]["additionalProperties"]["properties"]["steps"]["items"], definitions)
    FRONT_ENDS.describe(kinds["features"]["additionalProperties"], definitions)
    FRONT_ENDS.describe(definitions["part"], definitions)
    definitions["part"]["properties"]["front_end"]["enum"] = part_names()
    FAMILIES.describe(kinds["models"]["additionalProperties"], definitions)
    describe_ensembles(kinds["models"]["additionalProperties"], definitions)
    _describe_training(kinds["models"]["additionalProperties"], definitions)
    definitions["online"]["properties"] = {name: BATCH_EFFECTS.constant(name, "VALUE") for name in BATCH_EFFECTS.names}
    definitions |= {name: {"enum": values} for name, values in enumerations().items()}
    return schema


def _describe_training(models: Schema, definitions: Schema) -> None:
    """Networks need ``training``, and classifiers that are fitted at once have no settings for it."""
    networks = [family for family in FAMILIES.names if not is_fitted(family)]
    for family in set(FAMILIES.names) - set(networks):
        reason = "Leave it out, since this family is fitted at once."
        empty = {"description": reason, "type": "object", "additionalProperties": False}
        definitions[f"{family}_family"]["properties"]["training"] = empty
    is_network = {"required": ["family"], "properties": {"family": {"enum": networks}}}
    needed = {"required": ["training"], "properties": {"training": {"required": ["epochs"]}}}
    models["else"] = {"required": ["features"], "if": is_network, "then": needed}
