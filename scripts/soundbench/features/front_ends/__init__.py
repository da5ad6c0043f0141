"""Front-ends, one module each: :mod:`soundbench.features.settings` says what a front-end has."""

from soundbench.core.registry import Registry

FRONT_ENDS = Registry("soundbench.features.front_ends", key="front_end", function="compute")


def part_names() -> list[str]:
    """The front-ends that can be parts of `concatenated`: those that compute one vector from the samples of a clip."""
    vectors = [name for name in FRONT_ENDS.names if FRONT_ENDS.constant(name, "VECTOR", False)]
    return [name for name in vectors if name not in ("concatenated", "embedding")]


# A key of front-ends that read sound.
TRIM = {
    "trim": {
        "description": (
            "Whether digital silence, samples that are exactly zero, is removed from the beginning and the end of each "
            "clip. Clips of some collections, such as ESC, are padded with it to one length."
        ),
        "type": "boolean",
        "default": False,
    },
}
# The keys of front-ends that give one vector per clip.
VECTOR_SETTINGS = {
    **TRIM,
    "duration": {
        "description": "Clips are cropped to this length (s); null: whole clips.",
        "type": ["number", "null"],
        "exclusiveMinimum": 0,
        "default": None,
    },
    "normalise": {
        "description": (
            "`none`: values are stored as they are; the classical families standardise each dimension by itself. "
            "`group`: before that, each value gets zero mean and unit deviation over the clips of each group, such "
            "as a speaker. This also reads test clips, without their labels. The report marks such models as "
            "transductive; they cannot predict new recordings, and their data sets cannot augment."
        ),
        "enum": ["none", "group"],
        "default": "none",
    },
}
