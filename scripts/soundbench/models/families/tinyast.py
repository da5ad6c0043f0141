"""A small vision transformer on spectrograms, by default of 64 × 64 values, with patches of 8 × 8, a class token and
learned positions.

It is a small version of the AST of Y. Gong, Y.-A. Chung and J. Glass (Interspeech 2021). timm builds it as the ViT of
A. Dosovitskiy et al., "An image is worth 16 × 16 words", ICLR 2021.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn

from soundbench.models.families import timm
from soundbench.models.families.ast import check_sizes
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


@dataclass(frozen=True)
class Options:
    """The options of the network, as :data:`SETTINGS` describes them."""

    patch: int
    width: int
    depth: int
    heads: int
    dropout: float


def build(classes: int, shape: tuple[int, int], **options: Any) -> nn.Module:
    """Build it for features of ``shape``, with :class:`Options` as ``options``.

    It ignores the values beyond the last whole patch.

    Raises:
        InputError: no patch fits into the features, or the width is not a multiple of the number of heads.
    """
    return timm.build(classes, shape, name=NAME, arguments=_arguments(shape, Options(**options)))


def build_pretrained(classes: int, shape: tuple[int, int], weights: Weights, **options: Any) -> nn.Module:
    """Build the same with ``weights``; position embeddings are resampled to ``shape``."""
    arguments = _arguments(shape, Options(**options))
    return timm.build_pretrained(classes, shape, weights, name=NAME, arguments=arguments)


def _arguments(shape: tuple[int, int], sizes: Options) -> dict[str, Any]:
    check_sizes("tinyast", shape, sizes.patch, sizes.width, sizes.heads)
    return {
        "patch_size": sizes.patch,
        "embed_dim": sizes.width,
        "depth": sizes.depth,
        "num_heads": sizes.heads,
        "drop_rate": sizes.dropout,
    }
