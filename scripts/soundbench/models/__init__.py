"""Models by name. Each module here is a *family*: ``build(classes, shape, **options)`` returns a network.

The options are a model's keys in ``config/models.yaml`` beside those that every model has. Networks take
``(batch, 1, bins, frames)`` and return logits ``(batch, classes)``. A new family is one module here and its keys in
the schema.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

FAMILIES = ("cnn", "timm")

COMMON_KEYS = ("family", "features", "training")


def family_module(family: str) -> str:
    """The module of a family, by its dotted name."""
    return f"soundbench.models.{family}"


def build_model(recipe: dict[str, Any], classes: int, shape: tuple[int, int]) -> nn.Module:
    """Build the network of a model recipe for ``classes`` labels and pictures of ``shape`` (bins, frames)."""
    options = {key: value for key, value in recipe.items() if key not in COMMON_KEYS}
    return importlib.import_module(family_module(recipe["family"])).build(classes, shape, **options)
