"""Normalisation by group: what it does to values, what it refuses, and how the report marks models that use it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from helpers.library import configuration, front_end
from helpers.workflow import TINY, Workflow
from soundbench.core.errors import InputError
from soundbench.core.integrity import row_digest
from soundbench.features.group_normalisation import check_groups, normalise_by_group
from soundbench.models.inputs import transductive_models

BINS = 3
FRAMES = 6
GROUPS = ["anna", "ben", "anna", "ben", "anna"]
OWN = [6, 4, 5, 6, 3]  # frames without padding
PADDING = 1000.0


def write_array(path: Path, seed: int = 0) -> np.ndarray:
    """Values whose mean and deviation differ between groups and bins, with a constant last bin and large padding."""
    rng = np.random.default_rng(seed)
    scales = np.array([1.0, 20.0, 0.0])[:, None]
    features = np.stack([5 + scales * (rng.standard_normal((BINS, FRAMES)) + (name == "ben")) for name in GROUPS])
    for row, count in enumerate(OWN):
        features[row, :, count:] = PADDING
    np.save(path, features.astype(np.float32))
    return features


def values_of(array: np.ndarray, group: str) -> np.ndarray:
    """The values ``(bins, frames)`` of a group without padding."""
    return np.concatenate([array[row, :, : OWN[row]] for row in range(len(GROUPS)) if GROUPS[row] == group], axis=1)


def test_each_bin_of_each_group_has_zero_mean_and_unit_deviation_without_padding(tmp_path: Path) -> None:
    write_array(tmp_path / "array.npy")
    digests = normalise_by_group(tmp_path / "array.npy", GROUPS, OWN)
    found = np.load(tmp_path / "array.npy")
    for group in ("anna", "ben"):
        values = values_of(found, group)
        assert values.mean(axis=1) == pytest.approx(np.zeros(BINS), abs=1e-6)
        assert values[:2].std(axis=1) == pytest.approx(np.ones(2), abs=1e-5)
        assert (values[2] == 0).all(), "a constant value has no deviation to divide by"
    assert digests == [row_digest(row) for row in found]


def test_a_group_is_normalised_without_the_others(tmp_path: Path) -> None:
    features = write_array(tmp_path / "one.npy")
    features[np.array(GROUPS) == "ben"] *= 7
    np.save(tmp_path / "other.npy", features.astype(np.float32))
    for name in ("one", "other"):
        normalise_by_group(tmp_path / f"{name}.npy", GROUPS, OWN)
    one, other = (np.load(tmp_path / f"{name}.npy") for name in ("one", "other"))
    assert np.array_equal(values_of(one, "anna"), values_of(other, "anna"))
    assert values_of(one, "ben") == pytest.approx(values_of(other, "ben"), abs=1e-4)


def test_vectors_of_groups_with_one_clip_are_refused_and_spectrograms_are_not() -> None:
    clips = pd.DataFrame({"clip": ["a", "b", "c"], "group": ["anna", "anna", "ben"]})
    with pytest.raises(InputError, match=r"group 'ben' has one clip") as refused:
        check_groups(clips, front_end(front_end="functionals", normalise="group"))
    assert "anna" not in str(refused.value)
    check_groups(clips, front_end(front_end="logmel", normalise="group"))
    check_groups(clips, front_end(front_end="functionals"))


BY_GROUP: dict[str, Any] = {
    "features": {
        "by-group": {"front_end": "functionals", "normalise": "group"},
        "mels-by-group": {"front_end": "logmel", "sample_rate": 16000, "normalise": "group"},
    },
    "models": {
        "svm-by-group": {"family": "svm", "features": "by-group"},
        "cnn-by-group": {"family": "cnn", "features": "mels-by-group", "training": {"epochs": 1}},
        "mean": {"family": "ensemble", "members": ["svm", "svm-by-group"]},
    },
}


def test_ensembles_with_such_a_member_are_transductive_too() -> None:
    models = ["svm", "svm-by-group", "mean"]
    settings = configuration(**BY_GROUP, benchmark={"datasets": ["synthetic"], "models": models})
    assert transductive_models(models, settings) == ["svm-by-group", "mean"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"benchmark": {"datasets": ["synthetic-augmented"], "models": ["mean"]}},
            r"datasets\.synthetic-augmented\.augment: svm-by-group takes by-group, which is normalised by group",
        ),
        (
            {"benchmark": {"datasets": ["synthetic"], "models": ["svm-by-group"]}, "robustness": {"noise": [10]}},
            r"robustness\.models: svm-by-group needs features that are normalised by group",
        ),
        (
            {"predict": {"new": {"recordings": ["a"], "model": {"dataset": "synthetic", "model": "svm-by-group"}}}},
            r"predict\.new\.model\.model: svm-by-group needs features that are normalised by group",
        ),
        (
            {"models": {"cnn-by-group": {"training": {"epochs": 1, "augment": {"gain": 6}}}}},
            r"models\.cnn-by-group\.training\.augment\.gain: needs features on a logarithmic scale.* dataset",
        ),
    ],
)
def test_what_such_models_cannot_do_is_refused_with_the_reason(changes: dict[str, Any], reason: str) -> None:
    models = {name: entry | changes.get("models", {}).get(name, {}) for name, entry in BY_GROUP["models"].items()}
    with pytest.raises(InputError, match=reason):
        configuration(**BY_GROUP | changes | {"models": models})


@pytest.mark.slow
def test_report_and_leaderboard_mark_transductive_models(tiny_copy: Workflow) -> None:
    features = TINY["features"] | {"by-group": {"front_end": "functionals", "normalise": "group"}}
    models = TINY["models"] | {"svm-by-group": {"family": "svm", "features": "by-group"}}
    # With one group per label, normalising by group removes the label.
    benchmark = TINY["benchmark"] | {"models": ["svm", "svm-by-group"], "seeds": [1]}
    tiny_copy.overlay("tiny", **TINY | {"benchmark": benchmark, "features": features, "models": models})
    summary = tiny_copy.results / "summary"
    tiny_copy.run("--cores", "2", "--configfile", "tiny.yaml")
    lines = (summary / "leaderboard.md").read_text().splitlines()
    assert [line.split("|")[2].strip() for line in lines if "svm" in line].count("svm-by-group (transductive)") == 1
    assert not [line for line in lines if "| svm (transductive)" in line]
    page = (summary / "report.html").read_text()
    assert "svm-by-group is transductive" in page
    assert "(transductive)</span>" in page
    board = pd.read_csv(summary / "leaderboard.csv").set_index("model")
    assert board["transductive"].to_dict() == {"svm": False, "svm-by-group": True}
    assert board["mean"]["svm-by-group"] < board["mean"]["svm"]
