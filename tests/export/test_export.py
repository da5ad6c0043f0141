"""Exported models: the graph against the front-ends, ONNX Runtime against PyTorch, and the model card."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
import yaml
from safetensors.torch import save_file
from torch import nn

from helpers.library import front_end
from helpers.modelcards import run_card
from helpers.recipes import RECIPES as SMALL
from helpers.simulated import Study
from helpers.workflow import REPOSITORY
from soundbench.core.errors import InputError
from soundbench.core.storage import read_clip_table, write_csv, write_json
from soundbench.data.audio import read_mono, resample, write_audio
from soundbench.data.trained_on import TRAINED_ON
from soundbench.export import onnxfile, transformersfolder
from soundbench.export.folder import Inputs, export_model, load_classifier, shareable
from soundbench.export.graphs import FeatureGraph
from soundbench.export.modelcard import kept_weights
from soundbench.export.onnxfile import check_onnx, input_of, run_onnx, write_onnx
from soundbench.export.transformersfolder import check_transformers, has_transformers, write_transformers
from soundbench.features.clip_features import clip_features, fixed_size
from soundbench.features.crops import crop_frames
from soundbench.features.files import FeatureFiles
from soundbench.features.front_ends import FRONT_ENDS
from soundbench.features.settings import feature_bins, frame_count
from soundbench.features.store import compute_features
from soundbench.models.registry import build_model
from soundbench.models.saved import load_model
from soundbench.tasks.single_label import SingleLabel

pytestmark = pytest.mark.slow
LABELS = ["dog", "hen", "NA"]
ONE = SingleLabel(LABELS)
CNN = {"family": "cnn", "features": "own", "training": {}, "width": 4, "blocks": 2, "convolutions": 1, "dropout": 0.0}
RESNET = {"family": "timm", "features": "own", "training": {}, "name": "resnet10t", "arguments": {}}
SHORT = {"n_fft": 512, "hop_length": 256, "n_mels": 24, "sample_rate": 16000}

FRONTS: dict[str, dict[str, Any]] = {
    "decibels": {"front_end": "logmel", **SHORT},
    "odd": {
        "front_end": "logmel",
        **SHORT,
        "n_fft": 501,
        "win_length": 400,
        "hop_length": 170,
        "fmin": 60,
        "fmax": 7000,
    },
    "log1p, own rate": {"front_end": "logmel", **SHORT, "sample_rate": None, "scale": "log1p", "power": 1},
    "each clip by itself": {"front_end": "logmel", **SHORT, "scale": "log", "normalise": "clip", "duration": 0.8},
    "resized": {"front_end": "logmel", **SHORT, "duration": 0.8, "resize": [20, 33]},
    "stretched": {"front_end": "logmel", **SHORT, "normalise": "clip", "resize": [32, 40]},
    "cepstra": {"front_end": "mfcc", **SHORT, "n_mfcc": 12},
    "ast": {"front_end": "ast", "n_mels": 32, "frames": 80},
    "waveform": {"front_end": "waveform", "sample_rate": 8000},
    "whisper": {"front_end": "whisper", "n_mels": 32, "frames": 100},
    "clap": {"front_end": "clap", "n_mels": 32, "frames": 120},
}


def shape_of(settings: dict[str, Any]) -> tuple[int, int]:
    """The shape of the features of a source whose longest clip lasts 0.8 s."""
    bins = feature_bins(settings)
    return tuple(settings.get("resize") or (bins, frame_count(0.8, settings["sample_rate"] or 22050, settings)))


def stored(path: Path, settings: dict[str, Any]) -> torch.Tensor:
    """A file's features as the workflow stores them."""
    frames = frame_count(0.8, settings["sample_rate"] or 22050, settings)
    return fixed_size(clip_features(path, settings), frames, settings)[0].half().float()


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Sounds of the length of a picture, shorter, longer, and shorter than a window."""
    folder, rng, paths = tmp_path_factory.mktemp("recordings"), np.random.default_rng(0), []
    for seconds in (0.8, 0.43, 1.7, 0.011):
        time = np.arange(round(seconds * 22050)) / 22050
        samples = 0.4 * np.sin(2 * np.pi * (300 + 900 * time) * time) + 0.02 * rng.standard_normal(len(time))
        paths.append(folder / f"{seconds}.wav")
        soundfile.write(paths[-1], samples, 22050)
    return paths


def heard(path: Path, rate: int) -> np.ndarray:
    return resample(*read_mono(path), rate)


@pytest.mark.parametrize("name", FRONTS)
def test_graph_computes_the_stored_features(name: str, recordings: list[Path]) -> None:
    settings = front_end(**FRONTS[name])
    rate = settings["sample_rate"] or 22050
    features = FeatureGraph(settings, rate, shape_of(settings))
    for path in recordings:
        ours, expected = features(torch.from_numpy(heard(path, rate))[None])[0], stored(path, settings)
        assert ours.shape == expected.shape
        # A last bit of float16, which is the larger the larger the value, may fall to the other side.
        assert (ours - expected).abs().max() <= max(2e-3 * expected.abs().max(), 4e-3), path


def test_every_spectrogram_has_a_graph() -> None:
    spectrograms = [name for name in FRONT_ENDS.names if not FRONT_ENDS.constant(name, "VECTOR", False)]
    assert {"ast", "logmel", "mfcc"} <= set(spectrograms)
    assert all(hasattr(FRONT_ENDS.load(name), "graph") for name in spectrograms)


def described(settings: dict[str, Any], recipe: dict[str, Any], sound: list[torch.Tensor]) -> dict[str, Any]:
    values = torch.cat([each.flatten() for each in sound])
    return {
        **{"dataset": "set", "model": "net", "protocol": "nested", "seed": 1, "fold": 1, "labels": LABELS},
        **{"front_end": settings, "recipe": recipe, "shape": list(shape_of(settings))},
        "normalisation": {"mean": float(values.mean()), "std": float(values.std())},
    }


def network(recipe: dict[str, Any], shape: tuple[int, int]) -> nn.Module:
    """An untrained network whose probabilities differ from clip to clip."""
    torch.manual_seed(0)
    made = build_model(recipe, len(LABELS), shape)
    layers = [module for module in made.modules() if isinstance(module, nn.Linear)]
    for module in layers[-1:] if recipe["family"] == "envnet" else layers:  # three in a row would saturate
        module.weight.data *= 20
    return made.eval()


@torch.inference_mode()
def probabilities(net: nn.Module, description: dict[str, Any], sound: list[torch.Tensor]) -> np.ndarray:
    mean, std = description["normalisation"].values()
    return np.concatenate([net(((each - mean) / std)[None, None]).softmax(dim=1).numpy() for each in sound])


def encoder(**options: Any) -> dict[str, Any]:
    """A small encoder of transformers, pooled by attention from a weighted sum of its layers."""
    recipe = SMALL["wav2vec2"] | {"features": "own", "training": {}, "layer": "weighted"} | options
    return recipe | {"gradient_checkpointing": True}


WHISPER = {
    **{"model_type": "whisper", "num_mel_bins": 32, "max_source_positions": 50, "d_model": 16, "encoder_layers": 1},
    **{"encoder_attention_heads": 2, "encoder_ffn_dim": 32},
}


@pytest.mark.parametrize(
    ("name", "recipe"),
    [
        ("decibels", RESNET),
        ("log1p, own rate", CNN),
        ("stretched", CNN),
        ("cepstra", CNN),
        ("ast", RESNET),
        ("waveform", encoder()),
        ("waveform", SMALL["acdnet"] | {"features": "own", "training": {}}),
        ("waveform", SMALL["envnet"] | {"features": "own", "training": {}}),
        ("whisper", encoder(configuration=WHISPER)),
    ],
)
def test_onnx_gives_the_probabilities_of_the_evaluation(
    name: str, recipe: dict[str, Any], recordings: list[Path], tmp_path: Path
) -> None:
    settings = front_end(**FRONTS[name])
    features = [stored(path, settings) for path in recordings[:3]]
    description, net = described(settings, recipe, features), network(recipe, shape_of(settings))
    taken = input_of(description, 22050, 0.8)
    assert taken["kind"] == "waveform"
    write_onnx(net, description, taken, tmp_path / "model.onnx")
    found = run_onnx(tmp_path / "model.onnx", [heard(path, taken["sample_rate"]) for path in recordings[:3]])
    expected = probabilities(net, description, features)
    assert expected.std(axis=0).max() > 1e-3
    assert check_onnx(found, expected, ["a", "b", "c"], ONE) < 1e-4
    assert str(Path.cwd()).encode() not in (tmp_path / "model.onnx").read_bytes()
    assert b"site-packages" not in (tmp_path / "model.onnx").read_bytes()


def test_onnx_takes_features_if_sample_rates_differ_and_states_it(recordings: list[Path], tmp_path: Path) -> None:
    import onnxruntime

    settings = front_end(**FRONTS["log1p, own rate"])
    features = [stored(path, settings) for path in recordings]
    description, net = described(settings, CNN, features), network(CNN, shape_of(settings))
    taken = input_of(description, None, 0.8)
    write_onnx(net, description, taken, tmp_path / "model.onnx")
    found = run_onnx(tmp_path / "model.onnx", [each.numpy() for each in features])
    check_onnx(found, probabilities(net, description, features), [path.stem for path in recordings], ONE)
    known = onnxruntime.InferenceSession(tmp_path / "model.onnx").get_modelmeta().custom_metadata_map
    assert json.loads(known["input"]) == taken == {"kind": "features", "shape": list(shape_of(settings))}
    assert json.loads(known["labels"]) == LABELS


@pytest.mark.parametrize(
    ("named", "family", "changes"),
    [
        ("ridge", "ridge", {}),
        ("functionals", "cnn", {"front_end": "functionals"}),
        ("trim", "cnn", {"trim": True}),
        ("normalise: group", "cnn", {"normalise": "group"}),
    ],
)
def test_onnx_takes_features_where_the_documents_say_so(named: str, family: str, changes: dict[str, Any]) -> None:
    settings = front_end(**FRONTS["log1p, own rate"])
    usual = {"front_end": settings, "shape": [24, 50], "recipe": CNN}
    exception = usual | {"front_end": settings | changes, "recipe": CNN | {"family": family}}
    assert input_of(usual, 16000, 0.8)["kind"] == "waveform"
    assert input_of(exception, 16000, 0.8)["kind"] == "features"
    assert f"`{named}`" in (REPOSITORY / "docs" / "options.md").read_text()


def test_a_difference_is_refused_with_its_clip() -> None:
    right = np.array([[0.5, 0.5], [0.1, 0.9]])
    with pytest.raises(InputError, match=r"ONNX Runtime.*\n.*second: 0\.1"):
        check_onnx(np.array([[0.5, 0.5], [0.2, 0.8]]), right, ["first", "second"], SingleLabel(["a", "b"]))
    with pytest.raises(InputError, match="first: nan"):
        check_onnx(right * np.nan, right, ["first", "second"], SingleLabel(["a", "b"]))


def test_places_on_this_machine_are_not_shared() -> None:
    given = {"weights": str(Path.home() / "models" / "a.safetensors"), "deep": [{"path": "~/b"}], "scale": "db", "n": 3}
    assert shareable(given) == {"weights": "a.safetensors", "deep": [{"path": "b"}], "scale": "db", "n": 3}


def test_load_classifier_takes_sound(recordings: list[Path], tmp_path: Path) -> None:
    settings = front_end(**FRONTS["decibels"])
    features = [stored(path, settings) for path in recordings[:2]]
    description, net = described(settings, CNN, features), network(CNN, shape_of(settings))
    save_file(net.state_dict(), tmp_path / "model.safetensors")
    write_json(tmp_path / "model.json", description | {"input": input_of(description, None, 0.8)})
    assert load_model(tmp_path)[1]["labels"] == LABELS
    with torch.inference_mode():
        found = [load_classifier(tmp_path)(torch.from_numpy(heard(path, 16000))[None]) for path in recordings[:2]]
    assert np.abs(torch.cat(found).numpy() - probabilities(net, description, features)).max() < 1e-4


TINY_AST = {
    **{"family": "ast", "features": "own", "training": {}, "width": 24, "depth": 1, "heads": 2},
    **{"patch": 16, "frequency_stride": 10, "time_stride": 10},
}


def test_transformers_pipeline_loads_the_folder(
    recordings: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, paths = front_end(**FRONTS["ast"]), recordings[:3]
    features = [stored(path, settings) for path in paths]
    description, net = described(settings, TINY_AST, features), network(TINY_AST, shape_of(settings))
    description["input"] = input_of(description, None, 0.8)
    assert has_transformers(description)
    assert not has_transformers(description | {"recipe": CNN})
    assert not has_transformers(description | {"recipe": TINY_AST | {"training": {"average": "predictions"}}})
    write_transformers(net, description, tmp_path / "transformers")
    made = {path.name for path in (tmp_path / "transformers").iterdir()}
    assert {"config.json", "preprocessor_config.json", "model.safetensors"} <= made
    sound, expected = [heard(path, 16000) for path in paths], probabilities(net, description, features)
    assert expected.std(axis=0).max() > 1e-3
    check_transformers(tmp_path / "transformers", sound, expected, ["a", "b", "c"], description)
    write_onnx(net, description, description["input"], tmp_path / "model.onnx")
    check_onnx(run_onnx(tmp_path / "model.onnx", sound), expected, ["a", "b", "c"], ONE)
    monkeypatch.setattr(transformersfolder, "TOLERANCE", 1e-9)
    with pytest.raises(InputError, match=r"transformers' probabilities differ"):
        check_transformers(tmp_path / "transformers", sound, expected[::-1], ["a", "b", "c"], description)


def exported(root: Path, to: Path, crop: float | None = None) -> None:
    """Export an untrained model of a simulated study whose clips have two sample rates; or one for crops (s)."""
    study = Study(root, seeds=(1,), models={"net": 2.0}, classes=3, takes=2, folds=2, audio=True).write()
    clips = read_clip_table(root / "clips.csv").assign(seconds=0.5, sample_rate=16000)
    clips.loc[0, "sample_rate"] = 8000
    write_audio(clips.loc[0, "path"], np.sin(np.arange(4000) / 5), 8000)
    if crop:
        for number, path in enumerate(clips["path"]):
            write_audio(path, np.random.default_rng(number).uniform(-0.5, 0.5, 8000), 16000)
    write_csv(root / "clips.csv", clips)
    write_csv(root / "audit.csv", pd.DataFrame(columns=["severity", "check"]))
    settings = front_end(front_end="logmel", **{**SHORT, "sample_rate": 16000 if crop else None})
    compute_features(root / "clips.csv", settings, root / "orig.npy", root / "orig.csv", 1)
    stored, folder = np.load(root / "orig.npy"), root / "runs" / "one" / "net" / "seed1" / "fold1"
    shape = [stored.shape[1], crop_frames(crop, settings) if crop else stored.shape[2]]
    recipe = CNN | {"training": {"crop": crop}}
    description = described(settings, recipe, [torch.from_numpy(stored).float()]) | {"shape": shape}
    description |= {"dataset": "one", "protocol": "literature", "labels": study.labels, "parameters": 1000, "epochs": 3}
    description |= {"examples": {"train": 6, "val": 0}, "best_epoch": 2, "kept_epoch": 3}
    description["measured"] = {
        "train_seconds": 2.0,
        "cpu_seconds": 2.5,
        "device": "cpu (test)",
        "packages": {"torch": "0"},
    }
    write_json(folder / "model.json", description)
    (folder / TRAINED_ON).write_text("0123456789abcdef\n")
    save_file(network(CNN, (shape[0], shape[1])).state_dict(), folder / "model.safetensors")
    data = {"source": "simulated", "reader": "folder", "url": None, "split": {"scheme": "kfold"}}
    inputs = Inputs(
        str(folder / "model.safetensors"),
        FeatureFiles(str(root / "orig.npy"), str(root / "orig.csv")),
        split=study.splits()[0],
        clips=str(root / "clips.csv"),
        metrics=study.files("metrics.json"),
        predictions=study.files("predictions.csv"),
        audit=str(root / "audit.csv"),
    )
    export_model(inputs, data, 1, str(to))


def test_card_of_a_model_that_takes_features_works_as_written(tmp_path: Path) -> None:
    exported(tmp_path / "study", to := tmp_path / "shared")
    assert (to / TRAINED_ON).read_text() == "0123456789abcdef\n"
    card = (to / "README.md").read_text()
    front = yaml.safe_load(card.split("---")[1])
    assert front["pipeline_tag"] == "audio-classification"
    assert front["model-index"][0]["results"][0]["metrics"][0]["type"] == "accuracy"
    assert "several sample rates" in card
    assert "It was trained for 3 epochs in 2 s" in card
    assert "The weights are those of epoch 3." in card
    assert str(tmp_path) not in "".join(path.read_text() for path in to.iterdir() if path.suffix in {".md", ".json"})
    write_audio(to / "sound.wav", np.sin(np.arange(8000) / 7), 16000)
    printed = run_card(to)
    most = float(re.findall(r"class\d\d: ([\d.]+)", printed)[0])
    in_pytorch = [float(value) for value in re.findall(r"\d\.\d*(?:e[+-]\d+)?", printed.partition("tensor")[2])]
    assert most == pytest.approx(max(in_pytorch), abs=1e-3)


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        ({"family": "cnn", "training": {"average": "none"}}, "The weights are those of epoch 4. "),
        (
            {"family": "cnn", "training": {"average": "predictions", "checkpoints": 3}},
            "It holds the networks after each of the last 3 epochs and averages their outputs. ",
        ),
        (
            {"family": "cnn", "training": {"average": "swa"}},
            "The weights are the mean of those after several epochs, the last of which is epoch 4. ",
        ),
        (
            {"family": "cnn", "training": {"average": "ema"}},
            "The weights are a moving average of those of all steps up to epoch 4. ",
        ),
        ({"family": "svm"}, ""),
    ],
)
def test_the_card_says_of_which_epochs_the_weights_are(recipe: dict[str, Any], expected: str) -> None:
    assert kept_weights({"recipe": recipe, "best_epoch": 2, "kept_epoch": 4}) == expected


def test_a_model_for_crops_takes_one_window(tmp_path: Path) -> None:
    """The files agree with PyTorch on the beginnings of clips, of which a window is a half."""
    exported(tmp_path / "study", to := tmp_path / "shared", crop=0.25)
    description = json.loads((to / "model.json").read_text())
    assert description["input"] == {"kind": "waveform", "sample_rate": 16000, "samples": 4000}
    sound = np.random.default_rng(9).uniform(-0.5, 0.5, 8000).astype(np.float32)
    whole, half = (run_onnx(to / "model.onnx", [part]) for part in (sound, sound[:4400]))
    assert np.allclose(whole, half, atol=1e-4)


def test_failed_check_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxfile, "TOLERANCE", -1.0)
    with pytest.raises(InputError, match="differ from PyTorch's"):
        exported(tmp_path / "study", tmp_path / "shared")
    assert not (tmp_path / "shared").exists()
    assert not list(tmp_path.glob(".shared*"))
