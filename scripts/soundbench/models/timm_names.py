"""The names of timm's models, found in its source: importing timm takes longer than planning a study."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from soundbench.models.ensembles import trained_models

FAMILY = "timm"
FUNCTION = re.compile(rb"^@register_model\s+def (\w+)\(", re.MULTILINE)


def timm_problems(library: dict[str, Any], models: list[str]) -> Iterator[str]:
    """The names that timm does not have, of ``models``, of the members of ensembles and of networks that embed clips.

    Args:
        library: the well-formed entries of the configuration.
        models: the selected models.
    """
    recipes = {name: library["models"].get(name, {}) for name in trained_models(library["ensembles"], models)}
    networks = {f"models.{name}": recipe for name, recipe in recipes.items()}
    for features in [recipe["features"] for recipe in recipes.values() if recipe]:
        networks[f"features.{features}.model"] = library["features"].get(features, {}).get("model", {})
    for where, network in networks.items():
        if network.get("family") == FAMILY and (problem := name_problem(network["name"])):
            yield f"{where}.name: {problem}"


@cache
def name_problem(name: str) -> str | None:
    """Why timm cannot have a model of this name; None if it has one, or if only the jobs have timm."""
    spec = find_spec(FAMILY)
    if spec is None or spec.origin is None:
        return None
    model = name.partition(".")[0]  # what follows names the weights
    modules = list(Path(spec.origin).with_name("models").glob("*.py"))
    modules.sort(key=lambda module: not model.startswith(module.stem))  # resnet18 is likely to be in resnet.py
    # A function, or a key of the table of earlier names.
    definition = re.compile(rf"""^def {re.escape(model)}\(|^ +["']{re.escape(model)}["'] *:""".encode(), re.MULTILINE)
    if any(definition.search(module.read_bytes()) for module in modules):
        return None
    names = [found.decode() for module in modules for found in FUNCTION.findall(module.read_bytes())]
    near = ", ".join(get_close_matches(model, names))
    return f"timm has no model {name}" + (f"; it has {near}" if near else "")
