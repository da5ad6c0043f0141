"""A small network of every family."""

from __future__ import annotations

from typing import Any

RECIPES: dict[str, dict[str, Any]] = {
    "alexnet": {"family": "alexnet", "dropout": 0.5},
    "ast": {
        "family": "ast",
        "width": 8,
        "depth": 2,
        "heads": 2,
        "patch": 16,
        "frequency_stride": 10,
        "time_stride": 10,
    },
    "cnn": {"family": "cnn", "width": 8, "blocks": 4, "convolutions": 1, "dropout": 0.2},
    "linear": {"family": "linear", "dropout": 0.5},
    "resnet10t": {"family": "timm", "name": "resnet10t", "arguments": {}},
    "cbam": {"family": "timm", "name": "resnet10t", "arguments": {"block_args": {"attn_layer": "cbam"}}},
    "vit": {"family": "timm", "name": "vit_tiny_patch16_224", "arguments": {"depth": 1, "embed_dim": 12}},
    "tinyast": {"family": "tinyast", "patch": 8, "width": 12, "depth": 2, "heads": 3, "dropout": 0.1},
}
