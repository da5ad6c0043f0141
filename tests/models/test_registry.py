"""Every model of the library takes one channel and gives logits; adding one takes one function and one entry."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields
from typing import Any

import pytest
import torch
from torch import nn

from helpers.library import configuration
from helpers.recipes import RECIPES
from helpers.workflow import REPOSITORY
from soundbench.core.errors import InputError
from soundbench.features.front_ends import part_names
from soundbench.features.settings import feature_bins
from soundbench.models.families import FAMILIES, is_fitted
from soundbench.models.registry import COMMON_KEYS, build_model
from soundbench.models.schema import load_schema

# The shapes of features for which the library states the parameters of a family, if features have no one size.
SHAPES = {"acdnet": (1, 30225), "envnet": (1, 66650), "linear": (768, 1), "mlp": (768, 1), "tinyast": (64, 64)}


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("shape", [(64, 216), (80, 67)])
@pytest.mark.parametrize("name", RECIPES)
def test_models_map_features_to_logits(name: str, shape: tuple[int, int]) -> None:
    network = build_model(RECIPES[name], 7, shape)
    logits = network(torch.zeros(2, 1, *shape))
    assert logits.shape == (2, 7)
    logits.sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_every_family_is_tried() -> None:
    assert {recipe["family"] for recipe in RECIPES.values()} == {name for name in FAMILIES.names if not is_fitted(name)}


@pytest.mark.slow
def test_library_states_each_model_s_parameters() -> None:
    """The comment beside each entry, against the network that is built from it."""
    comments = re.findall(
        r"^  ([\w-]+):  # .*?([\d.]+) (thousand|million) parameters$",
        (REPOSITORY / "config" / "models.yaml").read_text(),
        re.M,
    )
    config = configuration()
    recipes = config["models"]
    assert {name for name, _, _ in comments} == {name for name in recipes if not is_fitted(recipes[name]["family"])}
    for name, number, unit in comments:
        features = config["features"][recipes[name]["features"]]
        shape = SHAPES.get(recipes[name]["family"], (128, 1024))
        if features["front_end"] in ("concatenated", *part_names()):
            shape = (feature_bins(features), 1)
        with torch.device("meta"):
            count = parameters(build_model(recipes[name], 10, shape))
        assert f"{count / {'thousand': 1e3, 'million': 1e6}[unit]:.{len(number.partition('.')[2])}f}" == number, name


@pytest.mark.parametrize(("model", "attention"), [("resnet50-se", "SEModule"), ("resnet50-cbam", "CbamModule")])
def test_attention_stands_in_every_residual_block(model: str, attention: str) -> None:
    from timm.models.resnet import Bottleneck

    with torch.device("meta"):
        network = build_model(configuration()["models"][model], 10, (64, 216))
    blocks = [module for module in network.modules() if isinstance(module, Bottleneck)]
    assert len(blocks) == 3 + 4 + 6 + 3
    assert {type(block.se).__name__ for block in blocks} == {attention}


def test_seresnet50_is_resnet50_with_attention_by_name() -> None:
    by_argument = {"family": "timm", "name": "resnet50", "arguments": {"block_args": {"attn_layer": "se"}}}
    with torch.device("meta"):
        networks = [build_model(r, 10, (64, 216)) for r in (configuration()["models"]["resnet50-se"], by_argument)]
    assert str(networks[0]) == str(networks[1])


def test_width_and_convolutions_set_the_size_of_the_baseline() -> None:
    changes = ({}, {"width": 16}, {"convolutions": 2})
    base, wide, deep = (parameters(build_model(RECIPES["cnn"] | change, 10, (64, 64))) for change in changes)
    assert wide > 3 * base
    assert deep - base == sum(9 * width**2 + 2 * width for width in (8, 16, 32, 64))


@pytest.mark.parametrize(
    ("recipe", "shape", "expected"),
    [
        (RECIPES["alexnet"], (40, 216), "63 × 63 (bins × frames) or more, but these features give 40 × 216"),
        (RECIPES["ast"], (64, 12), "a patch of 16 × 16 does not fit"),
        (RECIPES["tinyast"] | {"heads": 5}, (64, 64), "the width, 12, is not a multiple of the number of heads, 5"),
        (RECIPES["resnet10t"] | {"name": "resnet_18"}, (64, 64), "timm has no model of this name; it has"),
        (RECIPES["resnet10t"] | {"arguments": {"blocks": 3}}, (64, 64), "cannot build it with the arguments"),
    ],
)
def test_impossible_models_are_refused_with_the_reason(
    recipe: dict[str, Any], shape: tuple[int, int], expected: str
) -> None:
    with pytest.raises(InputError, match=re.escape(expected)):
        build_model(recipe, 10, shape)


@pytest.mark.parametrize("family", FAMILIES.names)
def test_schema_describes_the_keys_that_the_family_takes(family: str) -> None:
    described = load_schema()["$defs"][f"{family}_family"]
    module = FAMILIES.load(family)
    build = inspect.signature(module.build)
    options = {name for name, option in build.parameters.items() if option.kind is option.KEYWORD_ONLY}
    if "options" in build.parameters:
        options |= {field.name for field in fields(module.Options)}
    if "class_weights" in FAMILIES.settings(family):
        options.add("class_weights")  # applied where a classifier is fitted
    assert set(described["properties"]) == {*COMMON_KEYS, *options}
    assert all(setting["description"] for setting in FAMILIES.settings(family).values())
