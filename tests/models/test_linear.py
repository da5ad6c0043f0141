"""The linear family against scikit-learn, and the standardisation of its input."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from helpers.library import configuration, front_end
from helpers.runs import RUN, TRAINING, write_several
from soundbench.augment.batch import OnlineAugmentation
from soundbench.core.integrity import read_split
from soundbench.core.storage import read_clip_table
from soundbench.evaluation.trained_model import TrainedModel
from soundbench.features.files import FeatureFiles
from soundbench.features.normalisation import Normalisation
from soundbench.models.registry import build_model
from soundbench.tasks.single_label import SingleLabel
from soundbench.training.checkpoints import Checkpoint
from soundbench.training.examples import Examples
from soundbench.training.inputs import Inputs
from soundbench.training.job import train_model
from soundbench.training.run import Execution, Outputs
from soundbench.training.trainer import Trainer
from soundbench.training.training_data import TrainingData

DIMENSIONS, CLASSES = 48, 5
TASK = SingleLabel([f"class{number}" for number in range(CLASSES)])
RECIPE = configuration()["models"]["ast-probe"]


def blobs(clips: int, seed: int) -> Examples:
    """Clips in groups that overlap a little; every dimension has a scale and an offset of its own."""
    rng, same = np.random.default_rng(seed), np.random.default_rng(0)
    centres, scale = same.normal(0, 0.55, (CLASSES, DIMENSIONS)), 10 ** same.uniform(-1, 1, DIMENSIONS)
    targets = np.arange(clips) % CLASSES
    values = (centres[targets] + rng.normal(0, 1, (clips, DIMENSIONS))) * scale + 3 * scale
    array = values.astype(np.float32)[:, :, None]
    return Examples((array,), np.zeros(clips, dtype=int), np.arange(clips), torch.from_numpy(targets))


def trained(parts: dict[str, Examples], folder: Path) -> torch.nn.Module:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    network, settings = build_model(RECIPE, CLASSES, (DIMENSIONS, 1)), RECIPE["training"]
    data = TrainingData(parts, parts["train"].normalisation(), OnlineAugmentation({}, TASK, None, 0))
    trainer = Trainer(network, settings, data, torch.device("cpu"), seed=0, tag="[test]")
    trainer.fit(Checkpoint(folder / "checkpoint.pt", "", 1e9), lambda: False, id)
    network.load_state_dict(trainer.progress.weights)
    return network.eval()


def accuracy(network: torch.nn.Module, examples: Examples, normalise: Normalisation) -> float:
    with torch.inference_mode():
        features, classes = examples.batch(torch.arange(len(examples)), normalise, torch.device("cpu"))
        return float((network(features).argmax(dim=1) == classes).float().mean())


@pytest.mark.slow
def test_accuracy_is_that_of_logistic_regression(tmp_path: Path) -> None:
    parts, test = {"train": blobs(400, 1), "val": blobs(100, 2)}, blobs(1000, 3)
    ours = accuracy(trained(parts, tmp_path), test, parts["train"].normalisation())
    theirs = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
    theirs.fit(parts["train"].arrays[0][:, :, 0], parts["train"].targets)
    expected = theirs.score(test.arrays[0][:, :, 0], test.targets)
    assert 0.8 < expected < 0.99  # neither trivial nor hopeless
    assert ours > expected - 0.02


@pytest.mark.slow
def test_each_dimension_is_standardised_with_training_clips_alone(tmp_path: Path) -> None:
    train = blobs(400, 1)
    networks = [trained({"train": train, "val": blobs(50, seed)}, tmp_path) for seed in (2, 3)]
    features, _ = train.batch(torch.arange(len(train)), train.normalisation(), torch.device("cpu"))
    with torch.inference_mode():
        standard = networks[0][:2](features)
    seen = standard.std(dim=0) > 0.5  # dimensions of hardly any variance stay small
    assert seen.float().mean() > 0.5
    assert standard.mean(dim=0).abs().max() < 0.05
    assert (standard.std(dim=0)[seen] < 1.05).all()
    assert torch.allclose(networks[0][1].running_mean, networks[1][1].running_mean, atol=0.02)


def test_a_hidden_layer_separates_what_no_plane_does() -> None:
    """The exclusive or of the signs of two values."""
    torch.manual_seed(0)
    features = torch.randn(400, 1, 2, 1)
    targets = (features.flatten(1).prod(dim=1) > 0).long()
    right = {}
    for recipe in ({"family": "linear", "dropout": 0.0}, {"family": "mlp", "hidden": 16, "dropout": 0.0}):
        network = build_model(recipe, 2, (2, 1))
        optimizer = torch.optim.Adam(network.parameters(), 0.03)
        for _ in range(150):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(network(features), targets).backward()
            optimizer.step()
        right[recipe["family"]] = float((network(features).argmax(dim=1) == targets).float().mean())
    assert right["linear"] < 0.7 < 0.95 < right["mlp"]


@pytest.mark.parametrize("family", ["linear", "mlp"])
def test_a_last_batch_of_one_clip_is_standardised_like_a_prediction(family: str) -> None:
    network = build_model({"family": family, "dropout": 0.0} | ({"hidden": 4} if family == "mlp" else {}), 2, (3, 1))
    network(torch.randn(5, 1, 3, 1))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    single = torch.randn(1, 1, 3, 1)
    assert torch.allclose(network(single), network.eval()(single))
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize("task", ["multi-label", "regression"])
@pytest.mark.parametrize("family", ["linear", "mlp"])
def test_probes_learn_several_labels_and_numbers(family: str, task: str, tmp_path: Path) -> None:
    options = {"dropout": 0.0} | ({"hidden": 16} if family == "mlp" else {})
    recipe = {"family": family, **options, "training": TRAINING | {"epochs": 25}}
    several = write_several(tmp_path)
    features = FeatureFiles(str(several / "several.npy"), str(several / "index.csv"))
    inputs = Inputs(features, str(several / f"{task}.csv"), str(several / "measures.csv"))
    run = replace(
        RUN,
        model="probe",
        recipe=recipe,
        source="made-up",
        front_end=front_end(front_end="logmel", n_mels=16),
        task=task,
    )
    train_model(run, inputs, Outputs(tmp_path / "run"), Execution(1, 60))
    model = TrainedModel.load(tmp_path / "run")
    clips = model.with_role(read_split(tmp_path / f"{task}.csv"), "val", "test")
    index = read_clip_table(tmp_path / "index.csv")
    values = model.predict(model.examples(tmp_path / "several.npy", index, clips))
    scores = model.task.scores(model.task.table(clips[model.task.truth_columns(clips)], values))
    assert scores[{"multi-label": "map", "regression": "pearson"}[task]] > 0.6
