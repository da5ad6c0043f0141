"""Encoders of the library transformers: wav2vec 2.0, HuBERT, WavLM, data2vec, UniSpeech, Whisper and CLAP.

A. Baevski et al., "wav2vec 2.0: A framework for self-supervised learning of speech representations", NeurIPS 2020;
W.-N. Hsu et al., "HuBERT", TASLP 2021; S. Chen et al., "WavLM", JSTSP 2022; A. Radford et al., "Whisper", ICML 2023;
Y. Wu et al., "CLAP", ICASSP 2023.

An encoder of raw audio takes the samples of each clip without its padding, by an attention mask. The outputs of its
blocks are pooled over the same time, and one linear layer classifies them. In encoders whose first convolution is
normalised over time (``feat_extract_norm: group``, most base sizes) and in data2vec, padding has some influence all the
same, as in transformers; all clips are padded to one length there. Of Whisper, the positions of a clip without the
silence at its end are pooled, and of CLAP all positions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from soundbench.core.errors import InputError
from soundbench.models.encoder_kinds import encoder_kind
from soundbench.models.encoders import CONFIGURATION, EXTRACTOR, KINDS, kind_problem, read_configuration
from soundbench.models.initial_weights import WEIGHTS_FILES, Address, Weights
from soundbench.models.load import State, load_weights, read_weights
from soundbench.models.pooling import PooledHead

if TYPE_CHECKING:
    from transformers import PreTrainedModel

INPUTS = ("waveform", "spectrogram")  # each kind of encoder has a front-end of its own
TOWERS = ("clap_audio_model", "whisper")  # the kinds that are saved with an encoder of texts, or a decoder
PUBLISHED = "hub"  # what `pretrained` names the weights that published() finds
SETTINGS = {
    "name": {
        "description": (
            "With `pretrained: hub`: the name of the encoder on the Hugging Face Hub, such as `facebook/wav2vec2-base`."
        ),
        "type": ["string", "null"],
        "pattern": r"^[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*$",
        "default": None,
    },
    "configuration": {
        "description": (
            "The encoder's configuration, as in its `config.json`; `model_type` names its kind. null: that of the "
            "weights."
        ),
        "type": ["object", "null"],
        "required": ["model_type"],
        "properties": {"model_type": {"description": "The kind of encoder.", "enum": KINDS}},
        "default": None,
    },
    "freeze_feature_encoder": {
        "description": "Whether the convolutions that read the features keep their weights in training.",
        "type": "boolean",
        "default": True,
    },
    "layer": {
        "description": (
            "Which output is pooled: of the `last` block, of a block by its number (0: the input of the first block), "
            "or the `weighted` sum of all of them, with learned weights that begin equal."
        ),
        "type": ["string", "integer"],
        "pattern": "^(last|weighted)$",
        "minimum": 0,
        "default": "last",
    },
    "pooling": {
        "description": (
            "Over the time of a clip without its padding: the `mean`, or an `attentive` mean, whose learned weights "
            "begin equal."
        ),
        "enum": ["mean", "attentive"],
        "default": "mean",
    },
    "dropout": {
        "description": "Share of the pooled values dropped before the last layer.",
        "type": "number",
        "minimum": 0,
        "exclusiveMaximum": 1,
        "default": 0,
    },
    "gradient_checkpointing": {
        "description": "Whether training computes the blocks twice, which needs less memory and more time.",
        "type": "boolean",
        "default": False,
    },
}
SEARCH = {"training.learning_rate": {"log": [0.000003, 0.0003]}, "dropout": {"uniform": [0.0, 0.5]}}


class AudioEncoder(nn.Module):
    """An encoder of transformers with a head; input and output are those of all families."""

    def __init__(self, encoder: PreTrainedModel, head: PooledHead, layer: str | int) -> None:
        super().__init__()
        self.encoder: Any = encoder
        self.head = head
        self.layer = layer
        self.frozen = False
        self.kind = encoder_kind(encoder.config)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Map ``(batch, 1, bins, frames)`` to logits ``(batch, classes)``."""
        outputs, mask = self.kind.outputs(self.encoder, features, self.layer != "last")
        return self.head([outputs[self.layer]] if isinstance(self.layer, int) else outputs, mask)

    def freeze_feature_encoder(self) -> None:
        """Keep the weights of the convolutions in training."""
        for module in self.kind.convolutions(self.encoder):
            own = getattr(module, "_freeze_parameters", None)  # also keeps gradients from being computed
            own() if own else module.requires_grad_(False)
        self.frozen = True

    def parts(self) -> list[nn.Module]:
        """Its blocks in order, the head last; without convolutions that are never trained."""
        convolutions = [] if self.frozen else self.kind.convolutions(self.encoder)
        return [*convolutions, *self.kind.blocks(self.encoder), self.head]


@dataclass(frozen=True)
class Options:
    """The options of the network, as :data:`SETTINGS` describes them."""

    name: str | None
    configuration: dict[str, Any] | None
    freeze_feature_encoder: bool
    layer: str | int
    pooling: str
    dropout: float
    gradient_checkpointing: bool


def build(classes: int, shape: tuple[int, int], **options: Any) -> AudioEncoder:
    """Build it from scratch by the ``configuration`` of its :class:`Options`, for features of ``shape``.

    Raises:
        InputError: there is no configuration, it is of another kind of encoder, it has no such layer, or the features
            do not fit.
    """
    chosen = Options(**options)
    layer = chosen.layer
    if chosen.configuration is None:
        raise InputError("transformers: give pretrained weights, or a configuration to train from scratch")
    encoder = _encoder(chosen.configuration, every_block=layer != "last")
    kind = encoder_kind(encoder.config)
    if problem := kind.problem(encoder.config, shape, layer):
        raise InputError(f"transformers: {problem}")
    layers = encoder.config.num_hidden_layers
    if isinstance(layer, int) and layer > layers:
        raise InputError(f"transformers: layer: {layer} is too large; the encoder has {layers} blocks")
    if chosen.gradient_checkpointing and not encoder.supports_gradient_checkpointing:
        raise InputError("transformers: gradient_checkpointing: this encoder does not support it")
    summed = layers + 1 if layer == "weighted" else 1
    attentive = chosen.pooling == "attentive"
    head = PooledHead(kind.size(encoder.config), summed, classes, attentive=attentive, dropout=chosen.dropout)
    network = AudioEncoder(encoder, head, layer)
    if chosen.freeze_feature_encoder:
        network.freeze_feature_encoder()
    if chosen.gradient_checkpointing:
        encoder.gradient_checkpointing_enable()
    return network


def _encoder(configuration: dict[str, Any], *, every_block: bool) -> PreTrainedModel:
    """The encoder of a configuration with random weights; only classes of transformers itself are used.

    Args:
        every_block: whether the outputs of all blocks are needed, so that none may be left out at random (layer drop).
    """
    from transformers import CONFIG_MAPPING, MODEL_MAPPING, ClapAudioModel
    from transformers.models.whisper import modeling_whisper

    kind = str(configuration.get("model_type"))
    if problem := kind_problem(kind):
        raise InputError(f"transformers: configuration.{problem}")
    # Its own masking draws from numpy's random numbers, which a resumed training does not restore.
    given = {key: value for key, value in configuration.items() if key != "model_type"}
    config = CONFIG_MAPPING[kind](**(given | {"apply_spec_augment": False, "add_adapter": False}))
    for key in ("layerdrop", "encoder_layerdrop"):
        if every_block and hasattr(config, key):
            setattr(config, key, 0.0)
    towers = dict(zip(TOWERS, (ClapAudioModel, modeling_whisper.WhisperEncoder), strict=True))
    model: Any = towers.get(kind) or MODEL_MAPPING[type(config)]
    return model(config)


def complete(weights: Weights, **options: Any) -> dict[str, Any]:
    """The options with the configuration of the ``weights``, so that the network can be built without them."""
    if options["configuration"] is not None:
        return options
    if weights.run:
        return options | {"configuration": weights.run["recipe"]["configuration"]}
    return options | {"configuration": read_configuration(weights.file.parent)}


def build_pretrained(classes: int, shape: tuple[int, int], weights: Weights, **options: Any) -> nn.Module:
    """Build the same with the ``weights`` of a run, or of a folder that transformers saved; the head is new.

    Raises:
        InputError: the weights do not fit.
    """
    network = build(classes, shape, **complete(weights, **options))
    state = read_weights(weights.file)
    if weights.run:
        return load_weights(network, state, weights.file)
    _load_encoder(network.encoder, _of_tower(state, network.encoder), weights)
    return network


def _of_tower(state: State, encoder: PreTrainedModel) -> State:
    """The weights of an encoder with its own names, without those of the decoder or the encoder of texts beside it."""
    if encoder.config.model_type not in TOWERS:
        return state
    first = next(iter(encoder.state_dict()))
    prefix = next((name.removesuffix(first) for name in state if name.endswith(f".{first}")), "")
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}


def _load_encoder(encoder: PreTrainedModel, state: State, weights: Weights) -> None:
    """Load weights with the names of any head of transformers, of the installed version or an older one."""
    from transformers.utils import logging

    logging.set_verbosity_error()  # it would list the weights of the other head
    logging.disable_progress_bar()
    loaded: Any = type(encoder).from_pretrained(None, config=encoder.config, state_dict=state, output_loading_info=True)
    found, report = loaded
    missing = sorted(set(report["missing_keys"]) - {"masked_spec_embed"})
    if missing or report["mismatched_keys"]:
        named = ", ".join([*missing, *map(str, report["mismatched_keys"])][:5])
        raise InputError(f"{weights.file}: does not fit its {CONFIGURATION}: {named} missing or of another shape")
    encoder.load_state_dict(found.state_dict())


def published(*, name: str | None, **options: Any) -> Address:
    """The weights of an encoder on the Hugging Face Hub.

    Raises:
        InputError: no name is given.
    """
    if name is None:
        raise InputError("name: is missing; pretrained: hub needs the name of an encoder on the Hugging Face Hub")
    return Address(name, WEIGHTS_FILES, (CONFIGURATION, EXTRACTOR))
