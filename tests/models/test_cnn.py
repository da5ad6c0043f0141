"""The baseline CNN: what the order of its layers changes."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from helpers.library import configuration
from soundbench.models.registry import build_model


@pytest.mark.parametrize("model", ["cnn", "cnn-deep"])
def test_pooling_before_relu_gives_the_values_and_gradients_of_the_usual_order(model: str) -> None:
    torch.manual_seed(1)
    network = build_model(configuration()["models"][model], 10, (64, 37)).eval()  # without dropout
    features = torch.randn(3, 1, 64, 37)

    def gradients(values: torch.Tensor) -> list[torch.Tensor]:
        network.zero_grad()
        over_time = values.mean(dim=2)
        network.classifier(over_time.mean(dim=2) + over_time.amax(dim=2)).square().sum().backward()
        return [parameter.grad.clone() for parameter in network.parameters()]

    pooled_first = network.blocks(features)
    usual = features
    for block in network.blocks:
        *layers, pooling, relu = block
        assert isinstance(pooling, nn.MaxPool2d)
        assert isinstance(relu, nn.ReLU)
        usual = pooling(relu(nn.Sequential(*layers)(usual)))
    assert torch.equal(pooled_first, usual)
    for one, other in zip(gradients(pooled_first), gradients(usual), strict=True):
        assert torch.equal(one, other)
