"""Encoders of transformers: equal to its own forward pass, with padding; what does not fit is refused."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import save_file
from torch import nn

from helpers.library import configuration, front_end
from helpers.runs import RUN
from helpers.trainers import FREQUENCIES, MASKS, TASK
from soundbench.augment.batch import OnlineAugmentation
from soundbench.core.errors import InputError
from soundbench.core.padding import true_lengths
from soundbench.core.storage import read_json, write_json
from soundbench.features.clip_features import fixed_size
from soundbench.features.files import FeatureFiles
from soundbench.features.front_ends import FRONT_ENDS
from soundbench.features.settings import frame_count, input_kind, window_lengths
from soundbench.models.encoders import encoder_problems
from soundbench.models.finetuning import freeze, network_parts
from soundbench.models.initial_weights import Weights, find_weights, weight_files
from soundbench.models.registry import build_model, complete_recipe
from soundbench.training import job
from soundbench.training.inputs import Inputs
from soundbench.training.run import Execution, Outputs

SAMPLES = 1600
LENGTHS = (1000, 480, SAMPLES)
SIZES: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "conv_dim": (8, 8),
    "conv_stride": (5, 4),
    "conv_kernel": (10, 8),
    "num_feat_extract_layers": 2,
    "num_conv_pos_embeddings": 4,
    "num_conv_pos_embedding_groups": 2,
}
CHECKPOINTS = [
    ("Wav2Vec2", "ForPreTraining", "layer"),
    ("Wav2Vec2", "ForSequenceClassification", "group"),
    ("Hubert", "Model", "group"),
    ("WavLM", "Model", "layer"),
    ("Data2VecAudio", "Model", "layer"),
    ("UniSpeech", "Model", "layer"),
    ("UniSpeechSat", "Model", "layer"),
]


@cache
def defaults() -> dict[str, Any]:
    """A recipe with every default filled in."""
    own = {"family": "transformers", "features": "waveform", "training": {"epochs": 1}}
    complete: dict[str, Any] = configuration(models={"own": own})["models"]["own"]
    return complete


def recipe(**options: Any) -> dict[str, Any]:
    return defaults() | options


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


@pytest.mark.parametrize(
    ("layer", "pooling"), [("last", "mean"), ("weighted", "attentive"), (0, "mean"), (1, "attentive")]
)
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


WHISPER: dict[str, Any] = {
    **{"vocab_size": 20, "num_mel_bins": 8, "d_model": 16, "max_source_positions": 40, "max_target_positions": 8},
    **{"encoder_layers": 2, "encoder_attention_heads": 2, "encoder_ffn_dim": 32, "pad_token_id": 0},
    **{"decoder_layers": 1, "decoder_attention_heads": 2, "decoder_ffn_dim": 32, "decoder_start_token_id": 1},
    **{"bos_token_id": 1, "eos_token_id": 2, "suppress_tokens": [], "begin_suppress_tokens": []},
}
CLAP: dict[str, Any] = {
    **{"spec_size": 32, "num_mel_bins": 16, "window_size": 2, "patch_embeds_hidden_size": 8, "hidden_size": 16},
    **{"depths": [1, 1], "num_attention_heads": [1, 2], "num_hidden_layers": 2},
}


def log_mel(name: str, samples: torch.Tensor, **settings: Any) -> torch.Tensor:
    """The features of clips ``(clips, samples)`` by a front-end of an encoder, ``(clips, 1, bins, frames)``."""
    chosen = front_end(front_end=name, **settings)
    features = [FRONT_ENDS.load(name).compute(clip.numpy(), chosen["sample_rate"], chosen) for clip in samples]
    return torch.stack(features)[:, None]


def noise(rate: int, seconds: float, clips: int = 2) -> torch.Tensor:
    return 0.1 * torch.randn(clips, round(rate * seconds), generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("head", ["Model", "ForConditionalGeneration", "ForAudioClassification"])
def test_whisper_is_that_of_transformers(tmp_path: Path, head: str) -> None:
    """From the samples on; the mean over the positions of the clip, of which there is one per 20 ms."""
    torch.manual_seed(0)
    whole = getattr(transformers, f"Whisper{head}")(transformers.WhisperConfig(**WHISPER)).eval()
    whole.save_pretrained(tmp_path)
    extractor = transformers.WhisperFeatureExtractor(feature_size=8, chunk_length=1)
    sound = noise(16000, 0.4)
    inputs = extractor(list(sound.numpy()), sampling_rate=16000, return_tensors="pt", max_length=12800).input_features
    features = log_mel("whisper", sound, n_mels=8, frames=80)
    assert torch.allclose(features[:, 0], inputs, atol=1e-4)
    encoder = whole.encoder if head == "ForAudioClassification" else whole.get_encoder()
    with torch.no_grad():
        expected = encoder(inputs).last_hidden_state[:, :21].mean(dim=1)  # a frame reaches beyond the last sample
    network = build_model(recipe(), 3, (8, 80), weights_in(tmp_path))
    assert torch.allclose(pooled(network, features.half().float()), expected, atol=2e-3)


def test_whisper_is_trained_on_a_weighted_sum_of_its_layers(tmp_path: Path) -> None:
    configured = {**WHISPER, "model_type": "whisper", "encoder_layerdrop": 0.9}
    options = {"layer": "weighted", "pooling": "attentive", "gradient_checkpointing": True}
    network = build_model(recipe(configuration=configured, **options), 3, (8, 80)).train()
    network(log_mel("whisper", noise(16000, 0.4), n_mels=8, frames=80))[:, 0].sum().backward()
    learning = {name for name, parameter in network.named_parameters() if parameter.grad is not None}
    assert {"head.layer_weights", "encoder.layers.1.fc1.weight"} <= learning
    assert not any(name.startswith("encoder.conv") for name in learning)


@pytest.mark.parametrize(("fused", "seconds"), [(False, 0.2), (True, 0.12), (False, 0.7)])
def test_clap_is_that_of_transformers(tmp_path: Path, fused: bool, seconds: float) -> None:
    """From the samples on: repeated, then padded. Of longer clips the beginning is taken."""
    torch.manual_seed(0)
    config = transformers.ClapAudioConfig(**CLAP, enable_fusion=fused)
    whole = transformers.ClapAudioModel(config).eval()
    whole.save_pretrained(tmp_path)
    cut = {"truncation": "fusion" if fused else "rand_trunc", "feature_size": 16}
    extractor = transformers.ClapFeatureExtractor(**cut, frequency_min=50, max_length_s=0.5)
    extractor.nb_max_samples = 24000
    sound = noise(48000, seconds)
    inputs = extractor(list(sound[:, :24000].numpy()), sampling_rate=48000, return_tensors="pt")
    features = log_mel("clap", sound, n_mels=16, frames=51, filters="htk" if fused else "slaney")
    assert torch.allclose(features[:, 0].mT.double(), inputs.input_features[:, 0].double(), atol=2e-2)
    with torch.no_grad():
        expected = whole(inputs.input_features.float(), is_longer=torch.zeros(2, 1, dtype=torch.bool)).pooler_output
    network = build_model(recipe(), 3, (16, 51), weights_in(tmp_path))
    assert torch.allclose(pooled(network, features), expected, atol=2e-3)


def test_the_audio_tower_is_taken_from_clap(tmp_path: Path) -> None:
    texts = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "vocab_size": 10}
    config = transformers.ClapConfig(text_config=texts | {"intermediate_size": 8}, audio_config=CLAP, projection_dim=4)
    whole = transformers.ClapModel(config).eval()
    whole.save_pretrained(tmp_path)
    network = build_model(recipe(), 3, (16, 51), weights_in(tmp_path))
    own = network.get_submodule("encoder").state_dict()
    assert all(torch.equal(tensor, own[name]) for name, tensor in whole.audio_model.state_dict().items())
    assert len(network_parts(network)) == 3  # two stages, and the head


@pytest.mark.parametrize(
    ("configured", "front", "options", "shape", "problem"),
    [
        (WHISPER | {"model_type": "whisper"}, "waveform", {}, (8, 60), "features of 8 × 80, not 8 × 60"),
        (CLAP | {"model_type": "clap_audio_model"}, "waveform", {"layer": 1}, (16, 51), "layer: the stages of CLAP"),
        (CLAP | {"model_type": "clap_audio_model"}, "waveform", {}, (16, 65), "16 × at most 64, not 16 × 65"),
    ],
)
def test_an_encoder_needs_its_own_features(
    tmp_path: Path,
    configured: dict[str, Any],
    front: str,
    options: dict[str, Any],
    shape: tuple[int, int],
    problem: str,
) -> None:
    with pytest.raises(InputError, match=problem):
        build_model(recipe(configuration=configured, **options), 3, shape)
    write_json(tmp_path / "config.json", configured)
    write_json(tmp_path / "preprocessor_config.json", {"feature_size": 7})
    (tmp_path / "model.safetensors").touch()
    kind = configured["model_type"]
    needed = {"whisper": "whisper", "clap_audio_model": "clap"}[kind]
    found = list(encoder_problems(weights_in(tmp_path), "transformers", front_end(front)))
    assert found == [f"{tmp_path}: its features are made by front_end: {front}, but {kind} needs front_end: {needed}"]
    (wrong, *_) = encoder_problems(weights_in(tmp_path), "transformers", front_end(front_end=needed, n_mels=9))
    size = 8 if kind == "whisper" else 7
    assert wrong == f"{tmp_path}: needs n_mels: {size} in its front-end, which has 9"


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


def test_configuration_of_the_weights_decides_the_fingerprint(
    made_up: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a training whose dropout was changed there would resume with the old one."""
    saved(tmp_path)
    features = FeatureFiles(str(made_up / "features.npy"), str(made_up / "index.csv"))
    weights = weight_files(str(tmp_path), "results")
    inputs = Inputs(features, str(made_up / "nested.csv"), str(made_up / "measures.csv"), weights=weights)
    run = replace(RUN, recipe=recipe(), front_end=front_end("waveform"))
    marks: list[str] = []

    def stopped(*arguments: Any) -> None:
        marks.append(arguments[3].fingerprint)  # of the checkpoint
        raise KeyboardInterrupt

    monkeypatch.setattr(job, "train_network", stopped)
    for dropout in (0.1, 0.1, 0.3):
        write_json(tmp_path / "config.json", read_json(tmp_path / "config.json") | {"hidden_dropout": dropout})
        with pytest.raises(KeyboardInterrupt):
            job.train_model(run, inputs, Outputs(tmp_path / "run"), Execution(1, 60))
    assert marks[0] == marks[1] != marks[2]


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


@pytest.mark.parametrize(("normalised", "name", "other"), [(True, "clip", "none"), (False, "none", "clip")])
def test_samples_are_scaled_as_the_encoder_was_trained(tmp_path: Path, normalised: bool, name: str, other: str) -> None:
    saved(tmp_path)
    write_json(tmp_path / "preprocessor_config.json", {"sampling_rate": 16000, "do_normalize": normalised})
    weights = weights_in(tmp_path)
    assert not list(encoder_problems(weights, "transformers", front_end(front_end="waveform", normalise=name)))
    wrong = front_end(front_end="waveform", normalise=other)
    expected = f"{tmp_path}: needs normalise: {name} in its front-end, which has {other}"
    assert list(encoder_problems(weights, "transformers", wrong)) == [expected]


def test_other_encoders_are_refused(tmp_path: Path) -> None:
    write_json(tmp_path / "config.json", {"model_type": "musicgen", "auto_map": {"AutoModel": "code.Model"}})
    (tmp_path / "model.safetensors").touch()
    problem = next(encoder_problems(weights_in(tmp_path), "transformers", front_end("waveform")))
    assert "'musicgen' is not supported; these are: clap_audio_model, data2vec-audio" in problem


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ({"family": "cnn", "features": "waveform"}, "features: waveform gives the samples of clips, but cnn needs"),
        ({"family": "linear", "features": "waveform"}, "features: waveform gives the samples of clips, but linear"),
        (
            {"family": "transformers", "features": "logmel64"},
            "features: logmel64 is made by front_end: logmel",
        ),
        ({"family": "transformers", "features": "functionals"}, "features: functionals gives one vector per clip"),
        ({"family": "transformers", "features": "waveform", "pretrained": "hub"}, "name: is missing"),
        (
            {"family": "transformers", "features": "waveform", "pretrained": "hub", "name": "wav2vec2-base"},
            "name: 'wav2vec2-base' does not have the form that is needed. With `pretrained: hub`: the name of the",
        ),
        (
            {"family": "transformers", "features": "waveform", "layer": "middle"},
            "layer: 'middle' does not have the form that is needed. Which output is pooled: of the `last` block",
        ),
        (
            {"family": "transformers", "features": "waveform", "training": {"epochs": 1, "augment": {"mixup": 0.2}}},
            "training.augment.mixup: does not work with encoders of transformers",
        ),
    ],
)
def test_features_that_do_not_fit_are_refused(model: dict[str, Any], expected: str) -> None:
    with pytest.raises(InputError) as refusal:
        configuration(models={"own": {"training": {"epochs": 1}} | model})
    assert [problem for problem in refusal.value.problems if f"models.own.{expected}" in problem], (
        refusal.value.problems
    )


@pytest.mark.parametrize("options", [{"pooling": "attentive"}, {"layer": "weighted"}], ids=str)
def test_a_run_with_another_head_is_a_start(options: dict[str, Any], tmp_path: Path) -> None:
    """The encoder is taken, and the weights of layers that only the head of the run has are left out."""
    given = recipe(configuration={"model_type": "wav2vec2", **SIZES}, freeze_feature_encoder=False)
    before = build_model(given | options, 5, (1, SAMPLES))
    save_file(before.state_dict(), tmp_path / "model.safetensors")
    run = {"recipe": given | options, "shape": [1, SAMPLES], "sources": []}
    after = build_model(given, 3, (1, SAMPLES), Weights(tmp_path / "model.safetensors", run))
    for name, value in after.encoder.state_dict().items():
        assert torch.equal(value, before.encoder.state_dict()[name])


@pytest.mark.parametrize("features", ["clap", "whisper"])
def test_masks_are_refused_for_features_whose_mean_is_not_zero(features: str) -> None:
    own = {"family": "cnn", "features": features, "training": {"epochs": 1, "augment": {"spec_augment": {}}}}
    expected = f"spec_augment: needs features that are normalised to a mean of 0, and {features} has normalise: none"
    with pytest.raises(InputError, match=expected):
        configuration(models={"own": own})


def test_effects_that_hide_the_end_of_a_clip_are_refused_for_whisper() -> None:
    """The length that is pooled is found by the padding, which has the lowest value of the spectrogram."""
    clips = torch.zeros(6, 1, 16, 40)
    clips[..., :10] = torch.rand(6, 1, 16, 10) + 0.1
    clips += torch.arange(6)[:, None, None, None]  # a louder clip has a higher lowest value
    hiding = {"spec_augment": MASKS, "cut_mix": {"axes": ["frequency"], "probability": 1}, "roll": 1.0}
    hiding["frequency_mixstyle"] = {"probability": 1, "alpha": 0.3}
    keeping = {"speed": [0.9, 1.1], "stretch": [0.9, 1.1], "vtlp": [0.9, 1.1], "mixup": 0.3}
    for effect, value in (hiding | keeping).items():
        changed, _ = OnlineAugmentation({effect: value}, TASK, 0.0, 1, FREQUENCIES)(clips, torch.arange(6) % 3)
        ends = true_lengths(changed[:, 0].amax(dim=1), changed.amin(dim=(1, 2, 3)))
        assert (ends.max() > 12) == (effect in hiding), effect
    own = {"family": "transformers", "features": "whisper", "training": {"epochs": 1, "augment": hiding}}
    with pytest.raises(InputError) as refusal:
        configuration(models={"own": own})
    expected = "hides the end of a clip, which the encoder of Whisper needs; leave it out"
    for effect in hiding:
        assert f"models.own.training.augment.{effect}: {expected}" in refusal.value.problems
    configuration(models={"own": own | {"training": {"epochs": 1, "augment": keeping}}})


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
