"""Encoders of transformers: equal to its own forward pass, with padding; what does not fit is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch import nn

from helpers.library import configuration, front_end
from soundbench.core.errors import InputError
from soundbench.core.storage import write_json
from soundbench.features.clip_features import fixed_size
from soundbench.features.front_ends import FRONT_ENDS
from soundbench.features.settings import frame_count, input_kind, window_lengths
from soundbench.models.encoders import encoder_problems
from soundbench.models.finetuning import freeze, network_parts
from soundbench.models.initial_weights import Weights, find_weights, weight_files
from soundbench.models.pooling import true_lengths
from soundbench.models.registry import build_model, complete_recipe

SAMPLES = 4000
LENGTHS = (2500, 1200, SAMPLES)
SIZES: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "conv_dim": (8, 8),
    "conv_stride": (5, 4),
    "conv_kernel": (10, 8),
    "num_feat_extract_layers": 2,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 2,
}
CHECKPOINTS = [
    ("Wav2Vec2", "ForPreTraining", "layer"),
    ("Wav2Vec2", "ForSequenceClassification", "group"),
    ("Hubert", "Model", "layer"),
    ("Hubert", "ForSequenceClassification", "group"),
    ("WavLM", "Model", "layer"),
    ("WavLM", "Model", "group"),
    ("Data2VecAudio", "Model", "layer"),
    ("UniSpeech", "Model", "layer"),
    ("UniSpeechSat", "Model", "layer"),
]


def recipe(**options: Any) -> dict[str, Any]:
    """A recipe with every default filled in."""
    changes = {"own": {"family": "transformers", "features": "waveform", "training": {"epochs": 1}} | options}
    complete: dict[str, Any] = configuration(models=changes)["models"]["own"]
    return complete


def saved(folder: Path, kind: str = "Wav2Vec2", head: str = "Model", norm: str = "layer", rate: int = 16000) -> Any:
    """A small checkpoint of a kind, as transformers saves it; returns its network."""
    torch.manual_seed(0)
    config = getattr(transformers, f"{kind}Config")(**SIZES, feat_extract_norm=norm)
    network = getattr(transformers, f"{kind}{head}")(config).eval()
    network.save_pretrained(folder)
    write_json(folder / "preprocessor_config.json", {"sampling_rate": rate})
    return network


def weights_in(folder: Path) -> Weights:
    found = find_weights(weight_files(str(folder), "results"))
    assert found is not None
    return found


def clips() -> torch.Tensor:
    """Three clips ``(3, 1, 1, samples)``, two of which are padded with their lowest value, as they are stored."""
    samples = torch.randn(len(LENGTHS), 1, 1, SAMPLES, generator=torch.Generator().manual_seed(1))
    for clip, length in zip(samples, LENGTHS, strict=True):
        clip[..., length:] = clip[..., :length].min()
    return samples


def pooled(network: nn.Module, samples: torch.Tensor) -> torch.Tensor:
    """The input of the last layer."""
    kept: list[torch.Tensor] = []
    with torch.no_grad(), network.head.classifier.register_forward_pre_hook(lambda _, given: kept.append(given[0])):
        network.eval()(samples)
    return kept[0]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "head", "norm"), CHECKPOINTS)
def test_encoder_is_that_of_transformers(tmp_path: Path, kind: str, head: str, norm: str) -> None:
    """The mean over each clip's own time, with the attention mask of the padding."""
    saved_network = saved(tmp_path, kind, head, norm)
    body = getattr(saved_network, saved_network.base_model_prefix, saved_network)
    mask = (torch.arange(SAMPLES) < torch.tensor(LENGTHS)[:, None]).long()
    with torch.no_grad():
        found = body(clips()[:, 0, 0] * mask, attention_mask=mask).last_hidden_state
    own = body._get_feature_vector_attention_mask(found.shape[1], mask)[:, :, None]
    network = build_model(recipe(), 3, (1, SAMPLES), weights_in(tmp_path))
    assert torch.allclose(pooled(network, clips()), (found * own).sum(1) / own.sum(1), atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("pooling", ["mean", "attentive"])
@pytest.mark.parametrize("layer", ["last", "weighted", 0, 1])
def test_a_clip_does_not_depend_on_its_padding(tmp_path: Path, layer: str | int, pooling: str) -> None:
    """Each clip alone and without padding, through transformers; learned weights begin equal."""
    body = saved(tmp_path)
    network = build_model(recipe(layer=layer, pooling=pooling), 3, (1, SAMPLES), weights_in(tmp_path))
    values = pooled(network, clips())
    for number, length in enumerate(LENGTHS):
        with torch.no_grad():
            every = body(clips()[number, 0, :, :length], output_hidden_states=True).hidden_states
        expected = torch.stack(every).mean(0) if layer == "weighted" else every[-1 if layer == "last" else int(layer)]
        assert torch.allclose(values[number], expected[0].mean(0), atol=1e-5)


def test_padding_is_found_as_it_is_stored() -> None:
    settings = front_end("waveform")
    samples = torch.randn(3, 500, generator=torch.Generator().manual_seed(0)).half().float()
    stored = torch.stack(
        [
            fixed_size(clip[None, :length], 500, settings)[0][0]
            for clip, length in zip(samples, (500, 300, 1), strict=True)
        ]
    )
    assert true_lengths(stored.half().float()).tolist() == [500, 300, 500]  # a clip of one value has no padding


def test_waveform_has_one_frame_per_sample() -> None:
    settings = front_end("waveform", front_end="waveform", sample_rate=8000)
    samples = torch.randn(4001).numpy()
    assert FRONT_ENDS.load("waveform").compute(samples, 8000, settings).shape == (1, 4001)
    assert frame_count(4001 / 8000, 8000, settings) == 4001
    assert window_lengths(4001, 8000, settings) == (4001, 4001)
    assert input_kind(settings) == "waveform"


def test_samples_are_normalised_as_by_the_feature_extractor() -> None:
    samples = 0.1 + 0.3 * torch.randn(1, 2000, generator=torch.Generator().manual_seed(0))
    extractor = transformers.Wav2Vec2FeatureExtractor(do_normalize=True)
    expected = extractor(samples[0].numpy(), sampling_rate=16000, return_tensors="pt").input_values
    assert torch.allclose(fixed_size(samples, 2000, front_end("waveform"))[0], expected, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("checkpointing", [False, True])
def test_the_head_and_the_blocks_learn_and_the_convolutions_do_not(tmp_path: Path, checkpointing: bool) -> None:
    saved(tmp_path)
    chosen = recipe(pooling="attentive", layer="weighted", gradient_checkpointing=checkpointing)
    network = build_model(chosen, 3, (1, SAMPLES), weights_in(tmp_path)).train()
    network(clips())[:, 0].sum().backward()
    learning = {name for name, parameter in network.named_parameters() if parameter.grad is not None}
    assert {"head.classifier.weight", "head.layer_weights"} <= learning
    assert any(name.startswith("encoder.encoder.layers.0") for name in learning)
    assert not any(name.startswith("encoder.feature_extractor") for name in learning)
    assert network_parts(network)[-1] == [network.head]
    freeze(network, "head")
    trained = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
    assert all(name.startswith("head.") for name in trained)


def test_a_run_is_rebuilt_without_the_weights_that_it_started_from(tmp_path: Path) -> None:
    saved(tmp_path)
    network = build_model(recipe(), 3, (1, SAMPLES), weights_in(tmp_path)).eval()
    rebuilt = build_model(complete_recipe(recipe(), weights_in(tmp_path)), 3, (1, SAMPLES)).eval()
    rebuilt.load_state_dict(network.state_dict())
    assert torch.equal(rebuilt(clips()), network(clips()))


def test_an_encoder_of_another_sample_rate_is_refused(tmp_path: Path) -> None:
    saved(tmp_path, rate=8000)
    expected = "was trained on audio at 8000 Hz, but its front-end gives 16000 Hz"
    assert expected in next(encoder_problems(weights_in(tmp_path), "transformers", front_end("waveform")))
    selected = {"datasets": ["synthetic"], "models": ["own"]}
    model = {"family": "transformers", "features": "waveform", "pretrained": str(tmp_path), "training": {"epochs": 1}}
    with pytest.raises(InputError, match=expected):
        configuration(benchmark=selected, models={"own": model})
    embedded = {"front_end": "embedding", "features": "waveform"}
    embedded["model"] = {"family": "transformers", "pretrained": str(tmp_path)}
    with pytest.raises(InputError, match=expected):
        configuration(
            benchmark=selected, features={"own": embedded}, models={"own": {"family": "svm", "features": "own"}}
        )


def test_other_encoders_are_refused(tmp_path: Path) -> None:
    write_json(tmp_path / "config.json", {"model_type": "whisper", "auto_map": {"AutoModel": "code.Model"}})
    (tmp_path / "model.safetensors").touch()
    problem = next(encoder_problems(weights_in(tmp_path), "transformers", front_end("waveform")))
    assert "'whisper' is not an encoder of raw audio that is supported" in problem


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ({"family": "cnn", "features": "waveform"}, "features: waveform gives the samples of clips, but cnn needs"),
        ({"family": "linear", "features": "waveform"}, "features: waveform gives the samples of clips, but linear"),
        ({"family": "transformers", "features": "logmel64"}, "features: logmel64 gives a spectrogram, but transf"),
        ({"family": "transformers", "features": "functionals"}, "features: functionals gives one vector per clip"),
        ({"family": "transformers", "features": "waveform", "pretrained": "hub"}, "name: is missing"),
        (
            {"family": "transformers", "features": "waveform", "training": {"epochs": 1, "augment": {"mixup": 0.2}}},
            "training.augment: mixup: change spectrograms, not samples",
        ),
    ],
)
def test_features_that_do_not_fit_are_refused(model: dict[str, Any], expected: str) -> None:
    with pytest.raises(InputError) as refusal:
        configuration(models={"own": {"training": {"epochs": 1}} | model})
    assert [problem for problem in refusal.value.problems if f"models.own.{expected}" in problem], (
        refusal.value.problems
    )


@pytest.mark.parametrize(
    ("options", "samples", "expected"),
    [
        ({"layer": 3}, SAMPLES, "layer: 3 is too large; the encoder has 2 blocks"),
        ({}, 20, "clips of 20 samples are too short; the encoder needs 45"),
    ],
)
def test_what_an_encoder_cannot_do_is_refused(
    tmp_path: Path, options: dict[str, Any], samples: int, expected: str
) -> None:
    saved(tmp_path)
    with pytest.raises(InputError, match=expected):
        build_model(recipe(**options), 3, (1, samples), weights_in(tmp_path))
