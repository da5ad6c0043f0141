"""Every family builds networks that take one channel and any size, and give logits."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from soundbench.models import build_model

RECIPES: dict[str, dict[str, Any]] = {
    "cnn": {"family": "cnn", "width": 8, "blocks": 4, "dropout": 0.2},
    "resnet18": {"family": "timm", "name": "resnet18", "arguments": {}},
}


@pytest.mark.parametrize("shape", [(64, 216), (40, 33)])
@pytest.mark.parametrize("name", RECIPES)
def test_pictures_in_logits_out(name: str, shape: tuple[int, int]) -> None:
    network = build_model(RECIPES[name] | {"features": "x", "training": {}}, 7, shape)
    logits = network(torch.zeros(2, 1, *shape))
    assert logits.shape == (2, 7)
    logits.sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_width_and_blocks_set_the_size_of_the_baseline() -> None:
    sizes = [
        sum(p.numel() for p in build_model(RECIPES["cnn"] | {"width": width}, 10, (64, 64)).parameters())
        for width in (8, 16)
    ]
    assert sizes[1] > 3 * sizes[0]
