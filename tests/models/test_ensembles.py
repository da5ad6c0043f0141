"""Ensembles in the configuration: their members, their runs, and what a study reads and makes of them."""

from __future__ import annotations

from types import SimpleNamespace as Wildcards
from typing import Any

import pytest

from helpers.library import configuration
from soundbench.config.selection import used_configuration
from soundbench.config.target_checks import WITHOUT_EMBEDDING
from soundbench.core.errors import InputError
from soundbench.core.schema import LARGEST
from soundbench.models.ensembles import member_runs
from soundbench.study import paths
from soundbench.study.augmentation import AugmentationInputs
from soundbench.study.ensembles import EnsembleInputs
from soundbench.study.features import FeatureInputs
from soundbench.study.prediction import PredictionInputs
from soundbench.study.robustness import RobustnessInputs
from soundbench.study.runs import SelectedRuns
from soundbench.study.study import Study

BOTH = {"family": "ensemble", "members": ["cnn", "resnet10"]}
SEEDS = {"family": "ensemble", "members": ["cnn"], "runs": 3}


def settings(seeds: list[int] | None = None, **changes: Any) -> dict[str, Any]:
    selected = {"datasets": ["synthetic"], "models": ["cnn", "both", "three"], "seeds": seeds or [1, 2]}
    return configuration(models={"both": BOTH, "three": SEEDS}, benchmark=selected, **changes)


def problems(**changes: Any) -> list[str]:
    with pytest.raises(InputError) as refused:
        configuration(**changes)
    return refused.value.problems


def test_seeds_of_an_ensemble_average_different_runs() -> None:
    entry = settings()["ensembles"]["three"]
    assert member_runs(entry, 1) == [("cnn", 1), ("cnn", 2), ("cnn", 3)]
    assert member_runs(entry, 2) == [("cnn", 4), ("cnn", 5), ("cnn", 6)]


def test_members_are_evaluated_and_nothing_is_trained_for_the_ensemble() -> None:
    study = Study(settings())
    found = EnsembleInputs(study).of_members(paths.METRICS)(Wildcards(dataset="synthetic", model="both", seed="2"))
    run = "<results>/runs/{dataset}"
    assert found == [f"{run}/cnn/seed2/metrics.json", f"{run}/resnet10/seed2/metrics.json"]
    runs = SelectedRuns(study)
    nothing = Wildcards()
    assert {path.split("/")[3] for path in runs.of(paths.METRICS)(nothing)} == {"cnn", "both", "three"}
    assert {path.split("/")[3] for path in runs.of_trained(paths.HISTORY)(nothing)} == {"cnn"}
    features = FeatureInputs(study, AugmentationInputs(study))
    assert RobustnessInputs(study, runs, features).models("synthetic") == ["cnn"]
    assert features.selected("{features}") == ["logmel64"]


def test_a_study_uses_the_members_of_its_ensembles() -> None:
    used = used_configuration(settings())
    assert set(used["models"]) == {"cnn", "resnet10"}
    assert set(used["ensembles"]) == {"both", "three"}
    alone = configuration(models={"both": BOTH}, benchmark={"models": ["both"]})
    assert set(used_configuration(alone)["models"]) == {"cnn", "resnet10"}


def test_recordings_are_predicted_by_the_models_of_all_members() -> None:
    entry = {"recordings": ["."], "model": {"dataset": "synthetic", "model": "three", "seed": 2}}
    best = {"recordings": ["."], "model": {"dataset": "synthetic", "best": "validation"}}
    inputs = PredictionInputs(Study(settings(predict={"garden": entry, "best": best})))
    folders = inputs.of_models(paths.RUN)(Wildcards(prediction="garden"))
    assert folders == [f"<results>/runs/synthetic/cnn/seed{seed}" for seed in (4, 5, 6)]
    splits = inputs.of_dataset(paths.SPLIT)(Wildcards(prediction="garden"))
    assert splits == [f"<results>/splits/synthetic/seed{seed}.csv" for seed in (4, 5, 6)]
    assert inputs.models("best") == ["cnn"]


def test_ensembles_that_cannot_be_are_named_together() -> None:
    assert problems(
        models={
            "alone": {"family": "ensemble", "members": ["cnn"]},
            "nested": {"family": "ensemble", "members": ["alone", "cn"]},
            "trained": BOTH | {"training": {"epochs": 2}},
            "three": SEEDS,
            "cnn-bare": {"family": "cnn"},
            "empty": {"family": "ensemble"},
        },
        datasets={"drawn": {"source": "synthetic", "split": {"scheme": "kfold", "protocol": "nested"}}},
        benchmark={"datasets": ["drawn"], "models": ["three"], "seeds": [0, 1]},
    ) == [
        "models.alone.members: a mean needs two runs; name another model, or set runs: 2 or more",
        "models.cnn-bare.features: is missing",
        "models.cnn-bare.training: is missing",
        "models.empty.members: is missing",
        "models.nested.members: alone is an ensemble; name its members",
        "models.nested.members: there is no 'cn'; did you mean 'cnn'?",
        "models.three.runs: all benchmark.seeds should be 1 or more",
        "models.three.runs: drawn has other folds with each seed (scheme kfold), so runs cannot be averaged",
        "models.trained.training: an ensemble is not trained; its members have this key",
    ]


@pytest.mark.parametrize(
    ("seed", "expected"),
    [(0, "should be 1 or more"), (LARGEST // 3 + 1, "should be 3074457345618258602 or less; the seeds of its 3 runs")],
)
def test_seeds_whose_runs_have_no_seeds_of_their_own_are_refused(seed: int, expected: str) -> None:
    model = {"dataset": "synthetic", "model": "three"}
    predict = {"garden": {"recordings": ["."], "model": model | {"seed": seed}}}
    selected, predicted = problems(
        models={"three": SEEDS},
        benchmark={"datasets": ["synthetic"], "models": ["three"], "seeds": [1, seed]},
        predict=predict,
    )
    assert selected.startswith(f"models.three.runs: all benchmark.seeds {expected}")
    assert predicted.startswith(f"predict.garden.model: all seeds of three {expected}")
    found = problems(
        models={"three": SEEDS}, benchmark={"seeds": [seed]}, predict={"garden": predict["garden"] | {"model": model}}
    )
    assert found == [predicted]


def test_largest_seed_of_an_ensemble_gives_its_members_seeds_that_exist() -> None:
    entry = settings(seeds=[LARGEST // 3])["ensembles"]["three"]
    assert max(seed for _, seed in member_runs(entry, LARGEST // 3)) <= LARGEST


def test_models_with_problems_are_not_called_unknown() -> None:
    transfer = {"from": {"dataset": "synthetic", "model": "cnn"}, "to": "synthetic-augmented"}
    found = problems(models={"both": BOTH, "cnn": {"width": 0}}, transfer={"there": transfer})
    assert found == ["models.cnn.width: 0 is less than the minimum of 1"]


def test_uses_that_need_one_network_are_refused() -> None:
    other = {"family": "ensemble", "members": ["cnn", "ast-probe"]}
    model = {"dataset": "synthetic", "model": "both"}
    assert problems(
        models={"both": BOTH | {"mean": "logits"}, "other": other},
        benchmark={"datasets": ["synthetic"], "models": ["both"], "seeds": [1]},
        robustness={"models": ["both"], "noise": [10]},
        transfer={"there": {"from": model, "to": "synthetic-augmented"}},
        predict={
            "garden": {"recordings": ["."], "model": model},
            "yard": {"recordings": ["."], "model": model | {"model": "other"}},
        },
    ) == [
        "predict.garden.model.model: both averages logits, but predict averages probabilities",
        f"predict.yard.model.model: other {WITHOUT_EMBEDDING}",
        "robustness.models: both is an ensemble, whose predictions are averaged from tables; name its members",
        "transfer.there.from.model: both is an ensemble, whose predictions are averaged from tables; name its members",
    ]
