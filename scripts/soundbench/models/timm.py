"""Anything in timm by its name there, with one input channel (R. Wightman, "PyTorch Image Models", 2019)."""

from __future__ import annotations

from typing import Any

from torch import nn


def build(classes: int, shape: tuple[int, int], *, name: str, arguments: dict[str, Any]) -> nn.Module:
    """Build ``timm.create_model(name)`` from scratch; ``arguments`` are passed on to it."""
    import timm

    return timm.create_model(name, pretrained=False, in_chans=1, num_classes=classes, **arguments)
