"""Networks on samples: ACDNet and EnvNet-v2 against what their authors publish, and their training."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from helpers.library import configuration, front_end, training
from helpers.recipes import RECIPES
from helpers.runs import RUN
from soundbench.core.errors import InputError
from soundbench.core.storage import write_csv
from soundbench.evaluation.trained_model import TrainedModel
from soundbench.features.crops import crop_of
from soundbench.features.files import FeatureFiles
from soundbench.models.registry import build_model
from soundbench.training.inputs import Inputs
from soundbench.training.job import train_model
from soundbench.training.run import Execution, Outputs

RATE = 8000
PITCHES = {"high": 1900, "low": 300, "middle": 900}  # Hz


@pytest.mark.parametrize(("model", "samples", "millions"), [("acdnet", 30225, 4.74), ("envnet-v2", 66650, 101.25)])
def test_sizes_are_those_that_are_published(model: str, samples: int, millions: float) -> None:
    """The numbers of parameters for 50 classes: ACDNet's from its paper, EnvNet-v2's from the sizes in its code."""
    recipe = configuration()["models"][model]
    crop = crop_of(recipe["training"], configuration()["features"][recipe["features"]])
    assert crop is not None
    assert (crop.frames, crop.padding) == (samples, samples // 2)
    with torch.device("meta"):
        network = build_model(recipe, 50, (1, samples))
    assert sum(parameter.numel() for parameter in network.parameters()) / 1e6 == pytest.approx(millions, abs=0.005)


def shapes(network: torch.nn.Module, samples: int, kind: type[torch.nn.Module]) -> list[tuple[int, ...]]:
    """The shapes of what the layers of a kind give, without the batch."""
    found: list[tuple[int, ...]] = []
    for module in network.modules():
        if isinstance(module, kind):
            module.register_forward_hook(lambda module, taken, given: found.append(tuple(given.shape[1:])))
    with torch.inference_mode():
        network.eval()(torch.zeros(1, 1, 1, samples))
    return found


def test_layers_of_acdnet_have_the_published_shapes() -> None:
    network = build_model({"family": "acdnet", "width": 8, "pool": 50, "dropout": 0.2}, 50, (1, 30225))
    convolutions = shapes(network, 30225, torch.nn.Conv2d)
    assert convolutions[:3] == [(8, 1, 15109), (64, 1, 7553), (32, 64, 151)]
    assert [shape[0] for shape in convolutions[3:]] == [64, 64, 128, 128, 256, 256, 512, 512, 50]
    assert shapes(network, 30225, torch.nn.MaxPool2d) == [
        *[(64, 1, 151), (32, 32, 75), (64, 16, 37), (128, 8, 18), (256, 4, 9), (512, 2, 4)]
    ]


def test_layers_of_envnet_have_the_published_shapes() -> None:
    network = build_model({"family": "envnet", "pool": 64, "hidden": 8, "dropout": 0.5}, 50, (1, 66650))
    assert shapes(network, 66650, torch.nn.MaxPool2d) == [
        *[(64, 1, 260), (32, 10, 82), (64, 10, 38), (128, 10, 18), (256, 10, 8)]
    ]
    assert shapes(network, 66650, torch.nn.Linear) == [(8,), (8,), (50,)]


@pytest.mark.parametrize(("family", "shortest"), [("acdnet", 53), ("envnet", 3034)])
def test_clips_that_are_too_short_are_refused(family: str, shortest: int) -> None:
    build_model(RECIPES[family], 3, (1, shortest))
    expected = re.escape(f"{family}: clips of {shortest - 1} samples are too short; the network needs {shortest}")
    with pytest.raises(InputError, match=expected):
        build_model(RECIPES[family], 3, (1, shortest - 1))


@pytest.mark.parametrize("family", ["acdnet", "envnet"])
def test_padding_is_silence_to_the_network(family: str) -> None:
    torch.manual_seed(0)
    network = build_model(RECIPES[family], 3, (1, 4000)).eval()
    samples = torch.randn(2, 1, 1, 4000)
    silent = samples.clone()
    silent[..., 3000:] = 0
    samples[..., 3000:] = samples[..., :3000].amin(dim=3, keepdim=True)
    with torch.inference_mode():
        assert torch.equal(network(samples), network(silent))


def write_pitches(folder: Path) -> None:
    """Sixty clips of up to 1.2 s with one of three tones, in the form of stored samples, as in :mod:`helpers.runs`."""
    rng = np.random.default_rng(0)
    labels = np.array(sorted(PITCHES) * 20)
    frames = rng.integers(6000, 9600, 60)
    features = np.zeros((60, 1, 9600), np.float16)
    for row, (label, length) in enumerate(zip(labels, frames, strict=True)):
        phase = 2 * np.pi * (PITCHES[label] * np.arange(length) / RATE + rng.uniform())
        sound = rng.uniform(0.05, 0.5) * np.sin(phase) + 0.01 * rng.standard_normal(length)
        features[row, 0] = sound.min()
        features[row, 0, :length] = sound
    clips = [f"clip{number:02d}" for number in range(60)]
    np.save(folder / "features.npy", features)
    write_csv(folder / "index.csv", pd.DataFrame({"clip": clips, "row": range(60), "frames": frames}))
    roles = np.repeat(["train", "train", "val", "test"], 15)
    split = pd.DataFrame({"clip": clips, "label": labels, "group": clips, "fold1": roles})
    write_csv(folder / "nested.csv", split)
    write_csv(folder / "measures.csv", pd.DataFrame({"clip": clips, "samples": clips}))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("recipe", "rate", "epochs"),
    [
        (RECIPES["acdnet"] | {"width": 4}, 0.1, 24),
        (RECIPES["envnet"] | {"pool": 12, "hidden": 64, "dropout": 0.1}, 0.02, 14),
    ],
)
def test_between_class_learning_of_tones(recipe: dict[str, Any], rate: float, epochs: int, tmp_path: Path) -> None:
    """With the settings of the published recipes: crops, padding, speed, mixtures, gain, SGD and steps of the rate."""
    write_pitches(tmp_path)
    own: dict[str, Any] = training(
        epochs=epochs,
        crop=0.75,
        crop_padding=0.5,
        batch_size=10,
        optimizer="sgd",
        learning_rate=rate,
        weight_decay=0.0005,
        schedule="step",
        step_epochs=[epochs * 3 // 4, epochs * 11 // 12],
        warmup_epochs=1,
        keep="last",
        augment={"speed": [0.95, 1.05], "between_class": 1.0, "gain": 6},
    )
    settings = front_end("own", front_end="waveform", sample_rate=RATE, normalise="none")
    run = replace(RUN, model="own", source="tones", recipe=recipe | {"training": own}, front_end=settings)
    files = FeatureFiles(str(tmp_path / "features.npy"), str(tmp_path / "index.csv"))
    inputs = Inputs(files, str(tmp_path / "nested.csv"), str(tmp_path / "measures.csv"))
    train_model(run, inputs, Outputs(tmp_path / "run"), Execution(1, 60))
    history = pd.read_csv(tmp_path / "run" / "history.csv")
    assert history["val_accuracy"].iloc[-1] > 0.8
    assert history["learning_rate"].iloc[[epochs // 2, -1]].tolist() == pytest.approx([rate, rate / 100])
    model = TrainedModel.load(tmp_path / "run")
    assert model.network(torch.zeros(2, 1, 1, 6000)).shape == (2, 3)


def test_effects_that_change_spectrograms_are_refused_for_samples() -> None:
    both = {"between_class": 1.0, "spec_augment": {}}
    own = {"family": "acdnet", "features": "waveform", "training": {"epochs": 1, "augment": both}}
    with pytest.raises(InputError) as refusal:
        configuration(models={"own": own})
    (problem,) = refusal.value.problems
    assert "models.own.training.augment.spec_augment: changes spectrograms, but waveform gives samples" in problem
