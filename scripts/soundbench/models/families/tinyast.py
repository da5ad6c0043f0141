"""A small vision transformer on spectrograms, by default of 64 × 64 values, with patches of 8 × 8, a class token and
learned positions.

It is a small version of the AST of Y. Gong, Y.-A. Chung and J. Glass (Interspeech 2021). timm builds it as the ViT of
A. Dosovitskiy et al., "An image is worth 16 × 16 words", ICLR 2021.
"""

from __future__ import annotations

from typing import Any

from torch import nn

from soundbench.core.errors import InputError
from soundbench.models.families import timm
from soundbench.models.initial_weights import Weights

INPUTS = ("spectrogram",)
SETTINGS = {
    "patch": {"description": "Bins and frames per patch.", "type": "integer", "minimum": 1, "default": 8},
    "width": {
        "description": "Size of each token; the hidden layers of each block are four times as wide.",
        "type": "integer",
        "minimum": 1,
        "default": 192,
    },
    "depth": {"description": "Number of attention blocks.", "type": "integer", "minimum": 1, "default": 6},
    "heads": {
        "description": "Number of attention heads, which share the width.",
        "type": "integer",
        "minimum": 1,
        "default": 3,
    },
    "dropout": {
        "description": "Share of features dropped before the last layer.",
        "type": "number",
        "minimum": 0,
        "exclusiveMaximum": 1,
        "default": 0.1,
    },
}
SEARCH = {"training.learning_rate": {"log": [0.0001, 0.003]}, "dropout": {"uniform": [0.0, 0.4]}}

NAME = "vit_tiny_patch16_224"  # timm's name of the network; its sizes are replaced


def build(
    classes: int, shape: tuple[int, int], *, patch: int, width: int, depth: int, heads: int, dropout: float
) -> nn.Module:
    """Build it for features of ``shape``. It ignores the values beyond the last whole patch.

    Raises:
        InputError: no patch fits into the features, or the width is not a multiple of the number of heads.
    """
    return timm.build(classes, shape, name=NAME, arguments=_arguments(shape, patch, width, depth, heads, dropout))


def build_pretrained(
    classes: int,
    shape: tuple[int, int],
    weights: Weights,
    *,
    patch: int,
    width: int,
    depth: int,
    heads: int,
    dropout: float,
) -> nn.Module:
    """Build the same with ``weights``; position embeddings are resampled to ``shape``."""
    arguments = _arguments(shape, patch, width, depth, heads, dropout)
    return timm.build_pretrained(classes, shape, weights, name=NAME, arguments=arguments)


def _arguments(
    shape: tuple[int, int], patch: int, width: int, depth: int, heads: int, dropout: float
) -> dict[str, Any]:
    if min(shape) < patch:
        raise InputError(f"tinyast: a patch of {patch} × {patch} does not fit into features of {shape[0]} × {shape[1]}")
    if width % heads:
        raise InputError(f"tinyast: the width, {width}, is not a multiple of the number of heads, {heads}")
    sizes = {"patch_size": patch, "embed_dim": width, "depth": depth, "num_heads": heads}
    return sizes | {"drop_rate": dropout}
