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
    "acdnet": {"family": "acdnet", "width": 1, "pool": 10, "dropout": 0.2},
    "cnn": {"family": "cnn", "width": 8, "blocks": 4, "convolutions": 1, "dropout": 0.2},
    "envnet": {"family": "envnet", "pool": 8, "hidden": 12, "dropout": 0.5},
    "linear": {"family": "linear", "dropout": 0.5},
    "mlp": {"family": "mlp", "hidden": 12, "dropout": 0.1},
    "resnet10t": {"family": "timm", "name": "resnet10t", "arguments": {}},
    "cbam": {"family": "timm", "name": "resnet10t", "arguments": {"block_args": {"attn_layer": "cbam"}}},
    "vit": {"family": "timm", "name": "vit_tiny_patch16_224", "arguments": {"depth": 1, "embed_dim": 12}},
    "wav2vec2": {
        "family": "transformers",
        "name": None,
        "configuration": {
            "model_type": "wav2vec2",
            "hidden_size": 12,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "intermediate_size": 24,
            "conv_dim": [4, 4],
            "conv_stride": [5, 4],
            "conv_kernel": [10, 8],
            "num_feat_extract_layers": 2,
            "num_conv_pos_embeddings": 16,
            "num_conv_pos_embedding_groups": 2,
            "mask_time_prob": 0.0,
            "layerdrop": 0.0,
        },
        "freeze_feature_encoder": False,
        "layer": "last",
        "pooling": "attentive",
        "dropout": 0.0,
        "gradient_checkpointing": False,
    },
    "tinyast": {"family": "tinyast", "patch": 8, "width": 12, "depth": 2, "heads": 3, "dropout": 0.1},
}
