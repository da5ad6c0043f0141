"""The audio spectrogram transformer from the library transformers.

Y. Gong, Y.-A. Chung and J. Glass, "AST: Audio Spectrogram Transformer", Interspeech 2021.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from soundbench.core.errors import InputError
from soundbench.models.initial_weights import WEIGHTS_FILES, Address, Weights
from soundbench.models.load import State, load_weights, read_weights

if TYPE_CHECKING:
    from transformers import ASTConfig, ASTForAudioClassification

INPUTS = ("spectrogram",)
PUBLISHED = "audioset"  # what `pretrained` names the weights that published() finds
SETTINGS = {
    "width": {
        "description": "Size of each token; the hidden layers of each block are four times as wide.",
        "type": "integer",
        "minimum": 1,
        "default": 768,
    },
    "depth": {"description": "Number of attention blocks.", "type": "integer", "minimum": 1, "default": 12},
    "heads": {
        "description": "Number of attention heads, which share the width.",
        "type": "integer",
        "minimum": 1,
        "default": 12,
    },
    "patch": {"description": "Bins and frames per patch.", "type": "integer", "minimum": 1, "default": 16},
    "frequency_stride": {
        "description": "Bins from one patch to the next.",
        "type": "integer",
        "minimum": 1,
        "default": 10,
    },
    "time_stride": {
        "description": "Frames from one patch to the next.",
        "type": "integer",
        "minimum": 1,
        "default": 10,
    },
}
SEARCH = {"training.learning_rate": {"log": [0.000003, 0.0003]}, "training.weight_decay": {"log": [1e-07, 0.1]}}

AUDIOSET = "MIT/ast-finetuned-audioset-10-10-0.4593"
POSITIONS = "network.audio_spectrogram_transformer.embeddings.position_embeddings"
TOKENS = 2  # the class token and the distillation token, which precede the tokens of the patches


class SpectrogramTransformer(nn.Module):
    """The AST of transformers, with the input and output that all families have."""

    def __init__(self, network: ASTForAudioClassification) -> None:
        super().__init__()
        self.network = network

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Map ``(batch, 1, bins, frames)`` to logits ``(batch, classes)``."""
        return self.network(features.squeeze(1).transpose(1, 2)).logits

    def parts(self) -> list[nn.Module]:
        """Its blocks in order, the head last."""
        body = self.network.audio_spectrogram_transformer
        return [body.embeddings, *body.layers, body.layernorm, self.network.classifier]


@dataclass(frozen=True)
class Options:
    """The options of the network, as :data:`SETTINGS` describes them."""

    width: int
    depth: int
    heads: int
    patch: int
    frequency_stride: int
    time_stride: int


def build(classes: int, shape: tuple[int, int], **options: int) -> SpectrogramTransformer:
    """Build it from scratch for features of ``shape``, with :class:`Options` as ``options``.

    Raises:
        InputError: no patch fits into the features, or the width is not a multiple of the number of heads.
    """
    from transformers import ASTConfig, ASTForAudioClassification

    sizes = Options(**options)
    check_sizes("ast", shape, sizes.patch, sizes.width, sizes.heads)
    config = ASTConfig(
        hidden_size=sizes.width,
        num_hidden_layers=sizes.depth,
        num_attention_heads=sizes.heads,
        intermediate_size=4 * sizes.width,
        patch_size=sizes.patch,
        frequency_stride=sizes.frequency_stride,
        time_stride=sizes.time_stride,
        num_mel_bins=shape[0],
        max_length=shape[1],
        num_labels=classes,  # one of the keywords that every configuration has
    )
    return SpectrogramTransformer(ASTForAudioClassification(config))


def check_sizes(family: str, shape: tuple[int, int], patch: int, width: int, heads: int) -> None:
    """Refuse a patch that does not fit into features of ``shape``, and a width that ``heads`` cannot share."""
    if min(shape) < patch:
        raise InputError(
            f"{family}: a patch of {patch} × {patch} does not fit into features of {shape[0]} × {shape[1]}"
        )
    if width % heads:
        raise InputError(f"{family}: the width, {width}, is not a multiple of the number of heads, {heads}")


def build_pretrained(classes: int, shape: tuple[int, int], weights: Weights, **options: Any) -> nn.Module:
    """Build the same with the ``weights`` of a run, or of a folder that transformers saved.

    Position embeddings are interpolated to ``shape``. A head for other classes is replaced.

    Raises:
        InputError: the weights do not fit.
    """
    network = build(classes, shape, **options)
    if weights.run:
        recipe = weights.run["recipe"]
        strides = (recipe["patch"], recipe["frequency_stride"], recipe["time_stride"])
        state = read_weights(weights.file)
        saved_grid = _grid(tuple(weights.run["shape"]), *strides)
    else:
        state, config = _saved_by_transformers(weights.file)
        saved_grid = _grid_of(config)
    positions = resample_positions(state[POSITIONS], saved_grid, _grid_of(network.network.config))
    return load_weights(network, state | {POSITIONS: positions}, weights.file)


def transformers_model(network: SpectrogramTransformer) -> ASTForAudioClassification:
    """The model of transformers, for an export that its pipelines can load."""
    return network.network


def published(**options: Any) -> Address:
    """The weights that were trained on AudioSet."""
    return Address(AUDIOSET, WEIGHTS_FILES, ("config.json",))


def resample_positions(positions: torch.Tensor, old_grid: tuple[int, int], new_grid: tuple[int, int]) -> torch.Tensor:
    """Interpolate position embeddings ``(1, tokens, width)`` from one grid of patches ``(bins, frames)`` to another.

    The interpolation is bilinear, as in the paper. The embeddings of the class and distillation tokens do not change.
    """
    if old_grid == new_grid:
        return positions
    tokens = positions[:, :TOKENS].float()
    grid = positions[:, TOKENS:].float().reshape(1, *old_grid, -1).permute(0, 3, 1, 2)
    grid = nn.functional.interpolate(grid, size=new_grid, mode="bilinear")
    return torch.cat([tokens, grid.permute(0, 2, 3, 1).reshape(1, new_grid[0] * new_grid[1], -1)], dim=1)


def _grid(shape: tuple[int, int], patch: Any, frequency_stride: int, time_stride: int) -> tuple[int, int]:
    return (shape[0] - patch) // frequency_stride + 1, (shape[1] - patch) // time_stride + 1


def _grid_of(config: ASTConfig) -> tuple[int, int]:
    shape = (config.num_mel_bins, config.max_length)
    return _grid(shape, config.patch_size, config.frequency_stride, config.time_stride)


def _saved_by_transformers(file: Path) -> tuple[State, ASTConfig]:
    """The weights beside a ``config.json``, with the names of the installed transformers, and that configuration."""
    from transformers import ASTConfig, ASTForAudioClassification

    if not file.with_name("config.json").is_file():
        raise InputError(
            f"{file}: there is no config.json beside it; name a folder that the AST of transformers was saved to"
        )
    config = ASTConfig.from_pretrained(file.parent)
    loaded: Any = ASTForAudioClassification.from_pretrained(
        None, config=config, state_dict=read_weights(file), output_loading_info=True
    )
    network, report = loaded
    mismatches = sorted(report["missing_keys"]) + sorted(report["unexpected_keys"])
    if mismatches:
        raise InputError(f"{file}: does not fit its config.json: {', '.join(mismatches[:5])} missing or unexpected")
    return SpectrogramTransformer(network).state_dict(), config
