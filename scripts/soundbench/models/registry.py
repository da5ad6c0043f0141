"""Models by name. Each module of ``families`` is a *family*: ``build(classes, shape, **options)`` returns a network.

The options are a model's keys in ``config/models.yaml`` except those that every model has; ``SETTINGS`` describes them.
Networks take ``(batch, 1, bins, frames)`` and return logits ``(batch, classes)``. A new family is one new module.

A family also has ``build_pretrained(classes, shape, weights, **options)`` if
:func:`soundbench.models.load.load_weights` cannot load its weights. A family with published weights has
``published(**options)``, which returns their address, and ``PUBLISHED``, their name in the configuration.
``INPUTS`` are the kinds of features that its networks work with; without it, ``("spectrogram", "vector")``. If its
network is described by its weights, ``complete(weights, **options)`` returns the options that describe it without them.
``SMALLEST_BATCH`` is the smallest ``batch_size`` that its networks can be trained with; without it, 1.

With ``FITTED = True``, the family is a classifier of scikit-learn: ``build(seed, **options)`` returns it, and
:mod:`soundbench.training.fitting` fits it instead of training a network. ``build_regressor(seed, **options)`` returns
its form for numbers, if it has one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from soundbench.models.families import FAMILIES
from soundbench.models.initial_weights import Address, Weights

if TYPE_CHECKING:
    from torch import nn

COMMON_KEYS = ("contamination", "family", "features", "large", "pretrained", "small", "training", "tune")


def family_options(recipe: dict[str, Any]) -> dict[str, Any]:
    """The keys of a recipe that its family defines."""
    return {key: value for key, value in recipe.items() if key not in COMMON_KEYS}


def build_model(
    recipe: dict[str, Any], classes: int, shape: tuple[int, int], weights: Weights | None = None
) -> nn.Module:
    """Build the network of a model recipe for ``classes`` labels and features of ``shape`` (bins, frames).

    Args:
        weights: the initial weights; None to train from scratch.

    Raises:
        InputError: the weights do not fit, or the family does not work with the shape.
    """
    family = FAMILIES.load(recipe["family"])
    if weights is None:
        return family.build(classes, shape, **family_options(recipe))
    if hasattr(family, "build_pretrained"):
        return family.build_pretrained(classes, shape, weights, **family_options(recipe))
    from soundbench.models.load import load_weights, read_weights

    return load_weights(
        family.build(classes, shape, **family_options(recipe)), read_weights(weights.file), weights.file
    )


def complete_recipe(recipe: dict[str, Any], weights: Weights | None) -> dict[str, Any]:
    """A recipe that describes the network without the ``weights`` that it started from."""
    family = FAMILIES.load(recipe["family"])
    if weights is None or not hasattr(family, "complete"):
        return recipe
    return recipe | family.complete(weights, **family_options(recipe))


def averages_predictions(recipe: dict[str, Any]) -> bool:
    """Whether a trained model holds the networks of several epochs, whose predictions are averaged."""
    return recipe.get("training", {}).get("average") == "predictions"


def published_weights(recipe: dict[str, Any]) -> Address:
    """The address of the published weights of a model recipe."""
    return FAMILIES.load(recipe["family"]).published(**family_options(recipe))
