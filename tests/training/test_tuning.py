"""The choice among trials: validation clips decide alone."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from helpers.library import training
from helpers.runs import RUN
from soundbench.core.errors import InputError
from soundbench.core.storage import read_clip_table, read_json, write_csv
from soundbench.features.files import FeatureFiles
from soundbench.training.inputs import Inputs
from soundbench.training.job import train_model
from soundbench.training.run import Execution, Outputs
from soundbench.training.tuning import Chosen, Validation, choose_trial, ranked_trials

COSTS = (1e-6, 0.1, 1e-4)  # of a logistic regression: the higher, the more certain are its predictions


def test_the_highest_score_wins_then_the_lower_loss_then_the_first() -> None:
    assert ranked_trials([Validation(0.5, 1.0), Validation(0.7, 2.0), Validation(0.6, 0.1)]) == [1, 2, 0]
    assert ranked_trials([Validation(0.7, 1.0), Validation(0.7, 0.9), Validation(0.7, 0.9)]) == [1, 2, 0]


def test_a_trial_that_diverged_cannot_be_chosen() -> None:
    diverged = Validation(math.nan, math.nan)
    assert ranked_trials([diverged, Validation(0.0, 9.0), diverged, Validation(0.1, 99.0)]) == [3, 1]


def tune(made_up: Path, split: str, folder: Path) -> pd.DataFrame:
    """Train three trials on a split and choose one; returns the table of trials."""
    features = FeatureFiles(str(made_up / "features.npy"), str(made_up / "index.csv"))
    inputs = Inputs(features, str(made_up / f"{split}.csv"), str(made_up / "measures.csv"))
    trials = [folder / f"trial{number}" / "seed1" / "fold1" for number in (1, 2, 3)]
    for trial, cost in zip(trials, COSTS, strict=True):
        run = replace(RUN, recipe={"family": "logistic", "cost": cost, "class_weights": "none"})
        train_model(run, inputs, Outputs(trial), Execution(1, 60))
    chosen = folder / "seed1" / "fold1"
    choose_trial(Chosen("tuned", chosen, chosen / "trials.csv"), trials, ["cost"])
    return pd.read_csv(chosen / "trials.csv")


def write_opposite(made_up: Path, role: str) -> None:
    """Write a split in which the clips with a role have the opposite labels."""
    split = read_clip_table(made_up / "nested.csv")
    chosen = split["fold1"] == role
    split.loc[chosen, "label"] = split.loc[chosen, "label"].map({"high": "low", "low": "high"})
    write_csv(made_up / "opposite.csv", split)


@pytest.mark.slow
def test_labels_of_test_clips_change_neither_trials_nor_the_choice(made_up: Path, tmp_path: Path) -> None:
    """The same change to validation clips does, so a choice by test clips would be found."""
    honest = tune(made_up, "nested", tmp_path / "honest")
    write_opposite(made_up, "test")
    planted = tune(made_up, "opposite", tmp_path / "planted")
    pd.testing.assert_frame_equal(honest, planted)
    run = Path("seed1", "fold1", "model.safetensors")
    assert (tmp_path / "honest" / run).read_bytes() == (tmp_path / "planted" / run).read_bytes()
    write_opposite(made_up, "val")
    other = tune(made_up, "opposite", tmp_path / "other")
    assert honest["chosen"].tolist() == [False, True, False]
    assert other["chosen"].tolist() == [True, False, False]


def test_the_chosen_run_has_the_name_of_its_model_and_the_costs_of_all_trials(made_up: Path, tmp_path: Path) -> None:
    table = tune(made_up, "nested", tmp_path)
    found = read_json(tmp_path / "seed1" / "fold1" / "model.json")
    trials = [read_json(tmp_path / f"trial{number}" / "seed1" / "fold1" / "model.json") for number in (1, 2, 3)]
    assert (found["model"], found["trials"], found["trial"]) == ("tuned", 3, table["trial"][table["chosen"]].item())
    assert found["recipe"] == trials[found["trial"] - 1]["recipe"]
    for cost in ("train_seconds", "cpu_seconds"):
        assert found["measured"][cost] == pytest.approx(sum(trial["measured"][cost] for trial in trials), abs=0.01)
    assert found["measured"]["megabytes"] == max(trial["measured"]["megabytes"] for trial in trials)
    assert list(table["settings"]) == [f'{{"cost": {cost}}}' for cost in COSTS]


def train_at(rates: tuple[float, ...], made_up: Path, folder: Path, first: str = "tuned/trial1") -> list[Path]:
    """Train one trial per learning rate; returns their folders."""
    features = FeatureFiles(str(made_up / "features.npy"), str(made_up / "index.csv"))
    inputs = Inputs(features, str(made_up / "nested.csv"), str(made_up / "measures.csv"))
    names = [first, *(f"tuned/trial{number}" for number in range(2, len(rates) + 1))]
    for name, rate in zip(names, rates, strict=True):
        settings = training(epochs=2, batch_size=8, learning_rate=rate, optimizer="sgd")
        run = replace(RUN, model=name, recipe=RUN.recipe | {"training": settings})
        train_model(run, inputs, Outputs(folder / name / "seed1" / "fold1"), Execution(1, 60))
    return [folder / name / "seed1" / "fold1" for name in names]


def test_a_trial_that_diverges_is_recorded_and_not_chosen(made_up: Path, tmp_path: Path) -> None:
    trials = train_at((1e30, 0.001), made_up, tmp_path)
    chosen = tmp_path / "seed1" / "fold1"
    choose_trial(Chosen("tuned", chosen, chosen / "trials.csv"), trials, ["training.learning_rate"])
    table = pd.read_csv(chosen / "trials.csv")
    assert table["diverged"].tolist() == [True, False]
    assert table["chosen"].tolist() == [False, True]
    assert table["score"].isna().tolist() == [True, False]
    assert "is no longer finite" in read_json(trials[0] / "model.json")["diverged"]
    assert "diverged" not in read_json(chosen / "model.json")


def test_if_all_trials_diverge_one_error_names_them(made_up: Path, tmp_path: Path) -> None:
    trials = train_at((1e30, 1e31), made_up, tmp_path)
    with pytest.raises(
        InputError,
        match=r"^\[made-up/tuned/seed1/fold1\] all trials that could be chosen diverged; .* lower learning rates",
    ):
        choose_trial(Chosen("tuned", tmp_path / "fold1", tmp_path / "fold1" / "trials.csv"), trials, [])
    assert not (tmp_path / "fold1").exists()


def test_a_model_that_is_no_trial_stops_if_it_diverges(made_up: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no longer finite"):
        train_at((1e30,), made_up, tmp_path, first="cnn")
