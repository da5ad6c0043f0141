"""A tuned model in the real workflow, beside the same entry as it is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from helpers.workflow import TINY, Workflow
from soundbench.core.storage import read_json

TRIALS = 3
SEARCH = {"training.learning_rate": {"choice": [0.0001, 0.01, 1e30]}}  # the third trial gets 1e30, and diverges
ENTRY: dict[str, Any] = {"family": "cnn", "features": "logmel64", "width": 4}
ENTRY["training"] = {"epochs": 2, "learning_rate": 0.003, "patience": 12, "precision": "auto"}
STUDY = TINY | {
    "models": TINY["models"]
    | {"tuned": ENTRY | {"tune": {"trials": TRIALS, "search": SEARCH}}}
    | {"halved": ENTRY | {"tune": {"trials": TRIALS, "search": SEARCH, "halving": 3}}},
    "benchmark": {"datasets": ["synthetic"], "models": ["cnn", "tuned", "halved"], "seeds": [1]},
}
TARGETS = ("results/summary/ledger.csv", "results/summary/costs.csv")


@pytest.mark.slow
def test_validation_clips_choose_among_trials_and_test_clips_are_evaluated_once(tiny_copy: Workflow) -> None:
    runs = tiny_copy.results / "runs" / "synthetic"
    tiny_copy.overlay("tuned", **STUDY)
    arguments = (*TARGETS, "--configfile", "tuned.yaml")
    folds = sorted(path.name for path in (runs / "cnn" / "seed1").glob("fold*"))
    # The first trial is the entry as it is written, which the model cnn is, and which has been trained.
    planned = tiny_copy.planned(*arguments)
    assert planned["train_model"] == (TRIALS - 1) * len(folds)
    assert planned["halve_trials"] == len(folds)
    assert planned["evaluate_model"] == 2
    tiny_copy.run(*arguments, "--cores", "2")
    assert not tiny_copy.planned(*arguments)
    for fold in folds:
        trials = [runs / "cnn" / "seed1" / fold, *(runs / "tuned" / f"trial{n}" / "seed1" / fold for n in (2, 3))]
        check_choice(runs / "tuned" / "seed1" / fold, trials)
    assert not list(runs.glob("tuned/trial*/**/predictions.csv"))
    check_halved(runs / "halved" / "seed1")
    check_inputs(tiny_copy, arguments)
    check_ledger(tiny_copy, len(folds))
    # More trials later: only the new ones are trained.
    more = ENTRY | {"tune": {"trials": TRIALS + 1, "search": SEARCH}}
    tiny_copy.overlay("more", models={"tuned": more})
    assert tiny_copy.planned(*arguments, "more.yaml")["train_model"] == len(folds)
    check_resumed(tiny_copy, runs / "tuned" / "trial2" / "seed1" / folds[0])


def check_resumed(workflow: Workflow, trial: Path) -> None:
    """A trial that is missing is trained again before the next choice, and nothing else is."""
    before = (trial / "model.safetensors").read_bytes()
    chosen = trial.parents[2] / trial.parent.name / trial.name / "trials.csv"
    table = chosen.read_bytes()
    for file in (trial / "model.safetensors", chosen):
        file.unlink()
    target = (str(chosen.relative_to(workflow.folder)), "--configfile", "tuned.yaml")
    assert workflow.planned(*target) == {"choose_trial": 1, "train_model": 1}
    workflow.run(*target, "--cores", "1")
    assert (trial / "model.safetensors").read_bytes() == before
    assert chosen.read_bytes() == table


def check_choice(run: Path, trials: list[Path]) -> None:
    """The chosen model is that of the trial with the best validation score, and costs what all trials cost.

    The last trial has diverged.
    """
    table = pd.read_csv(run / "trials.csv")
    histories = [pd.read_csv(trial / "history.csv").set_index("epoch") for trial in trials[:-1]]
    descriptions = [read_json(trial / "model.json") for trial in trials]
    kept = [history.loc[found["kept_epoch"]] for history, found in zip(histories, descriptions, strict=False)]
    best = min(range(len(kept)), key=lambda number: (-kept[number]["val_accuracy"], kept[number]["val_loss"], number))
    assert table["diverged"].tolist() == [False, False, True]
    assert table["chosen"].tolist() == [number == best for number in range(TRIALS)]
    assert (run / "model.safetensors").read_bytes() == (trials[best] / "model.safetensors").read_bytes()
    seconds = sum(found["measured"]["train_seconds"] for found in descriptions)
    assert read_json(run / "model.json")["measured"]["train_seconds"] == pytest.approx(seconds, abs=0.01)


def check_halved(run: Path) -> None:
    """One trial is trained to its end, and the files of the others are gone after the evaluation."""
    for folder in run.glob("fold*"):
        table = pd.read_csv(folder / "trials.csv")
        assert sorted(table["epochs"]) == [0, 1, 2]  # the third trial diverges in its first epoch
        assert table["chosen"].tolist() == table["epochs"].eq(2).tolist()
        assert not (folder / "trials").exists()


def check_inputs(workflow: Workflow, arguments: tuple[str, ...]) -> None:
    """The jobs that choose read what training has left of trials; no split, no features, no predictions."""
    lines = workflow.run("--detailed-summary", *arguments).stdout.splitlines()
    rows = [line.split("\t") for line in lines if "\tchoose_trial\t" in line]
    assert rows
    read = {Path(file) for row in rows for cell in row[4:5] for file in cell.split(",")}
    assert {file.name for file in read} == {"model.safetensors", "model.json", "trained_on.txt", "history.csv"}
    assert all(file.parent.name.startswith("fold") for file in read)


def check_ledger(workflow: Workflow, folds: int) -> None:
    """One row per setting and fold; the count has the models that the study before has evaluated on the same clips."""
    ledger = pd.read_csv(workflow.results / "summary" / "ledger.csv")
    assert ledger.groupby("model").size().to_dict() == {"cnn": folds, "tuned": TRIALS * folds, "halved": TRIALS * folds}
    assert ledger[ledger["model"] == "tuned"].groupby("fold")["chosen"].sum().eq(1).all()
    first = ledger[(ledger["model"] == "tuned") & (ledger["trial"] == 1)]
    assert first["score"].tolist() == ledger[ledger["model"] == "cnn"]["score"].tolist()
    # The study before has evaluated two models with two seeds. The same settings are counted once, under any name.
    chosen = {tuple(rows["trial"]) for _, rows in ledger[ledger["chosen"]].sort_values("fold").groupby("model")}
    assert ledger["test_evaluations"].unique().tolist() == [4 + len(chosen - {(1,) * folds})]
    costs = pd.read_csv(workflow.results / "summary" / "costs.csv").set_index("model")
    assert costs.loc["tuned", "train_seconds"] > costs.loc["cnn", "train_seconds"]
