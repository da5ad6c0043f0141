"""Model folders from strangers: every ``model.json`` is refused with its field, or is harmless."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path
from typing import Any

import pytest

from helpers.library import front_end
from helpers.untrained import LABELS, TINY_INPUT, write_model
from soundbench.core.errors import InputError
from soundbench.core.storage import read_json
from soundbench.models.description import features_shape
from soundbench.models.initial_weights import find_weights
from soundbench.models.saved import load_model, read_description

NAN = float("nan")
GONE = object()  # the field is left out
TIMM = {"family": "timm", "name": "resnet10t", "features": "x", "pretrained": None, "training": {"epochs": 1}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("model") / "model", LABELS, **TINY_INPUT)


@pytest.fixture(scope="module")
def description(folder: Path) -> dict[str, Any]:
    return read_json(folder / "model.json")


def changed(value: Any, path: list[str], new: Any) -> Any:
    """A copy of nested mappings with another value at a path."""
    if not path:
        return new
    copy = {**value, path[0]: changed(value.get(path[0], {}), path[1:], new)}
    return {key: part for key, part in copy.items() if part is not GONE}


REFUSED = {
    "labels twice": ("labels", ["dog", "rain", "dog"], "labels: holds a value twice"),
    "labels that are numbers": ("labels", ["dog", 1, 2], "labels.1: should be of type string, but is 1"),
    "labels that are lists": ("labels", ["dog", ["rain"], "wind"], "labels.1: should be of type string"),
    "labels that are text": ("labels", "dog", "labels: should be of type list, but is 'dog'"),
    "no label": ("labels", [], "labels: is empty; name at least 1"),
    "labels gone": ("labels", GONE, "labels: is missing"),
    "control characters": ("labels", ["dog", "\x1b[2J", "wind"], "labels.1: the text '\\x1b[2J' holds control"),
    "shape of one": ("shape", [64], "shape: holds 1; name at least 2"),
    "shape that is text": ("shape", ["64", "44"], "shape.0: should be of type integer, but is '64'"),
    "shape of 64.0": ("shape", [64.0, 44], "shape.0: should be of type integer, but is 64.0"),
    "negative shape": ("shape", [64, -44], "shape.1: -44 is less than the minimum of 1"),
    "shape beyond memory": ("shape", [64, 10**12], "shape.1: 1000000000000 is greater than the maximum"),
    "shape whose product is beyond memory": ("shape", [64, 2 * 10**7], "shape: a clip has 64 × 20000000 = 1280000000"),
    "shape of another front-end": ("shape", [65, 44], "shape.0: 65 bins, but the front-end gives 64"),
    "mean that is NaN": ("normalisation.mean", NAN, "normalisation.mean: should be a finite number, but is nan"),
    "mean that is text": ("normalisation.mean", "0", "normalisation.mean: should be of type number, but is '0'"),
    "std of zero": ("normalisation.std", 0, "normalisation.std: 0 is less than or equal to the minimum of 0"),
    "unknown normalisation": ("normalisation.path", "/etc", "normalisation.path: unknown key"),
    "normalisation gone": ("normalisation", {}, "normalisation.mean: is missing"),
    "front-end of nothing": ("front_end", {}, "front_end.front_end: is missing"),
    "front-end by module": ("front_end.front_end", "os.system", "front_end.front_end: 'os.system' is not one of"),
    "front-end that is a list": ("front_end.front_end", ["ast"], "front_end.front_end: ['ast'] is not one of"),
    "unknown setting": ("front_end.cmd", "x", "front_end.cmd: unknown key"),
    "hop of zero": ("front_end.hop_length", 0, "front_end.hop_length: 0 is less than the minimum of 1"),
    "rate that is text": ("front_end.sample_rate", "22050", "front_end.sample_rate: should be of type integer"),
    "upper edge below the lower": ("front_end.fmax", 0.5, "front_end"),
    "window beyond the transform": ("front_end.win_length", 4096, "front_end.win_length: 4096 is longer than n_fft"),
    "recipe of nothing": ("recipe", {}, "recipe.family: is missing"),
    "recipe that is a list": ("recipe", [], "recipe: should be of type mapping, but is []"),
    "family by module": ("recipe.family", "os", "recipe.family: 'os' is not one of its values"),
    "family that is a mapping": ("recipe.family", {}, "recipe.family: {} is not one of its values"),
    "unknown option": ("recipe.checkpoint_path", "/etc/passwd", "recipe.checkpoint_path: unknown key"),
    "width that is text": ("recipe.width", "4", "recipe.width: should be of type integer, but is '4'"),
    "negative width": ("recipe.width", -4, "recipe.width: -4 is less than the minimum of 1"),
    "dropout beyond 1": ("recipe.dropout", 1.5, "recipe.dropout: 1.5 is greater than or equal to the maximum of 1"),
    "seed that is text": ("seed", "1", "seed: should be of type integer, but is '1'"),
    "sources that are text": ("sources", "esc50", "sources: should be of type list, but is 'esc50'"),
    "dataset that is a list": ("dataset", ["a"], "dataset: should be of type string, but is ['a']"),
    "a file for timm": (
        "recipe",
        TIMM | {"arguments": {"checkpoint_path": "/etc/passwd"}},
        "recipe.arguments.checkpoint_path: unknown key",
    ),
    "an address for timm": (
        "recipe",
        TIMM | {"arguments": {"pretrained_cfg_overlay": {"url": "http://localhost/x.pth"}}},
        "recipe.arguments.pretrained_cfg_overlay: unknown key",
    ),
    "weights for timm": ("recipe", TIMM | {"arguments": {"pretrained": True}}, "recipe.arguments.pretrained: unknown"),
    "a folder for timm": ("recipe", TIMM | {"arguments": {"cache_dir": "/tmp"}}, "recipe.arguments.cache_dir: unknown"),
    "a name that is a number": ("recipe", TIMM | {"name": 1}, "recipe.name: should be of type string, but is 1"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_description_is_refused_with_its_field(description: dict[str, Any], tmp_path: Path, case: str) -> None:
    path, new, message = REFUSED[case]
    (tmp_path / "model.json").write_text(json.dumps(changed(description, path.split("."), new)))
    with pytest.raises(InputError, match=re.escape(message)) as refused:
        read_description(tmp_path)
    assert all(problem.startswith(f"{tmp_path}/model.json: ") for problem in refused.value.problems)


@pytest.mark.parametrize(
    ("features", "shape"),
    [
        ({"front_end": "waveform"}, [1, 60 * 60 * 16000]),
        ({"front_end": "rocket", "n_mels": 128, "kernels": 100}, [562_500, 1]),
        ({"front_end": "logmel", "n_mels": 128}, [128, 60 * 60 * 100]),
    ],
)
def test_an_hour_of_sound_and_the_longest_vectors_are_accepted(
    description: dict[str, Any], tmp_path: Path, features: dict[str, Any], shape: list[int]
) -> None:
    (tmp_path / "model.json").write_text(json.dumps(description | {"front_end": front_end(**features), "shape": shape}))
    assert features_shape(read_description(tmp_path)) == tuple(shape)


@pytest.mark.parametrize("text", ["", "[" * 10**5, "1" * 10**4, "null", '"x"', "\x00", '{"labels": Infinity}'])
def test_invalid_descriptions_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "model.json").write_text(text)
    with pytest.raises(InputError, match=r"model\.json: "):
        read_description(tmp_path)


UNBUILT = {
    "repository of the Hub": ({"name": "hf_hub:somebody/model"}, "timm has no model of this name"),
    "folder": ({"name": "local-dir:/etc"}, "timm has no model of this name"),
    "layer that does not exist": ({"arguments": {"act_layer": "/etc/passwd"}}, "resnet10t: timm cannot build it"),
    "module as a layer": ({"arguments": {"norm_layer": "os.system"}}, "resnet10t: timm cannot build it"),
    "nested path": ({"arguments": {"block_args": {"checkpoint_path": "/etc"}}}, "resnet10t: timm cannot build it"),
    "negative rate": ({"arguments": {"drop_path_rate": "x"}}, "resnet10t: timm cannot build it"),
}


@pytest.mark.parametrize("case", UNBUILT)
def test_network_that_cannot_be_built_is_refused_without_network(
    description: dict[str, Any], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    def connect(*_: Any) -> None:
        pytest.fail("prediction asked the network")

    monkeypatch.setattr(socket.socket, "connect", connect)
    change, message = UNBUILT[case]
    (tmp_path / "model.json").write_text(json.dumps(description | {"recipe": TIMM | {"arguments": {}} | change}))
    (tmp_path / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
    with pytest.raises(InputError, match=re.escape(message)):
        load_model(tmp_path)


def test_older_description_without_later_settings_still_loads(
    description: dict[str, Any], folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "model.json").write_text(json.dumps(changed(description, ["recipe", "convolutions"], GONE)))
    (tmp_path / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
    assert load_model(tmp_path)[1]["recipe"]["convolutions"] == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "should hold a mapping"),
        ("{}", "does not state on which sources"),
        ('{"sources": "esc50"}', "sources: should be of type list, but is 'esc50'"),
        ('{"sources": [], "shape": "x"}', "shape: should be of type list, but is 'x'"),
        ('{"sources": [], "recipe": {"family": "os"}}', "recipe.family: 'os' is not one of its values"),
    ],
)
def test_run_to_start_from_is_refused_with_its_field(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "model.json"
    file.write_text(text)
    with pytest.raises(InputError, match=re.escape(message)):
        find_weights([str(tmp_path / "model.safetensors"), str(file)])
