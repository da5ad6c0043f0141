"""Front-ends, one module each: :mod:`soundbench.features.settings` says what a front-end has."""

from soundbench.core.registry import Registry

FRONT_ENDS = Registry("soundbench.features.front_ends", key="front_end", function="compute")

# The keys of front-ends that give one vector per clip.
VECTOR_SETTINGS = {
    "duration": {
        "description": "Clips are cropped to this length (s); null: whole clips.",
        "type": ["number", "null"],
        "exclusiveMinimum": 0,
        "default": None,
    },
    "normalise": {
        "description": "Values are stored as they are; the classical families standardise each dimension by itself.",
        "const": "none",
        "default": "none",
    },
}
