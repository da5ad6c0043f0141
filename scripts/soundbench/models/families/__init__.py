"""Families of models, one module each: :mod:`soundbench.models.registry` says what a family has."""

from soundbench.core.registry import Registry

FAMILIES = Registry("soundbench.models.families", key="family", function="build")

CLASS_WEIGHTS = {
    "class_weights": {
        "description": (
            "Weight of each class. `none`: all the same. `inverse`: by inverse frequency among the training clips and "
            "their copies; of several labels per clip, clips with a label and clips without it weigh the same. Numbers "
            "have no classes, and no weights."
        ),
        "enum": ["none", "inverse"],
        "default": "inverse",
    }
}


def is_fitted(family: str) -> bool:
    """Whether models of a family are classifiers of scikit-learn, fitted at once, and no networks."""
    return bool(FAMILIES.constant(family, "FITTED", False))


def takes(family: str, kind: str) -> bool:
    """Whether models of a family work with features of a kind: ``spectrogram``, ``vector`` or ``waveform``."""
    return kind in FAMILIES.constant(family, "INPUTS", ("spectrogram", "vector"))
