"""The schema of ``model.json``, made of the schemas of the configuration.

A model folder may come from anybody, so each field is checked before it is used.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Required, TypedDict

from soundbench.core.schema import Schema, schema_problems, with_defaults
from soundbench.data.view import AugmentationRule
from soundbench.features.crops import OVERLAP, Crop
from soundbench.features.settings import EMBEDDING, feature_bins, feature_problems
from soundbench.models.schema import load_schema
from soundbench.tasks.registry import DEFAULT


class Description(TypedDict, total=False):
    """What ``model.json`` holds. Models of others may lack what is not required; see :func:`complete_description`."""

    recipe: Required[dict[str, Any]]  # family, options and training
    front_end: Required[dict[str, Any]]
    labels: Required[list[str]]  # what the outputs stand for
    shape: Required[list[int]]  # bins and frames of the features
    normalisation: Required[dict[str, float]]  # mean and std
    fitted: Required[dict[str, Any]]  # what the task was fitted with, such as thresholds
    task: Required[str]
    options: dict[str, Any]  # of the task
    dataset: str
    source: str
    model: str
    seed: int
    fold: int
    protocol: str
    augment: list[AugmentationRule]
    code: str  # the digest
    sources: list[str]  # of this run, and of those whose weights it began with
    trained_on: str  # the digest of trained_on.txt
    examples: dict[str, int]  # of each role
    parameters: int
    measured: dict[str, Any]  # times (s), memory, device and packages, which differ between repeated trainings
    best_epoch: int
    kept_epoch: int
    epochs: int
    diverged: str
    fingerprint: str
    trial: int  # of a tuned model: the chosen trial, and their number
    trials: int
    data: dict[str, Any]  # of an exported model: its data set, what its files take, and whether transformers reads it
    input: dict[str, Any]
    transformers: bool


def features_shape(description: Description) -> tuple[int, int]:
    """The bins and frames of the features that a model takes."""
    bins, frames = description["shape"]
    return bins, frames


TEXT = {"type": "string", "minLength": 1}
COUNT = {"type": "integer", "minimum": 0}
# The most values that a model may take of a clip, which are 512 MiB: as many as an hour of samples at 37 kHz, or of 372
# bins at 100 frames per second. More would not fit into memory.
LARGEST = 2**27
SIZE = {"type": "integer", "minimum": 1, "maximum": LARGEST}
REQUIRED = ("recipe", "front_end", "labels", "shape", "normalisation")
FIELDS: Schema = {
    "fitted": {"type": "object", "default": {}},
    "labels": {"type": "array", "minItems": 1, "uniqueItems": True, "items": {"type": "string"}},
    "shape": {"type": "array", "minItems": 2, "maxItems": 2, "items": SIZE},
    "normalisation": {
        "type": "object",
        "additionalProperties": False,
        "required": ["mean", "std"],
        "properties": {"mean": {"type": "number"}, "std": {"type": "number", "exclusiveMinimum": 0}},
    },
    "dataset": TEXT,
    "model": TEXT,
    "seed": COUNT,
    "fold": COUNT,
    "sources": {"type": "array", "items": TEXT},
    "parameters": COUNT,
    "examples": {"type": "object", "additionalProperties": COUNT},
}


def complete_description(description: Any) -> tuple[Description, list[str]]:
    """A model's description, with defaults for the keys that an older one lacks, and the list of its problems."""
    schema = _schema()
    problems, _ = schema_problems(schema, description)
    if problems:
        return description, problems
    description = with_defaults(schema, schema, description)
    problems = [f"shape: {problem}" for problem in shape_problems(description["shape"])]
    front_end = description["front_end"]
    if front_end["front_end"] == EMBEDDING:
        return description, problems
    problems += feature_problems("front_end", front_end, front_end["sample_rate"])
    bins = (front_end.get("resize") or [feature_bins(front_end)])[0]
    if description["shape"][0] != bins:
        problems.append(f"shape.0: {description['shape'][0]} bins, but the front-end gives {bins}")
    return description, problems


def shape_problems(shape: Sequence[int]) -> Iterator[str]:
    """Why no model can take features of this shape, ``(bins, frames)``."""
    if (values := math.prod(shape)) > LARGEST:
        yield f"a clip has {shape[0]} × {shape[1]} = {values} values; a model takes at most {LARGEST}"


def run_problems(description: Any) -> list[str]:
    """The problems of the description of a run whose weights are used as initial weights."""
    return schema_problems(_schema() | {"required": []}, description)[0]


def windows_of(description: Description) -> Crop | None:
    """The windows on which a model is tested; None if it takes clips as they are stored."""
    training = description["recipe"].get("training", {})
    overlap = training.get("crop_overlap", OVERLAP)  # older models have no such setting
    return Crop(description["shape"][1], overlap) if training.get("crop") else None


@cache
def _schema() -> Schema:
    config = load_schema()
    parts = config["properties"]
    entry = parts["models"]["additionalProperties"]
    recipe = {key: value for key, value in entry.items() if key not in ("if", "else")}
    # Its training settings and the name of its front-end do not affect predictions.
    recipe["required"] = ["family"]
    recipe["properties"] = recipe["properties"] | {"training": {"type": "object"}}
    front_end = dict(parts["features"]["additionalProperties"])
    embedding = config["$defs"]["embedding_front_end"]
    # In a run, these are the settings of the front-end.
    settings = embedding["properties"] | {"features": {"type": ["string", "null", "object"]}}
    definitions = config["$defs"] | {"embedding_front_end": embedding | {"properties": settings}}
    fields = FIELDS | {"task": config["$defs"]["task"] | {"default": DEFAULT}, "recipe": recipe, "front_end": front_end}
    return {"type": "object", "required": list(REQUIRED), "properties": fields, "$defs": definitions}
