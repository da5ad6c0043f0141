"""The settings of trials, which the configuration decides."""

from __future__ import annotations

import math
from typing import Any

import pytest

from helpers.library import configuration
from soundbench.core.errors import InputError
from soundbench.models.families import FAMILIES
from soundbench.models.tuning import point, trial_recipes

RECIPE = {"family": "cnn", "dropout": 0.2, "training": {"epochs": 2, "learning_rate": 0.003}}
SEARCH = {"training.learning_rate": {"log": [0.0001, 0.01]}, "dropout": {"uniform": [0, 0.5]}}
SELECTION = {"datasets": ["synthetic"], "seeds": [1]}


def test_trials_begin_with_the_entry_and_stay_the_same_when_some_are_added() -> None:
    few = trial_recipes(RECIPE, {"trials": 4, "seed": 1, "search": SEARCH})
    assert few[0] == RECIPE
    assert trial_recipes(RECIPE, {"trials": 9, "seed": 1, "search": SEARCH})[:4] == few
    assert trial_recipes(RECIPE, {"trials": 4, "seed": 2, "search": SEARCH})[1:] != few[1:]


def test_no_settings_are_tried_twice() -> None:
    found = trial_recipes(RECIPE, {"trials": 20, "seed": 1, "search": {"dropout": {"choice": [0.1, 0.2, 0.3]}}})
    assert sorted(recipe["dropout"] for recipe in found) == [0.1, 0.2, 0.3]


def test_points_cover_each_dimension_evenly() -> None:
    """Each 2ⁿ points have the same number in each half of the first dimension, each 3ⁿ in each third of the second."""
    points = [point(SEARCH, number, 1) for number in range(16)]
    assert sum(found["dropout"] < 0.25 for found in points) == 8
    thirds = [int(1.5 * (math.log10(found["training.learning_rate"]) + 4)) for found in points[:9]]
    assert sorted(thirds) == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_keys_have_as_many_dots_as_the_entry_is_deep() -> None:
    search = {"training.augment.gain": {"choice": [3, 6]}}
    found = trial_recipes(RECIPE, {"trials": 3, "seed": 1, "search": search})
    assert [recipe["training"].get("augment") for recipe in found[1:]] in (
        [{"gain": 3}, {"gain": 6}],
        [{"gain": 6}, {"gain": 3}],
    )
    assert "augment" not in RECIPE["training"]


def test_every_selected_model_is_tuned_with_the_search_space_of_its_family() -> None:
    benchmark = SELECTION | {"models": ["cnn", "svm", "majority"], "tune": {"trials": 5}}
    found = configuration(benchmark=benchmark)["trials"]
    assert {name: len(tuned["recipes"]) for name, tuned in found.items()} == {"cnn": 5, "svm": 5}
    assert found["svm"]["search"] == ["cost", "kernel"]


def test_every_family_has_a_search_space_that_its_models_can_have() -> None:
    encoder = {"family": "transformers", "features": "waveform", "configuration": {"model_type": "wav2vec2"}}
    library = configuration()["models"] | {"encoder": encoder}
    of_family = {recipe["family"]: name for name, recipe in library.items()}
    assert set(of_family) == set(FAMILIES.names)
    tune: dict[str, Any] = {name: {"tune": {"trials": 2}} for family, name in of_family.items() if family != "majority"}
    tune["encoder"] |= encoder | {"training": {"epochs": 1}}
    found = configuration(models=tune, benchmark=SELECTION | {"models": ["cnn"]})
    assert {name: len(tuned["recipes"]) for name, tuned in found["trials"].items()} == dict.fromkeys(tune, 2)


def test_a_trial_with_the_settings_of_another_model_is_not_trained_again() -> None:
    entry = {"family": "svm", "features": "functionals"}
    models = {"as-written": entry, "tuned": entry | {"tune": {"trials": 3}}, "again": entry | {"tune": {"trials": 4}}}
    trials = configuration(models=models, benchmark=SELECTION | {"models": list(models)})["trials"]
    assert list(trials["tuned"]["recipes"]) == ["as-written", "tuned/trial2", "tuned/trial3"]
    assert list(trials["again"]["recipes"]) == ["as-written", "tuned/trial2", "tuned/trial3", "again/trial4"]


def test_what_cannot_be_searched_is_refused_with_all_problems_at_once() -> None:
    search = {
        "training.learning_rat": {"log": [0.1, 1]},
        "training.keep": {"choice": ["best", "lst"]},
        "dropout": {"uniform": [0, 2]},
    }
    wrong = {"features": {"choice": ["logmel64", "mfcc"]}, "width": {"integer": [8, 2.5]}, "dropout": {"log": [0, 1]}}
    models = {"cnn": {"tune": {"search": search}}, "cnn-deep": {"tune": {"search": wrong}}}
    benchmark = {"datasets": ["esc10-literature"], "models": ["cnn", "majority"], "seeds": [1]}
    with pytest.raises(InputError) as found:
        configuration(models=models | {"majority": {"tune": {}}}, benchmark=benchmark)
    text = str(found.value)
    for expected in (
        "models.cnn.tune.search.training.learning_rat: unknown key; did you mean 'learning_rate'?",
        "models.cnn.tune.search.training.keep: 'lst' is not one of its values; did you mean 'last'?",
        "models.cnn.tune.search.dropout: ",
        "models.cnn-deep.tune.search.features: cannot be searched; write one model for each value",
        "models.cnn-deep.tune.search.width.integer: should be [low, high] with low < high, but is [8, 2.5]",
        "models.cnn-deep.tune.search.dropout.log: both bounds should be above 0, but are [0, 1]",
        "models.majority.tune.search: is missing; the family majority has no default search space",
        "models.cnn.tune: esc10-literature has the protocol literature, which has no validation clips, so",
    ):
        assert expected in text
