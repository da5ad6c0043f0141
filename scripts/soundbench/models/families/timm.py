"""Any model of timm, by its name, with one input channel (R. Wightman, "PyTorch Image Models", 2019)."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from torch import nn

from soundbench.core.errors import InputError
from soundbench.models.initial_weights import WEIGHTS_FILES, Address, Weights
from soundbench.models.load import State, fitting, read_weights

INPUTS = ("spectrogram",)
PUBLISHED = "imagenet"  # what `pretrained` names the weights that published() finds
ARGUMENTS = [
    "aa_layer",
    "aa_stem_only",
    "act_layer",
    "attn_drop_rate",
    "attn_layer",
    "avg_down",
    "base_width",
    "block_args",
    "block_config",
    "block_reduce_first",
    "bn_size",
    "cardinality",
    "channels",
    "class_token",
    "conv_bias",
    "conv_mlp",
    "depth",
    "depths",
    "dims",
    "down_kernel_size",
    "drop_block_rate",
    "drop_path_rate",
    "drop_rate",
    "dynamic_img_pad",
    "dynamic_img_size",
    "embed_dim",
    "fc_norm",
    "final_norm",
    "fix_init",
    "fix_stem",
    "global_pool",
    "growth_rate",
    "head_bias",
    "head_dim",
    "head_hidden_size",
    "head_init_scale",
    "head_norm",
    "head_norm_first",
    "img_size",
    "init_values",
    "kernel_sizes",
    "layer_scale_init_value",
    "layers",
    "ls_init_value",
    "mlp_ratio",
    "no_embed_class",
    "norm_eps",
    "norm_layer",
    "num_features",
    "num_heads",
    "output_stride",
    "pad_type",
    "patch_drop_rate",
    "patch_size",
    "pos_drop_rate",
    "pos_embed",
    "pre_norm",
    "proj_bias",
    "proj_drop_rate",
    "qk_norm",
    "qkv_bias",
    "reg_tokens",
    "replace_stem_pool",
    "scale_attn_norm",
    "scale_mlp_norm",
    "se_from_exp",
    "se_layer",
    "stem_kernel_size",
    "stem_size",
    "stem_type",
    "stem_width",
    "strict_img_size",
    "use_grn",
    "weight_init",
    "window_size",
    "zero_init_last",
]  # of create_model, none of which names a file or an address
SETTINGS = {
    "name": {"description": "The model's name in timm.", "type": "string", "minLength": 1},
    "arguments": {
        "description": (
            "Arguments of `timm.create_model` that shape the network, such as `drop_rate`, `layers` or "
            "`block_args`. Arguments that name files or addresses are refused, so that somebody else's "
            "model opens none."
        ),
        "type": "object",
        "default": {},
        "additionalProperties": False,
        "properties": {argument: {} for argument in ARGUMENTS},
    },
}
SEARCH = {"training.learning_rate": {"log": [0.0001, 0.01]}, "training.weight_decay": {"log": [0.001, 0.3]}}


def build(classes: int, shape: tuple[int, int], *, name: str, arguments: dict[str, Any]) -> nn.Module:
    """Build ``timm.create_model(name, **arguments)`` from scratch.

    A network for features of one size, such as a vision transformer, is built for ``shape``. It ignores the values
    beyond the last whole patch.

    Raises:
        InputError: there is no such model, or it does not take these arguments.
    """
    return _create(name, shape, arguments, num_classes=classes)


def build_pretrained(
    classes: int, shape: tuple[int, int], weights: Weights, *, name: str, arguments: dict[str, Any]
) -> nn.Module:
    """Build the same with ``weights``, loaded by timm.

    timm sums the weights of the first convolution over its channels and resamples position embeddings. A head for other
    classes is replaced.

    Raises:
        InputError: the weights do not fit.
    """
    state = read_weights(weights.file)
    known = _configuration(name)
    saved_classes = _rows(state, known.classifier)
    one_channel = _rows(state, known.first_conv, axis=1) == 1
    size = weights.run["shape"] if weights.run else known.input_size[1:]
    overlay = {
        "file": str(weights.file),
        "num_classes": saved_classes,
        "label_offset": 0,
        "input_size": (1 if one_channel else known.input_size[0], *size),
    }
    options = {"num_classes": saved_classes, "pretrained": True, "pretrained_cfg_overlay": overlay}
    with fitting(weights.file):
        network = _create(name, shape, arguments, **options)
    if saved_classes != classes:
        network.reset_classifier(classes)
    return network


def published(*, name: str, **options: Any) -> Address:
    """The default weights of timm for a name; most are trained on ImageNet.

    Raises:
        InputError: timm has none.
    """
    known = _configuration(name)
    if not known.has_weights:
        raise InputError(f"{name}: timm has no pretrained weights of this name")
    if known.hf_hub_id:
        return Address(known.hf_hub_id, (known.hf_hub_filename,) if known.hf_hub_filename else WEIGHTS_FILES)
    return Address(known.url, (known.url.rsplit("/", 1)[1],))


def _configuration(name: str) -> Any:
    """The configuration that timm has for the weights of a name."""
    import timm

    if not timm.is_model(name):
        near = ", ".join(get_close_matches(name, timm.list_models()))
        raise InputError(f"{name}: timm has no model of this name" + (f"; it has {near}" if near else ""))
    return timm.get_pretrained_cfg(name) or timm.models.PretrainedCfg()


def _create(name: str, shape: tuple[int, int], arguments: dict[str, Any], **options: Any) -> Any:
    import timm

    known = _configuration(name)
    sized = {"img_size": shape} if known.fixed_input_size else {}
    try:
        return timm.create_model(name, in_chans=1, **options, **(sized | arguments))
    except (AssertionError, AttributeError, ImportError, LookupError, TypeError, ValueError) as error:
        raise InputError(f"{name}: timm cannot build it with the arguments {arguments} ({error})") from error


def _rows(state: State, layer: Any, axis: int = 0) -> int:
    """The number of outputs (or, along axis 1, inputs) of a layer in ``state``; 0 if the layer is missing."""
    weight = state.get(f"{layer[0] if isinstance(layer, tuple) else layer}.weight")
    return 0 if weight is None else weight.shape[axis]
