"""Frozen parameters keep their bytes, trained ones learn at their rates, and runs record their training clips."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from helpers.recipes import RECIPES
from helpers.runs import RUN, TRAINING
from soundbench.core.errors import InputError
from soundbench.core.storage import file_sha256, read_clip_table, read_json, write_csv
from soundbench.data.trained_on import TRAINED_ON
from soundbench.features.files import FeatureFiles
from soundbench.models.finetuning import freeze, network_parts, parameter_groups, set_training
from soundbench.models.registry import build_model
from soundbench.training.inputs import Inputs
from soundbench.training.job import train_model
from soundbench.training.optimizers import build_optimizer
from soundbench.training.run import Execution, Outputs
from soundbench.training.schedules import SCHEDULES, Schedule

# The parts of each small network of RECIPES: blocks and a head.
PARTS = {"alexnet": 8, "ast": 4, "cnn": 5, "linear": 1, "mlp": 2, "resnet10t": 8, "tinyast": 4}


@pytest.mark.parametrize("name", PARTS)
def test_parts_are_blocks_and_a_head_with_all_parameters(name: str) -> None:
    network = build_model(RECIPES[name], 7, (64, 96))
    parts = network_parts(network)
    assert len(parts) == PARTS[name]
    assert [p.shape[0] for module in parts[-1] for p in module.parameters() if p.ndim == 2] == [7]
    held = {id(p) for part in parts for module in part for p in module.parameters()}
    outside = {name for name, p in network.named_parameters() if id(p) not in held}
    assert outside <= {"cls_token", "pos_embed"}


def learning(network: nn.Module) -> set[str]:
    return {name for name, parameter in network.named_parameters() if parameter.requires_grad}


def test_head_last_blocks_or_all() -> None:
    network = build_model(RECIPES["cnn"], 7, (64, 96))
    everything = learning(network)
    freeze(network, "all")
    assert learning(network) == everything
    freeze(network, 1)
    assert {name.rsplit(".", 1)[0] for name in learning(network)} == {"blocks.3.0", "blocks.3.1", "classifier"}
    freeze(network, "head")
    assert learning(network) == {"classifier.weight", "classifier.bias"}
    with pytest.raises(InputError, match="5 is too large; the model has 4 blocks before its head"):
        freeze(network, 5)


def test_frozen_parts_compute_as_in_evaluation() -> None:
    """Statistics of batch normalisation stay, and dropout in frozen blocks is off."""
    network = build_model(RECIPES["resnet10t"], 7, (64, 96))
    freeze(network, 1)
    set_training(network)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    network(torch.randn(4, 1, 64, 96))
    moved = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    assert moved and all(name.startswith("layer4") for name in moved)

    transformer = build_model(RECIPES["tinyast"], 7, (64, 96))
    freeze(transformer, "head")
    set_training(transformer)
    assert not transformer.blocks.training
    assert transformer.head.training


@pytest.mark.parametrize(("trainable", "active"), [("all", ["0", "3"]), (1, ["3"]), ("head", [])])
def test_dropout_before_a_frozen_layer_is_off(trainable: str | int, active: list[str]) -> None:
    """AlexNet's dropout stands beside its layers, in a container that also holds the head."""
    network = build_model(RECIPES["alexnet"], 7, (64, 96))
    freeze(network, trainable)
    set_training(network)
    dropouts = {name: each.training for name, each in network.named_modules() if isinstance(each, nn.Dropout)}
    assert [name for name, training in dropouts.items() if training] == [f"classifier.{name}" for name in active]


def test_dropout_before_the_head_stays_active() -> None:
    network = nn.Sequential(nn.Linear(4, 4), nn.Dropout(), nn.Linear(4, 2))
    freeze(network, "head")
    set_training(network)
    assert [module.training for module in network] == [False, True, True]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_body_learns_at_its_share_of_the_rate_under_every_schedule(schedule: str) -> None:
    network = build_model(RECIPES["cnn"], 7, (64, 96))
    settings = TRAINING | {"schedule": schedule, "body_rate": 0.1}
    optimizer = build_optimizer(network, settings)
    rates = Schedule(optimizer, settings | {"step_epochs": 1, "warmup_epochs": 0}, steps=10)
    head, body = optimizer.param_groups
    assert {id(p) for p in head["params"]} == {id(p) for p in network.classifier.parameters()}
    for _ in range(8):
        optimizer.step()
        rates.step()
        assert body["lr"] == pytest.approx(0.1 * head["lr"], rel=1e-6)


@pytest.mark.parametrize("name", ["cnn", "tinyast", "mlp", "linear"])
def test_rates_fall_from_block_to_block_towards_the_input(name: str) -> None:
    """Parameters outside all blocks, such as positions, learn as the first block does."""
    network = build_model(RECIPES[name], 7, (64, 96))
    groups = parameter_groups(network, TRAINING | {"learning_rate": 0.1, "body_rate": 0.5, "layer_decay": 0.7})
    rates = {id(parameter): group["lr"] for group in groups for parameter in group["params"]}
    parts = network_parts(network)[::-1]
    expected = [0.1, *(0.1 * 0.5 * 0.7**distance for distance in range(1, len(parts)))]
    for part, rate in zip(parts, expected, strict=True):
        assert all(rates[id(p)] == pytest.approx(rate) for module in part for p in module.parameters())
    assert sum(len(group["params"]) for group in groups) == len(list(network.parameters()))


def test_the_optimiser_gets_no_frozen_parameters() -> None:
    network = build_model(RECIPES["cnn"], 7, (64, 96))
    freeze(network, "head")
    assert len(parameter_groups(network, TRAINING)) == 1


def measures(folder: Path, source: str) -> str:
    """Write what was measured of the clips of a source, which differ from those of any other."""
    clips = read_clip_table(folder / "nested.csv")["clip"]
    path = folder / f"{source}-measures.csv"
    write_csv(path, pd.DataFrame({"clip": clips, "samples": f"{source}-" + clips}))
    return str(path)


def train(
    folder: Path,
    name: str,
    weights: list[str] | None = None,
    source: str = "here",
    recordings: str = "",
    overlaps: tuple[str, ...] = (),
    **training: Any,
) -> Path:
    """Train on a source; its clips are those of ``recordings``, another source, if that is given."""
    recipe = RUN.recipe | {"training": TRAINING | {"epochs": 2} | training}
    train_model(
        replace(RUN, recipe=recipe, source=source),
        Inputs(
            FeatureFiles(str(folder / "features.npy"), str(folder / "index.csv")),
            str(folder / "nested.csv"),
            measures(folder, recordings or source),
            weights=weights or [],
            overlaps=overlaps,
        ),
        Outputs(folder / name),
        Execution(1, 60),
    )
    return folder / name


def files(run: Path) -> list[str]:
    return [str(run / name) for name in ("model.safetensors", "model.json", TRAINED_ON)]


@pytest.mark.parametrize(("trainable", "moving"), [("head", ("classifier",)), (1, ("blocks.1", "classifier"))])
def test_training_leaves_the_bytes_of_what_is_frozen(made_up: Path, trainable: str | int, moving: Any) -> None:
    first = train(made_up, "first", source="elsewhere")
    second = train(made_up, "second", files(first), trainable=trainable)
    before, after = (load_file(run / "model.safetensors") for run in (first, second))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {name for name in before if name.startswith(moving)}


def test_lineage_is_recorded_and_weights_trained_on_the_source_are_refused(made_up: Path) -> None:
    first = train(made_up, "first", source="one")
    second = train(made_up, "second", files(first), source="two")
    assert read_json(second / "model.json")["sources"] == ["one", "two"]
    for source in ("one", "two"):
        with pytest.raises(InputError, match=f"was trained on {source}, perhaps on the clips"):
            train(made_up, "third", files(second), source=source)
    assert not (made_up / "third" / "model.safetensors").exists()


@pytest.mark.slow
def test_same_recordings_under_another_name_are_refused(made_up: Path) -> None:
    first = train(made_up, "first", source="one")
    second = train(made_up, "second", files(first), source="two")
    record = read_json(second / "model.json")["trained_on"]
    listed = (second / TRAINED_ON).read_text().split()
    roles = read_clip_table(made_up / "nested.csv").set_index("clip")["fold1"]
    assert listed == sorted(f"{source}-{clip}" for source in ("one", "two") for clip in roles.index[roles != "test"])
    assert record == {"file": TRAINED_ON, "clips": len(listed), "sha256": file_sha256(second / TRAINED_ON)}
    for recordings in ("one", "two"):
        with pytest.raises(InputError, match=r"was trained on 10 of the clips .*\n.*clip20: the same samples"):
            train(made_up, "third", files(second), source="three", recordings=recordings)
    near = pd.DataFrame({"clip": ["clip39"], "path": ["x.wav"], "samples": ["one-clip00"], "likeness": [0.5]})
    write_csv(made_up / "near.csv", near)
    with pytest.raises(InputError, match=r"trained on 1 of the clips .*\n.*clip39: a near-duplicate of x\.wav"):
        train(made_up, "third", files(second), source="three", overlaps=(str(made_up / "near.csv"),))
    write_csv(made_up / "near.csv", near.assign(samples="one-clip39"))  # which was tested, not trained on
    train(made_up, "third", files(second), source="three", overlaps=(str(made_up / "near.csv"),))
    (second / TRAINED_ON).write_text("")
    with pytest.raises(InputError, match=r"trained_on\.txt: is missing, or is not the file"):
        train(made_up, "fourth", files(second), source="three")


def test_content_of_the_weights_decides_the_fingerprint(made_up: Path) -> None:
    first = train(made_up, "first", source="elsewhere")
    marks = {"scratch": read_json(train(made_up, "a") / "model.json")["fingerprint"]}
    marks["first"] = read_json(train(made_up, "b", files(first)) / "model.json")["fingerprint"]
    state = load_file(first / "model.safetensors")
    save_file(state | {"classifier.bias": state["classifier.bias"] + 1}, first / "model.safetensors")
    marks["changed"] = read_json(train(made_up, "c", files(first)) / "model.json")["fingerprint"]
    assert len(set(marks.values())) == 3
