"""A task that is registered here goes from training to the leaderboard; no other module knows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
import torch

from helpers.library import front_end, training
from helpers.runs import RUN, write_made_up
from soundbench.core.errors import InputError
from soundbench.core.storage import read_clip_table, read_json, write_csv
from soundbench.data.schemes import SCHEMES
from soundbench.data.splits import missing_classes
from soundbench.evaluation import folds, summary
from soundbench.evaluation.breakdowns import aggregate_details
from soundbench.evaluation.comparisons import aggregate_comparisons
from soundbench.evaluation.folds import evaluate_model
from soundbench.features.files import FeatureFiles
from soundbench.models.saved import read_description
from soundbench.models.schema import load_schema
from soundbench.tasks.losses import LOSSES, build_loss
from soundbench.tasks.metric import Metric
from soundbench.tasks.registry import TASKS, ranking_metric
from soundbench.tasks.regression import Regression
from soundbench.tasks.task import Task
from soundbench.training.inputs import Inputs
from soundbench.training.job import train_model
from soundbench.training.run import Execution, Outputs

NUMBERS = ["level", "tilt"]
FRONT_END = front_end(front_end="logmel", n_mels=16)


@dataclass(frozen=True)
class Errors:
    """Sums of absolute errors and numbers of clips, ``(seeds, groups, 2)``."""

    sums: np.ndarray

    def scores(self, metric: str, weights: np.ndarray) -> np.ndarray:
        return TwoNumbers.metrics[metric].compute(np.einsum("rg,sgk->srk", weights, self.sums))

    def scores_without_each(self, metric: str) -> np.ndarray:
        return TwoNumbers.metrics[metric].compute(self.sums.sum(axis=1, keepdims=True) - self.sums)


class TwoNumbers(Task):
    """Two numbers per clip, and whether the first is above a threshold that validation clips set."""

    name = "two-numbers"
    metrics: ClassVar[dict[str, Metric]] = {
        "mae": Metric(
            "mean absolute error", lambda sums: sums[..., 0] / sums[..., 1], higher_is_better=False, highest=np.inf
        )
    }
    losses = ("squared",)
    progress = "closeness"

    @classmethod
    def truth_columns(cls, clips: pd.DataFrame) -> list[str]:
        return NUMBERS

    @classmethod
    def find_labels(cls, clips: pd.DataFrame) -> list[str]:
        return [f"{name} predicted" for name in NUMBERS]

    @classmethod
    def select(cls, clips: pd.DataFrame, view: Mapping[str, Any]) -> pd.DataFrame:
        return clips

    @classmethod
    def strata(cls, clips: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"loud": clips["level"].gt(0).astype(int), "soft": clips["level"].le(0).astype(int)})

    def fit(self, clips: pd.DataFrame) -> None:
        self.fitted["mean"] = clips[NUMBERS].mean().to_list()

    def fit_decision(self, predict: Callable[[], np.ndarray], clips: pd.DataFrame) -> None:
        values = predict()
        assert values.shape == (len(clips), 2)
        self.fitted["threshold"] = float(np.median(values[:, 0]))

    def encode(self, clips: pd.DataFrame) -> np.ndarray:
        return (clips[NUMBERS].to_numpy() - self.fitted["mean"]).astype(np.float32)

    def shares(self, targets: torch.Tensor) -> torch.Tensor:
        return targets

    def count(self, targets: torch.Tensor) -> torch.Tensor:
        return torch.full((2,), len(targets))

    def progress_sum(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return (-(outputs - targets).abs()).exp().mean(dim=1).sum()

    def activate(self, outputs: torch.Tensor) -> torch.Tensor:
        return outputs + outputs.new_tensor(self.fitted["mean"])

    def decide(self, values: np.ndarray) -> pd.DataFrame:
        return pd.DataFrame({"loud": values[:, 0] > self.fitted.get("threshold", 0)})

    def rank(self, values: np.ndarray, count: int) -> np.ndarray:
        return np.arange(2)[:count]

    def baseline(self, clips: pd.DataFrame) -> np.ndarray:
        return clips[NUMBERS].mean().to_numpy()

    def scores(self, table: pd.DataFrame) -> dict[str, float]:
        return {"mae": float(self._errors(table).mean())}

    @classmethod
    def _errors(cls, table: pd.DataFrame) -> np.ndarray:
        values = table[cls.find_labels(table)].to_numpy()
        return np.abs(values - table[NUMBERS].to_numpy()).mean(axis=1)

    @classmethod
    def evidence(cls, tables: list[pd.DataFrame], positions: list[np.ndarray], groups: int) -> Errors:
        sums = np.zeros((len(tables), groups, 2))
        for number, (table, position) in enumerate(zip(tables, positions, strict=True)):
            sums[number, :, 0] = np.bincount(position, cls._errors(table), minlength=groups)
            sums[number, :, 1] = np.bincount(position, minlength=groups)
        return Errors(sums)


@pytest.fixture(autouse=True)
def _registered(fresh_schemas: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TASKS, TwoNumbers.name, TwoNumbers)
    monkeypatch.setitem(
        LOSSES, "squared", lambda outputs, targets, weights, settings: (outputs - targets).pow(2).mean()
    )


def write_numbers(folder: Path) -> pd.DataFrame:
    """The made-up clips with two numbers each instead of a label."""
    write_made_up(folder)
    split = read_clip_table(folder / "nested.csv")
    signs = split["label"].map({"high": 1.0, "low": -1.0})
    split = split.drop(columns="label").assign(level=3 * signs + 10, tilt=-signs)
    path = folder / "splits" / "made-up" / "seed1.csv"
    write_csv(path, split)
    return split


def run_model(folder: Path, model: str, epochs: int) -> Path:
    """Train and evaluate one model; returns the folder of the run."""
    recipe = RUN.recipe | {"training": training(epochs=epochs, batch_size=8, learning_rate=0.01)}
    to = folder / "runs" / "made-up" / model / "seed1"
    split = str(folder / "splits" / "made-up" / "seed1.csv")
    features = FeatureFiles(str(folder / "features.npy"), str(folder / "index.csv"))
    train_model(
        replace(RUN, model=model, recipe=recipe, front_end=FRONT_END, source="made-up", task=TwoNumbers.name),
        Inputs(features, split, str(folder / "measures.csv")),
        Outputs(to / "fold1"),
        Execution(1, 60),
    )
    evaluate_model(
        [str(to / "fold1")],
        features,
        split,
        1,
        folds.Outputs(str(to / "predictions.csv"), str(to / "metrics.json"), str(to / "explanations.npz")),
    )
    return to


def test_a_registered_task_reaches_the_leaderboard(tmp_path: Path) -> None:
    split = write_numbers(tmp_path)
    runs = [run_model(tmp_path, "short", 1), run_model(tmp_path, "long", 8)]
    table = read_clip_table(runs[1] / "predictions.csv")
    assert list(table) == ["clip", "fold", "level", "tilt", "loud", "level predicted", "tilt predicted"]
    assert table["clip"].tolist() == split.loc[split["fold1"] == "test", "clip"].tolist()
    assert "val_closeness" in pd.read_csv(runs[1] / "fold1" / "history.csv")
    described = read_description(runs[1] / "fold1")
    assert described["task"] == "two-numbers"
    assert set(described["fitted"]) == {"mean", "threshold"}
    assert read_json(runs[1] / "metrics.json")["folds"][0]["fitted"] == described["fitted"]
    errors = [read_json(run / "metrics.json")["scores"]["mae"] for run in runs]
    assert errors[1] < errors[0]

    plan = {"datasets": {"made-up": {"task": "two-numbers", "protocol": "nested", "folds": 1}}}
    plan |= {"models": ["short", "long"], "transductive": [], "seeds": [1]}
    files = {name: [str(run / name) for run in runs] for name in ("metrics.json", "predictions.csv")}
    splits = [str(tmp_path / "splits" / "made-up" / "seed1.csv")]
    tables = {name: str(tmp_path / f"{name}.csv") for name in ("scores", "leaderboard", "spread", "beside")}
    texts = {name: str(tmp_path / f"leaderboard.{name}") for name in ("markdown", "latex")}
    inputs = summary.Inputs(files["metrics.json"], files["predictions.csv"], splits)
    summary.aggregate_scores(inputs, plan, "accuracy", [], summary.Outputs(**tables, **texts))
    scores = pd.read_csv(tables["scores"])
    assert scores["mae"].tolist() == pytest.approx(errors)
    assert not {"accuracy", "fitted"} & set(scores)
    board = pd.read_csv(tables["leaderboard"])
    assert board["model"].tolist() == ["long", "short"]  # a lower error is better
    assert board["mean"].tolist() == pytest.approx(sorted(errors), abs=1e-5)
    assert (board["interval_low"] < board["mean"]).all()
    assert (board["interval_high"] > board["mean"]).all()

    compared = tmp_path / "comparisons.csv"
    aggregate_comparisons(files["predictions.csv"], splits, plan, "accuracy", 0.01, str(compared))
    (pair,) = pd.read_csv(compared).to_dict("records")
    assert pair["metric"] == "mae"
    assert pair["mean_a"] == pytest.approx(errors[0])
    assert np.isnan(pair["p_mcnemar"])  # a number is not correct or wrong
    details = [str(tmp_path / f"{name}.csv") for name in ("classes", "confusions", "groups")]
    aggregate_details(files["metrics.json"], *details)
    assert all(pd.read_csv(path).empty for path in details)


def test_a_registered_task_divides_its_clips(tmp_path: Path) -> None:
    clips = write_numbers(tmp_path).drop(columns="fold1")
    strata = TwoNumbers.strata(clips.assign(level=clips["level"] - 10))
    roles = SCHEMES["kfold"](clips, strata, {"folds": 5, "protocol": "nested"}, 1)
    assert not missing_classes(clips.join(roles), strata)


def test_a_registered_task_is_in_the_schema_and_ranks_by_its_own_metric() -> None:
    definitions = load_schema()["$defs"]
    assert "two-numbers" in definitions["task"]["enum"]
    assert "mae" in definitions["metric"]["enum"]
    assert "squared" in definitions["loss"]["enum"]
    assert ranking_metric(TwoNumbers, "accuracy") == "mae"


def test_predictions_are_read_as_the_numbers_that_were_written(tmp_path: Path) -> None:
    values = np.float32([[1e-12, 1 - 2**-24], [0.1, 2e-7], [1e-38, 1.0], [1 / 3, 12345.678]])
    clips = pd.DataFrame({"clip": list("abcd"), "fold": 1, "true_a": 0.5, "true_b": 0.5})
    write_csv(tmp_path / "predictions.csv", Regression(["a", "b"]).table(clips, values.astype(float)))
    found = read_clip_table(tmp_path / "predictions.csv")[["a", "b"]]
    assert np.array_equal(found.astype(np.float32), values)
    assert "a,1,0.5,0.5,1e-12,0.99999994\n" in (tmp_path / "predictions.csv").read_text()


def test_a_loss_of_another_task_is_refused() -> None:
    with pytest.raises(InputError, match="focal is not a loss of the task two-numbers; choose one of squared"):
        build_loss(training(epochs=1, loss="focal"), TwoNumbers(["a", "b"]), torch.zeros(1, 2), torch.device("cpu"))


def test_a_registered_task_says_which_items_of_the_report_it_has() -> None:
    assert not TwoNumbers.has("confusion")
    assert TwoNumbers.has("scores")
    assert TASKS["single-label"].has("confusion")
