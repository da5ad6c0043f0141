"""Models by name. Each module of ``families`` is a *family*: ``build(classes, shape, **options)`` returns a network.

The options are a model's keys in ``config/models.yaml`` beside those that every model has. Networks take
``(batch, 1, bins, frames)`` and return logits ``(batch, classes)``. A new family is one module there; where the schema
does not describe its keys, they are the keywords of its ``build``.

A family whose weights need more than :func:`soundbench.models.load.load_weights` does has a ``build_pretrained(classes,
shape, weights, **options)`` as well; one with published weights a ``published(**options)``, their address, and an
entry in :data:`soundbench.models.initial_weights.PUBLISHED`.
"""

from __future__ import annotations

import importlib
import pkgutil
from ast import FunctionDef, parse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soundbench.models.initial_weights import Address, Weights

if TYPE_CHECKING:
    from torch import nn

FOLDER = Path(__file__).parent / "families"
FAMILIES = tuple(sorted(module.name for module in pkgutil.iter_modules([str(FOLDER)])))

COMMON_KEYS = ("family", "features", "large", "pretrained", "training")


def family_module(family: str) -> str:
    """The module of a family, by its dotted name."""
    return f"soundbench.models.families.{family}"


def family_options(family: str) -> dict[str, bool]:
    """The keywords that a family's ``build`` takes, and whether each must be given; read without importing torch."""
    tree = parse((FOLDER / f"{family}.py").read_text(encoding="utf-8"))
    build = next(node for node in tree.body if isinstance(node, FunctionDef) and node.name == "build")
    return {
        argument.arg: default is None
        for argument, default in zip(build.args.kwonlyargs, build.args.kw_defaults, strict=True)
    }


def _options(recipe: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in recipe.items() if key not in COMMON_KEYS}


def build_model(
    recipe: dict[str, Any], classes: int, shape: tuple[int, int], weights: Weights | None = None
) -> nn.Module:
    """Build the network of a model recipe for ``classes`` labels and features of ``shape`` (bins, frames).

    Args:
        weights: what it starts from; from scratch where there are none.

    Raises:
        InputError: the weights do not fit, or the family does not work with the shape.
    """
    family = importlib.import_module(family_module(recipe["family"]))
    if weights is None:
        return family.build(classes, shape, **_options(recipe))
    if hasattr(family, "build_pretrained"):
        return family.build_pretrained(classes, shape, weights, **_options(recipe))
    from soundbench.models.load import load_weights, read_weights

    return load_weights(family.build(classes, shape, **_options(recipe)), read_weights(weights.file), weights.file)


def published_weights(recipe: dict[str, Any]) -> Address:
    """Where the published weights of a model recipe are."""
    return importlib.import_module(family_module(recipe["family"])).published(**_options(recipe))
