"""The configuration: valid and invalid values, and the messages for the latter."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from helpers.workflow import REPOSITORY
from soundbench.config.check import check_configuration, duplicate_keys, read_library
from soundbench.config.selection import overlay_of_study
from soundbench.core.errors import InputError
from soundbench.data.schemes import SCHEMES
from soundbench.models.schema import load_schema
from soundbench.tasks.losses import CLASS_WEIGHTS, LOSSES
from soundbench.tasks.registry import TASKS
from soundbench.training.optimizers import OPTIMIZERS
from soundbench.training.schedules import SCHEDULES
from soundbench.training.weight_averaging import AVERAGES

FILES = [
    REPOSITORY / "config" / f"{name}.yaml"
    for name in ("datasets", "augmentations", "features", "models", "references", "config")
]


@pytest.fixture
def config() -> dict[str, Any]:
    """The configuration as shipped."""
    merged: dict[str, Any] = {}
    for file in FILES:
        merged |= yaml.safe_load(file.read_text())
    return merged


def problems(config: dict[str, Any]) -> list[str]:
    with pytest.raises(InputError) as refused:
        check_configuration(config)
    return refused.value.problems


def test_shipped_configuration_is_valid_and_complete(config: dict[str, Any]) -> None:
    before = copy.deepcopy(config)
    resolved = check_configuration(config, FILES)
    assert config == before
    assert resolved["benchmark"]["metric"] == "accuracy"
    assert resolved["models"]["cnn"]["training"]["optimizer"] == "adamw"
    assert resolved["sources"]["synthetic"]["takes"] == 2
    assert check_configuration(resolved) == resolved


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"benchmrk": {}}, "benchmrk: unknown key; did you mean 'benchmark'?"),
        ({"benchmark": {"modles": ["cnn"]}}, "benchmark.modles: unknown key; did you mean 'models'?"),
        ({"benchmark": {"seeds": ["one"]}}, "benchmark.seeds.0: should be of type integer, but is 'one'"),
        ({"benchmark": {"models": "ridge"}}, "benchmark.models: should be of type list, but is 'ridge'; write [ridge]"),
        ({"benchmark": {"seeds": "1, 2"}}, "benchmark.seeds: should be of type list, but is '1, 2'; write [1, 2]"),
        ({"benchmark": {"seeds": True}}, "benchmark.seeds: should be of type list, but is True"),
        ({"benchmark": {"models": None}}, "benchmark.models: should be of type list, but is null"),
        ({"benchmark": ["cnn"]}, "benchmark: should be of type mapping, but is ['cnn']"),
        ({"benchmark": {"seeds": [1, 1]}}, "benchmark.seeds: holds a value twice: [1, 1]"),
        ({"benchmark": {"models": []}}, "benchmark.models: is empty; name at least 1"),
        ({"benchmark": {"models": ["resnet81"]}}, "benchmark.models: there is no 'resnet81'; did you mean 'resnet18'?"),
        ({"benchmark": {"metric": "accuracies"}}, "benchmark.metric: 'accuracies' is not one of its values"),
        ({"models": {"cnn": {"width": 0}}}, "models.cnn.width: 0 is less than the minimum of 1"),
        ({"models": {"cnn": {"features": "logmel65"}}}, "models.cnn.features: there is no 'logmel65'"),
        ({"models": {"my model": {"family": "cnn", "features": "logmel64", "training": {"epochs": 1}}}}, "my model"),
        ({"features": {"logmel64": {"fmax": 20000}}}, "features.logmel64.fmax: 20000 Hz is above half the sample rate"),
        ({"features": {"logmel64": {"hop_length": 0}}}, "features.logmel64.hop_length: 0 is less than the minimum"),
        ({"datasets": {"synthetic": {"source": "synth"}}}, "datasets.synthetic.source: there is no 'synth'"),
        ({"sources": {"synthetic": {"root": "here"}}}, "sources.synthetic.root: unknown key"),
        ({"sources": {"synthetic": {"reader": "syntetic"}}}, "sources.synthetic.reader: 'syntetic' is not one of"),
    ],
)
def test_problem_is_named_with_its_key(config: dict[str, Any], change: dict[str, Any], expected: str) -> None:
    def merge(into: dict[str, Any], changes: dict[str, Any]) -> None:
        for key, value in changes.items():
            if isinstance(value, dict) and isinstance(into.get(key), dict):
                merge(into[key], value)
            else:
                into[key] = value

    config = copy.deepcopy(config)
    merge(config, change)
    assert any(expected in problem for problem in problems(config)), problems(config)


def test_problems_of_different_kinds_are_listed_together(config: dict[str, Any]) -> None:
    config["benchmark"] |= {"datasets": ["esc-10"], "extra": 1}
    config["models"]["cnn"]["training"]["precision"] = "float16"
    config["models"]["resnet18"]["features"] = "mel"
    found = "\n".join(problems(config))
    for part in ("did you mean 'esc10'", "benchmark.extra", "training.precision", "models.resnet18.features"):
        assert part in found


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("learning_rate: 1e-3", "should be of type number, but is '1e-3'; write 0.001"),
        ("weight_decay: 1e-10", "should be of type number, but is '1e-10'; write 1.0e-10"),
        ("weight_decay: '0.5'", "should be of type number, but is '0.5'; write 0.5 without quotation marks"),
        ("epochs: 1e2", "should be of type integer, but is '1e2'; write 100"),
        ("epochs: 30.0", "should be of type integer, but is 30.0; write 30"),
        ("epochs: 2.5", "should be of type integer, but is 2.5"),
        ("epochs: yes", "should be of type integer, but is True"),
        ("crop: half", "should be of type number or null, but is 'half'"),
        ("augment: {vtlp: '0.9, 1.1'}", "should be of type list, but is '0.9, 1.1'; write [0.9, 1.1]"),
        ("augment: {vtlp: 0.9}", "should be of type list, but is 0.9"),  # it needs two numbers
    ],
)
def test_value_of_the_wrong_type_is_named_with_how_to_write_it(config: dict[str, Any], text: str, hint: str) -> None:
    config["models"]["cnn"]["training"] |= yaml.safe_load(text)
    assert any(problem.endswith(f": {hint}") for problem in problems(config)), problems(config)


@pytest.mark.parametrize(("training", "keys"), [
    ({"schedule": "cosine", "warmup_epochs": 30}, ["warmup_epochs"]),
    ({"warmup_epochs": 2}, ["warmup_epochs"]),
    ({"schedule": "step"}, ["step_epochs"]),
    ({"schedule": "cosine", "step_epochs": 5}, ["step_epochs"]),
    ({"schedule": "plateau", "plateau_epochs": 12}, ["patience"]),
    ({"average": "swa"}, ["keep", "patience"]),
    ({"average": "swa", "schedule": "step", "warmup_epochs": 40}, ["keep", "patience", "step_epochs", "warmup_epochs"]),
    ({"checkpoints": 5}, ["checkpoints"]),
    ({"checkpoints": 31, "average": "swa", "patience": None, "keep": "last"}, ["checkpoints"]),
    ({"checkpoints": 30, "average": "swa", "patience": None, "keep": "last"}, []),
    ({"average": "predictions"}, ["checkpoints", "keep", "patience"]),
    ({"checkpoints": 5, "average": "predictions", "patience": None, "keep": "last"}, []),
    ({"schedule": "plateau", "warmup_epochs": 1.5, "average": "ema", "accumulate": 4}, []),
    ({"schedule": "step", "step_epochs": [10, 20], "patience": None, "average": "swa", "keep": "last"}, []),
])  # fmt: skip
def test_training_settings_that_contradict_each_other(
    config: dict[str, Any], training: dict[str, Any], keys: list[str]
) -> None:
    config["models"]["cnn"]["training"] |= training  # 30 epochs, patience 12
    found = problems(config) if keys else check_configuration(config) and []
    assert [problem.split(":")[0] for problem in found] == [f"models.cnn.training.{key}" for key in keys]


@pytest.mark.parametrize("family", ["linear", "mlp"])
def test_a_single_clip_cannot_be_standardised_by_its_batch(config: dict[str, Any], family: str) -> None:
    config["models"]["own"] = {"family": family, "features": "logmel64", "training": {"epochs": 1, "batch_size": 1}}
    expected = f"batch_size: should be 2 or more, as {family} standardises the values of each batch"
    assert problems(config) == [f"models.own.training.{expected}"]
    config["models"]["own"]["training"]["batch_size"] = 2
    check_configuration(config)


def test_missing_folder_is_named_only_where_it_is_used(config: dict[str, Any]) -> None:
    config["sources"]["esc50"]["root"] = "/nowhere/ESC-50"
    check_configuration(config)
    config["benchmark"]["datasets"] = ["esc10"]
    assert problems(config) == ["sources.esc50.root: /nowhere/ESC-50 does not exist"]


def with_model(config: dict[str, Any], pretrained: str, family: str = "cnn", **training: Any) -> dict[str, Any]:
    """The configuration with a selected model that starts from these weights."""
    config = copy.deepcopy(config)
    entry = {"family": family, "features": "logmel64", "training": {"epochs": 1, **training}, "pretrained": pretrained}
    config["models"]["tuned"] = entry
    config["benchmark"]["models"] = ["tuned"]
    return config


@pytest.mark.parametrize(
    ("pretrained", "expected"),
    [
        ("imagenet", "models.tuned.pretrained: no imagenet weights are published for cnn"),
        (
            "/nowhere/weights.pth",
            "models.tuned.pretrained: /nowhere/weights.pth is neither a file of weights nor a folder",
        ),
        ("results/runs/esc-10/cnn/seed1/fold1", "there is no such data set or model in the library"),
        ("results/runs/esc10/cnn/seed1/fold9", "esc10 has 5 folds"),
        ("results/runs/esc10/tuned/seed1/fold1", "circular reference: tuned starts from tuned"),
        ("results/runs/synthetic/cnn/seed1/fold1", "was trained on synthetic, perhaps on the clips"),
        ("<results>/runs/synthetic/cnn/seed1/fold1/", "was trained on synthetic, perhaps on the clips"),
    ],
)
def test_impossible_initial_weights_are_refused(config: dict[str, Any], pretrained: str, expected: str) -> None:
    config["benchmark"]["datasets"] = ["synthetic"]
    found = problems(with_model(config, pretrained))
    assert len(found) == 1
    assert expected in found[0]


def test_run_that_does_not_exist_yet_may_be_initial_weights(config: dict[str, Any]) -> None:
    check_configuration(with_model(config, "<results>/runs/esc10/cnn/seed1/fold1"))


def test_sources_of_initial_weights_are_checked(config: dict[str, Any]) -> None:
    """A model that starts from one that starts from a run on the selected data set."""
    config = with_model(config, "results/runs/esc10/between/seed1/fold1")
    config["models"]["between"] = config["models"]["tuned"] | {"pretrained": "results/runs/synthetic/cnn/seed1/fold2"}
    assert "was trained on synthetic" in problems(config)[0]


def test_run_of_another_study_states_its_training_clips(config: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").touch()
    (tmp_path / "model.json").write_text('{"sources": ["emodb", "synthetic"]}')
    assert "was trained on synthetic" in problems(with_model(config, str(tmp_path)))[0]
    (tmp_path / "model.json").write_text("{}")
    assert "does not state on which sources" in problems(with_model(config, str(tmp_path / "model.safetensors")))[0]


def test_trainable_is_all_head_or_a_number(config: dict[str, Any]) -> None:
    for trainable in ("all", "head", 3):
        check_configuration(with_model(config, "<results>/runs/esc10/cnn/seed1/fold1", trainable=trainable))
    found = problems(with_model(config, "<results>/runs/esc10/cnn/seed1/fold1", trainable="heads"))
    assert found == ["models.tuned.training.trainable: 'heads' is not all, head or a number of blocks"]


def test_duplicate_keys_are_found_at_any_depth(tmp_path: Path) -> None:
    file = tmp_path / "twice.yaml"
    file.write_text("a: {b: [{c: 1, c: 2}]}\nd: 1\na: 2\n")
    assert [problem.split(": ", 1)[1] for problem in duplicate_keys(file)] == [
        "duplicate key a.b.0.c",
        "duplicate key a",
    ]


def _enum(*path: str) -> set[str]:
    schema: Any = load_schema()
    for key in path:
        schema = schema[key]
    return set(schema["enum"])


def test_schema_names_and_registries_are_equal() -> None:
    training = {"optimizer": OPTIMIZERS, "schedule": SCHEDULES, "class_weights": CLASS_WEIGHTS}
    for key, registry in (training | {"average": AVERAGES}).items():
        assert _enum("$defs", "training", "properties", key) == set(registry)
    assert _enum("$defs", "split", "properties", "scheme") == set(SCHEMES)
    assert _enum("$defs", "task") == set(TASKS)
    assert _enum("$defs", "metric") == {name for task in TASKS.values() for name in task.metrics}
    assert {name for task in TASKS.values() for name in task.losses} == set(LOSSES)
    assert _enum("$defs", "loss") == {*LOSSES, None}


def test_a_studys_difference_from_the_defaults_makes_the_same_study() -> None:
    overlay = {"benchmark": {"seeds": [4]}, "models": {"cnn": {"training": {"epochs": "7"}}, "own": {"family": "cnn"}}}
    folder = REPOSITORY / "config"
    library = read_library(folder)
    found = overlay_of_study(folder, overlay | {"report": library.get("report", {})}, {"models": overlay["models"]})
    assert found["models"] == {"cnn": {"training": {"epochs": 7}}, "own": {"family": "cnn"}}
    assert found["benchmark"] == {"seeds": [4]}  # what is not said is the default
    assert overlay_of_study(folder, found) == found
