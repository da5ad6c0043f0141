"""Numbers per clip: scores against their formulas and scipy, targets, and what a view may name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

from helpers.library import configuration, training
from soundbench.core.errors import InputError
from soundbench.data.copies import check_labels, required_copies, training_copies
from soundbench.data.schemes import SCHEMES
from soundbench.data.splits import missing_classes
from soundbench.data.subsets import limit_clips
from soundbench.evaluation.baseline import constant_baseline
from soundbench.evaluation.breakdowns import group_table
from soundbench.evaluation.estimates import estimate_difference
from soundbench.evaluation.intervals import interval_scores
from soundbench.evaluation.resampling import group_evidence
from soundbench.tasks.losses import build_loss, validation_loss
from soundbench.tasks.rating import METRICS, Rated
from soundbench.tasks.regression import Regression

RNG = np.random.default_rng(3)
TRUTH = np.round(RNG.normal(size=(50, 2)) * [1, 30] + [5, 200], 1)
VALUES = np.round(0.6 * TRUTH + 0.4 * RNG.normal(size=(50, 2)) * [1, 30] + [2, 90], 1)
NAMES = ["arousal", "valence"]
CLIPS = pd.DataFrame({"clip": [f"c{number}" for number in range(50)], "fold": 1}).join(
    pd.DataFrame(TRUTH, columns=["true_arousal", "true_valence"])
)


def table() -> pd.DataFrame:
    return Regression(NAMES).table(CLIPS, VALUES)


def test_scores_are_those_of_their_formulas() -> None:
    pairs = list(zip(TRUTH.T, VALUES.T, strict=True))
    # L. Lin, Biometrics 45, 1989, equation 1, with the divisor n
    concordances = [2 * np.cov(x, y, ddof=0)[0, 1] / (x.var() + y.var() + (x.mean() - y.mean()) ** 2) for x, y in pairs]
    assert Regression(NAMES).scores(table()) == pytest.approx(
        {
            "ccc": np.mean(concordances),
            "pearson": np.mean([stats.pearsonr(*pair).statistic for pair in pairs]),
            "spearman": np.mean([stats.spearmanr(*pair).statistic for pair in pairs]),
            "mae": np.abs(VALUES - TRUTH).mean(),
            "rmse": np.mean(np.sqrt(((VALUES - TRUTH) ** 2).mean(axis=0))),
        }
    )
    targets = Regression(NAMES).details(table(), pd.Series("s", index=table()["clip"]))["targets"]
    assert [row["target"] for row in targets] == NAMES
    assert [row["ccc"] for row in targets] == pytest.approx(concordances)


@pytest.mark.parametrize("metric", METRICS)
def test_a_weight_counts_as_so_many_clips(metric: str) -> None:
    weights = RNG.integers(0, 3, 50)
    repeated = Rated(np.repeat(TRUTH, weights, axis=0), np.repeat(VALUES, weights, axis=0))
    found = METRICS[metric].compute(Rated(TRUTH, VALUES), weights[None].astype(float))
    assert found == pytest.approx(METRICS[metric].compute(repeated, np.ones((1, weights.sum()))))


def test_intervals_stay_within_the_limits_of_a_correlation() -> None:
    groups = pd.Series(CLIPS["clip"].to_numpy(), CLIPS["clip"])
    found = interval_scores(Regression, [table()], groups)
    for name, score in found.items():
        assert METRICS[name].lowest <= score["low"] < score["mean"] < score["high"] <= METRICS[name].highest
    perfect = interval_scores(Regression, [Regression(NAMES).table(CLIPS, TRUTH)], groups)
    assert perfect["ccc"]["mean"] == pytest.approx(1)
    assert perfect["ccc"]["high"] <= 1


@pytest.mark.parametrize("metric", METRICS)
def test_models_are_compared_in_pairs_by_each_metric(metric: str) -> None:
    task = Regression(NAMES)
    groups = pd.Series(np.arange(50) // 2, CLIPS["clip"]).astype(str)
    worse = task.table(CLIPS, np.random.default_rng(4).permutation(VALUES))
    first, second = (group_evidence(Regression, [each], groups).resampled(metric) for each in (table(), worse))
    found = estimate_difference(first, second, METRICS[metric])
    assert found.mean == pytest.approx(task.scores(table())[metric] - task.scores(worse)[metric])
    assert 0 < found.p_value() < 0.05


def test_guessing_has_no_concordance_and_the_lowest_error_of_a_constant() -> None:
    skewed = CLIPS.assign(true_arousal=np.exp(TRUTH[:, 0]))
    truth = skewed[["true_arousal", "true_valence"]].to_numpy()
    guessing = {name: constant_baseline(Regression, table().assign(**skewed), name).score for name in METRICS}
    assert guessing["ccc"] == guessing["pearson"] == guessing["spearman"] == 0
    assert guessing["mae"] == pytest.approx(np.abs(truth - np.median(truth, axis=0)).mean())
    assert guessing["mae"] < 0.95 * np.abs(truth - truth.mean(axis=0)).mean()
    assert guessing["rmse"] == pytest.approx(truth.std(axis=0).mean())


def test_targets_are_standardised_and_outputs_are_in_the_unit_of_the_source() -> None:
    task = Regression(NAMES)
    task.fit(CLIPS)
    targets = task.encode(CLIPS)
    assert targets.mean(axis=0) == pytest.approx(0, abs=1e-5)
    assert targets.std(axis=0) == pytest.approx(1, abs=1e-5)
    outputs = torch.from_numpy(targets)
    assert task.activate(outputs).numpy() == pytest.approx(TRUTH, rel=1e-5)
    assert float(task.progress_sum(outputs, outputs)) == pytest.approx(len(outputs))
    assert float(task.progress_sum(0 * outputs, outputs)) == pytest.approx(0, abs=1e-4)
    with pytest.raises(InputError, match="all training clips have the same valence"):
        Regression(NAMES).fit(CLIPS.assign(true_valence=1.0))


def test_losses_of_numbers() -> None:
    outputs, targets = torch.from_numpy(VALUES), torch.from_numpy(TRUTH)
    task = Regression(NAMES)
    cpu = torch.device("cpu")
    assert validation_loss(task)(outputs, targets) == pytest.approx(((VALUES - TRUTH) ** 2).mean())
    found = {
        name: float(build_loss(training(epochs=1, loss=name), task, targets, cpu)(outputs, targets))
        for name in task.losses
    }
    assert found["mae"] == pytest.approx(np.abs(VALUES - TRUTH).mean())
    assert found["ccc"] == pytest.approx(1 - task.scores(table())["ccc"])


def test_a_view_names_columns_of_numbers() -> None:
    clips = pd.DataFrame({"clip": ["a", "b"], "arousal": ["0.5", "1"], "valence": ["2", "?"], "level": [1, 2]})
    kept = Regression.select(clips, {"values": ["arousal"]})
    assert kept["true_arousal"].tolist() == [0.5, 1.0]
    assert Regression.find_labels(kept) == ["arousal"]
    for values, problem in {
        ("valence",): "valence is not a finite number in b",
        ("dominance",): "the source has no column dominance",
        ("level",): "a target cannot be named level",
        (): "names no column",
    }.items():
        with pytest.raises(InputError, match=problem):
            Regression.select(clips, {"values": list(values)})


def test_clips_without_classes_are_divided_and_limited_by_number() -> None:
    clips = CLIPS.assign(group=CLIPS["clip"])
    strata = Regression.strata(clips)
    roles = SCHEMES["kfold"](clips, strata, {"scheme": "kfold", "folds": 5, "protocol": "nested"}, 1)
    assert roles.eq("test").sum().tolist() == [10] * 5
    assert not missing_classes(clips.join(roles), strata)
    limited = limit_clips(clips.join(roles), strata, ["fold1"], {"train": 7})
    assert (limited["fold1"] == "train").sum() == 7
    assert Regression.examples(clips)["label"].value_counts().tolist() == [13, 13, 12, 12]


def test_what_a_task_does_not_have_is_said_before_anything_starts() -> None:
    source = {"reader": "folder", "root": "."}
    split = {"scheme": "kfold", "folds": 5, "protocol": "nested"}
    views = {
        "numbers": {
            "source": "own",
            "task": "regression",
            "keep": ["a", "b"],
            "thresholds": "each",
            "split": split,
        },
        "labels": {
            "source": "own",
            "task": "multi-label",
            "values": ["arousal"],
            "thresholds": "each",
            "split": split | {"protocol": "literature"},
            "augment": [{"variants": ["mixed"], "balance": True, "values": {"x": [0, 1]}}],
        },
    }
    models = {
        "cnn": {"training": {"loss": "focal", "augment": {"mixup": {"alpha": 1, "labels": "union"}}}},
        "between": {
            "family": "cnn",
            "features": "logmel64",
            "training": {"epochs": 1, "augment": {"between_class": {"probability": 1, "labels": "union"}}},
        },
        "odds": {"family": "logistic", "features": "logmel64"},
    }
    with pytest.raises(InputError) as caught:
        configuration(
            benchmark={"datasets": list(views), "models": list(models), "seeds": [1]},
            sources={"own": source},
            datasets=views,
            models=models,
        )
    found = "\n".join(caught.value.problems)
    for text in (
        "datasets.numbers.values: is missing",
        "datasets.numbers.keep: chooses labels, but the task is regression",
        "datasets.labels.values: is for the task regression, but the task is multi-label",
        "datasets.labels.augment.0.values: is for the task regression, but the task is multi-label",
        "datasets.labels.augment.0.balance: needs one label per clip",
        "models.odds: logistic predicts labels, but numbers has the task regression; choose a network or",
        "datasets.numbers.thresholds: is for the task multi-label, but the task is regression",
        "datasets.labels.thresholds: needs validation clips, which the protocol literature does not have",
        "models.cnn.training.augment.mixup.labels: union is for the task multi-label, but numbers has",
        "models.between.training.augment.between_class.labels: union is for the task multi-label, but numbers has",
        "models.cnn.training.loss: focal is not a loss of the task multi-label of labels; choose one of",
    ):
        assert text in found


def test_errors_of_each_group_of_several_clips_worst_first() -> None:
    task = Regression(["x"], {"mean": [0.0], "deviation": [1.0]})
    clips = pd.DataFrame({"clip": list("abcd"), "fold": 1, "true_x": [0.0, 0, 0, 0]})
    table = task.table(clips, np.array([[1.0], [3], [1], [1]]))
    speakers = pd.Series(["s1", "s1", "s2", "s2"], index=list("abcd"))
    found = task.details(table, speakers)["groups"]
    assert found[0] == {"group": "s1", "clips": 2, "mae": 2.0, "rmse": pytest.approx(5**0.5)}
    assert task.details(table, pd.Series(list("abcd"), index=list("abcd")))["groups"] == []
    run = {"task": "regression", "dataset": "d", "model": "m", "protocol": "nested", "groups": found[::-1]}
    rows = group_table({("d", "m", "nested"): [run]})
    assert rows["group"].tolist() == ["s1", "s2"]
    assert list(rows) == ["dataset", "model", "protocol", "group", "clips", "mae", "rmse", "seeds"]


def test_rules_choose_clips_by_ranges_of_numbers() -> None:
    clips = pd.DataFrame({"clip": list("abcd"), "true_x": [0.0, 1, 2, 3], "true_y": [5.0, 5, 5, 9]})
    rules: list[Any] = [
        {"variants": ["hum"], "labels": None, "values": {"x": [1, 3], "y": [0, 5]}, "copies": 2, "balance": False},
        {"variants": ["hiss"], "labels": None, "values": None, "copies": None, "balance": False},
    ]
    copies = training_copies(clips, rules, seed=0)
    counts = copies.groupby("variant")["clip"].value_counts().to_dict()
    assert counts == {("hum", "b"): 2, ("hum", "c"): 2, **{("hiss", clip): 1 for clip in "abcd"}}
    assert required_copies([(clips.assign(label="?"), rules)], "hum", True)["clip"].tolist() == ["b", "b", "c", "c"]
    check_labels(clips, rules)
    with pytest.raises(InputError) as refusal:
        check_labels(clips, [rules[0] | {"values": {"z": [0, 1]}}, rules[0] | {"values": {"x": [7, 8]}}])
    assert refusal.value.problems == [
        "augment.0.values: there is no z; there are x, y",
        "augment.1.values: no clip has numbers in {'x': [7, 8]}",
    ]
