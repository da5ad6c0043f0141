"""Successive halving: most trials end early, the choice is by validation clips, and interruptions change nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from helpers.library import training
from helpers.runs import RUN
from soundbench.core.errors import InputError
from soundbench.core.storage import read_json
from soundbench.features.files import FeatureFiles
from soundbench.training import halving, job
from soundbench.training.halving import halve_trials
from soundbench.training.inputs import Inputs
from soundbench.training.job import train_model
from soundbench.training.run import Execution, Outputs, Run
from soundbench.training.rungs import Rung, rungs, whole_trainings
from soundbench.training.tuning import Chosen

RATES = (1e-6, 0.01, 3e-3, 1e-5)  # the first and the last hardly learn
EPOCHS = 4
ONCE = Execution(1, 60)


def trials(rates: tuple[float, ...] = RATES, keep: str = "best") -> list[Run]:
    settings = [training(epochs=EPOCHS, batch_size=8, learning_rate=rate, optimizer="sgd", keep=keep) for rate in rates]
    return [
        replace(RUN, model=f"tuned/trial{number}", recipe=RUN.recipe | {"training": one})
        for number, one in enumerate(settings, 1)
    ]


def inputs(made_up: Path) -> Inputs:
    features = FeatureFiles(str(made_up / "features.npy"), str(made_up / "index.csv"))
    return Inputs(features, str(made_up / "nested.csv"), str(made_up / "measures.csv"))


def halve(runs: list[Run], made_up: Path, folder: Path, execution: Execution = ONCE) -> pd.DataFrame:
    """Halve the trials at a rate of 2 and return their table."""
    chosen = Chosen("tuned", folder, folder / "trials.csv")
    halve_trials(runs, inputs(made_up), chosen, ["training.learning_rate"], 2, execution)
    return pd.read_csv(folder / "trials.csv")


def test_one_trial_in_so_many_goes_on() -> None:
    assert rungs(12, 3) == [Rung(12, 1 / 9), Rung(4, 1 / 3), Rung(1, 1)]
    assert rungs(5, 2) == [Rung(5, 1 / 4), Rung(2, 1 / 2), Rung(1, 1)]
    assert rungs(2, 3) == [Rung(2, 1)]  # too few to leave one out
    assert whole_trainings(12, 3) == pytest.approx(12 / 9 + 4 * (1 / 3 - 1 / 9) + 2 / 3)
    assert whole_trainings(2, 3) == 2


@pytest.mark.parametrize("keep", ["best", "last"])
def test_the_trial_that_goes_on_ends_as_if_nothing_had_stopped_it(keep: str, made_up: Path, tmp_path: Path) -> None:
    runs = trials(keep=keep)
    table = halve(runs, made_up, tmp_path / "fold1")
    best = int(table["trial"][table["chosen"]].item())
    assert sorted(table["epochs"]) == [1, 1, 2, 4]
    assert table["epochs"][best - 1] == EPOCHS
    train_model(runs[best - 1], inputs(made_up), Outputs(tmp_path / "alone"), ONCE)
    for name in ("model.safetensors", "history.csv", "trained_on.txt"):
        assert (tmp_path / "fold1" / name).read_bytes() == (tmp_path / "alone" / name).read_bytes()
    found = read_json(tmp_path / "fold1" / "model.json")
    assert (found["model"], found["trial"], found["trials"]) == ("tuned", best, len(RATES))
    check_rungs(tmp_path, table, keep)


def check_rungs(folder: Path, table: pd.DataFrame, keep: str) -> None:
    """Those that went on were the best after the same number of epochs, by the weights that each would have kept."""
    histories = [
        pd.read_csv(folder / "fold1" / "trials" / f"trial{n}" / "history.csv").set_index("epoch") for n in range(1, 5)
    ]
    for end, left in ((1, 2), (2, 1)):
        taking_part = [number for number, one in enumerate(histories) if len(one) >= end]
        kept = {n: end if keep == "last" else histories[n]["val_loss"].loc[:end].idxmin() for n in taking_part}
        rows = {n: histories[n].loc[epoch] for n, epoch in kept.items()}
        order = sorted(rows, key=lambda n: (-rows[n]["val_accuracy"], rows[n]["val_loss"], n))
        assert sorted(order[:left]) == [n for n in taking_part if table["epochs"][n] > end]


def test_interrupted_halving_makes_the_same_choice(
    made_up: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is stopped in the last part, when the trials that go on have more epochs than the first decision saw."""
    whole = halve(trials(), made_up, tmp_path / "whole")
    started: list[str] = []

    def interrupted(run: Run, given: Inputs, outputs: Outputs, execution: Execution, until: int) -> None:
        started.append(run.model)
        if until == EPOCHS:
            train_model(run, given, outputs, execution, EPOCHS - 1)
            raise KeyboardInterrupt
        train_model(run, given, outputs, execution, until)

    monkeypatch.setattr(halving, "train_model", interrupted)
    with pytest.raises(KeyboardInterrupt):
        halve(trials(), made_up, tmp_path / "parts")
    assert len(started) == len(RATES) + 2 + 1
    assert not (tmp_path / "parts" / "model.safetensors").exists()
    monkeypatch.undo()
    pd.testing.assert_frame_equal(halve(trials(), made_up, tmp_path / "parts"), whole)
    for name in ("model.safetensors", "history.csv"):
        assert (tmp_path / "parts" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_an_interruption_after_the_weights_leaves_no_finished_trial(
    made_up: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The description and the history that are there by then are those of the pause."""
    (one,) = trials((0.01,))
    outputs = Outputs(tmp_path / "trial1")
    train_model(one, inputs(made_up), outputs, ONCE, EPOCHS - 1)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(job, "write_csv", killed)
    with pytest.raises(KeyboardInterrupt):
        train_model(one, inputs(made_up), outputs, ONCE)
    assert outputs.model.exists()
    monkeypatch.undo()
    train_model(one, inputs(made_up), outputs, ONCE)
    assert read_json(outputs.description)["epochs"] == len(pd.read_csv(outputs.history)) == EPOCHS


def test_finished_halving_is_repeated_without_training(
    made_up: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Snakemake deletes the outputs of a job that ended while it did not run."""
    halve(trials(), made_up, tmp_path / "fold1")
    before = (tmp_path / "fold1" / "model.safetensors").read_bytes()
    for name in ("model.safetensors", "model.json", "history.csv", "trials.csv"):
        (tmp_path / "fold1" / name).unlink()
    caplog.set_level("INFO", "soundbench")
    caplog.clear()
    halve(trials(), made_up, tmp_path / "fold1")
    assert (tmp_path / "fold1" / "model.safetensors").read_bytes() == before
    assert "train loss" not in caplog.text


def test_the_next_trial_takes_the_place_of_one_that_diverges(made_up: Path, tmp_path: Path) -> None:
    table = halve(trials((1e30, 0.01, 1e30, 1e-5)), made_up, tmp_path / "fold1")
    assert table["diverged"].tolist() == [True, False, True, False]
    assert table["chosen"].tolist() == [False, True, False, False]
    assert table["epochs"].tolist()[1::2] == [4, 2]


def test_if_all_diverge_one_error_says_so(made_up: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="all trials that could be chosen diverged"):
        halve(trials((1e30, 1e31)), made_up, tmp_path / "fold1")
