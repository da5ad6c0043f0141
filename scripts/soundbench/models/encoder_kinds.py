"""How each kind of encoder of transformers is called: what it takes, what it gives, and its blocks in order."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import nn

from soundbench.core.padding import true_lengths
from soundbench.models.encoders import FRONT_END_OF

Outputs = tuple[list[torch.Tensor], torch.Tensor]


class EncoderKind(Protocol):
    """What the kinds differ in; ``encoder`` is the network of transformers, and ``config`` its configuration."""

    def problem(self, config: Any, shape: tuple[int, int], layer: str | int) -> str | None:
        """Why it does not work with features of ``shape``, or has no such output; None if all is well."""

    def size(self, config: Any) -> int:
        """The values per position of its output."""

    def outputs(self, encoder: Any, features: torch.Tensor, every: bool) -> Outputs:
        """Map ``(batch, 1, bins, frames)`` to outputs ``(batch, positions, size)``, and which positions count.

        Args:
            every: whether the outputs of all blocks are given, after the input of the first block.
        """

    def convolutions(self, encoder: Any) -> list[nn.Module]:
        """The layers that read the features, before all blocks."""

    def blocks(self, encoder: Any) -> list[nn.Module]:
        """What follows them, in order."""


class RawAudio:
    """Samples of any length: wav2vec 2.0 and its relatives, which share one structure."""

    def problem(self, config: Any, shape: tuple[int, int], layer: str | int) -> str | None:
        if shape[1] < (shortest := receptive_field(config)):
            return f"clips of {shape[1]} samples are too short; the encoder needs {shortest}"
        return None

    def size(self, config: Any) -> int:
        return config.hidden_size

    def outputs(self, encoder: Any, features: torch.Tensor, every: bool) -> Outputs:
        samples = features.flatten(1)
        lengths = true_lengths(samples).clamp(min=receptive_field(encoder.config))
        if ignores_padding(encoder.config) and not torch.compiler.is_exporting():
            samples = samples[:, : int(lengths.max())]
        mask = torch.arange(samples.shape[1], device=samples.device) < lengths[:, None]
        found = encoder(samples * mask, attention_mask=mask.long(), output_hidden_states=every)
        return _masked(found, every, encoder._get_feat_extract_output_lengths(lengths))

    def convolutions(self, encoder: Any) -> list[nn.Module]:
        return [encoder.feature_extractor]

    def blocks(self, encoder: Any) -> list[nn.Module]:
        inner = [module for name, module in encoder.encoder.named_children() if name != "layers"]
        return [encoder.feature_projection, *inner, *encoder.encoder.layers]


class Whisper:
    """The encoder of Whisper, which attends to the silence after a clip as well; the silence is not pooled."""

    def problem(self, config: Any, shape: tuple[int, int], layer: str | int) -> str | None:
        wanted = (config.num_mel_bins, 2 * config.max_source_positions)
        if shape == wanted:
            return None
        return f"the encoder needs features of {wanted[0]} × {wanted[1]}, not {shape[0]} × {shape[1]}"

    def size(self, config: Any) -> int:
        return config.d_model

    def outputs(self, encoder: Any, features: torch.Tensor, every: bool) -> Outputs:
        spectrograms = features.squeeze(1)
        found = encoder(spectrograms, output_hidden_states=every)
        frames = true_lengths(spectrograms.amax(dim=1), spectrograms.amin(dim=(1, 2)))
        return _masked(found, every, (frames + 1) // 2)  # the second convolution takes every other frame

    def convolutions(self, encoder: Any) -> list[nn.Module]:
        return [encoder.conv1, encoder.conv2]

    def blocks(self, encoder: Any) -> list[nn.Module]:
        return [*encoder.layers, encoder.layer_norm]


class Clap:
    """The audio tower of CLAP (HTS-AT). With feature fusion, each clip counts as one that needs no crops."""

    def problem(self, config: Any, shape: tuple[int, int], layer: str | int) -> str | None:
        frames = config.spec_size * (config.spec_size // config.num_mel_bins)
        if layer != "last":
            return "layer: the stages of CLAP have outputs of different sizes; choose last"
        if shape[0] != config.num_mel_bins or shape[1] > frames:
            return (
                f"the encoder needs features of {config.num_mel_bins} × at most {frames}, not {shape[0]} × {shape[1]}"
            )
        return None

    def size(self, config: Any) -> int:
        return config.patch_embeds_hidden_size * 2 ** (len(config.depths) - 1)

    def outputs(self, encoder: Any, features: torch.Tensor, every: bool) -> Outputs:
        longer = torch.zeros(len(features), 1, dtype=torch.bool, device=features.device)
        found = encoder(features.transpose(2, 3), is_longer=longer).last_hidden_state
        values = found.flatten(2).transpose(1, 2)
        return [values], torch.ones(values.shape[:2], dtype=torch.bool, device=values.device)

    def convolutions(self, encoder: Any) -> list[nn.Module]:
        return [encoder.audio_encoder.batch_norm, encoder.audio_encoder.patch_embed]

    def blocks(self, encoder: Any) -> list[nn.Module]:
        return [*encoder.audio_encoder.layers, encoder.audio_encoder.norm]


KINDS: dict[str, EncoderKind] = {"waveform": RawAudio(), "whisper": Whisper(), "clap": Clap()}  # by front-end


def encoder_kind(config: Any) -> EncoderKind:
    """How the encoder of a configuration is called."""
    return KINDS[FRONT_END_OF[config.model_type]]


def _masked(found: Any, every: bool, lengths: torch.Tensor) -> Outputs:
    outputs = list(found.hidden_states) if every else [found.last_hidden_state]
    return outputs, torch.arange(outputs[0].shape[1], device=lengths.device) < lengths[:, None]


def ignores_padding(config: Any) -> bool:
    """Whether the outputs of an encoder with a mask do not depend on the padding.

    A batch may then be cut to its longest clip.
    """
    return config.feat_extract_norm == "layer" and config.model_type != "data2vec-audio"


def receptive_field(config: Any) -> int:
    """The samples that one output of the convolutions is computed from."""
    size = 1
    for kernel, stride in zip(reversed(config.conv_kernel), reversed(config.conv_stride), strict=True):
        size = (size - 1) * stride + kernel
    return size
