"""The input of the last layer of a pretrained network. :mod:`soundbench.models.embeddings` computes it."""

from __future__ import annotations

VECTOR = True
SETTINGS = {
    "features": {
        "description": (
            "The front-end whose features are embedded, by its name here. It must not normalise by the "
            "data set. Left out where `model` is a run, which names its own front-end."
        ),
        "type": ["string", "null"],
        "default": None,
    },
    "model": {
        "description": (
            "The network that embeds clips: a family and its options as in models.yaml, and its weights. "
            "For a run, only the weights are given."
        ),
        "type": "object",
        "required": ["pretrained"],
        "properties": {
            "pretrained": {
                "description": (
                    "Weights, as with `pretrained` in models.yaml. A run must not have been trained on "
                    "the source that is embedded."
                ),
                "type": "string",
                "minLength": 1,
            }
        },
        "allOf": [{"$ref": "#/$defs/network"}],
    },
    "precision": {
        "description": (
            "As with `training.precision` in models.yaml. `bf16` and `auto` halve the time of AST on a "
            "CPU that supports bfloat16."
        ),
        "enum": ["float32", "bf16", "auto"],
        "default": "float32",
    },
    "normalise": {
        "description": (
            "The whole embedding is normalised by the data set's training clips; the family `linear` "
            "standardises each dimension by itself."
        ),
        "const": "dataset",
        "default": "dataset",
    },
}
