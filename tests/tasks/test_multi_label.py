"""Several labels per clip: scores against scikit-learn, decisions, labels that a view keeps, and splits."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats
from sklearn import metrics as reference

from helpers.library import training
from soundbench.core.errors import InputError
from soundbench.data.stratification import divide_groups
from soundbench.data.subsets import limit_clips
from soundbench.evaluation.estimates import estimate_difference
from soundbench.evaluation.intervals import interval_scores
from soundbench.evaluation.resampling import group_evidence
from soundbench.report.rendering import percent, records
from soundbench.tasks import tagging
from soundbench.tasks.evidence import WeightedClips
from soundbench.tasks.losses import build_loss, validation_loss
from soundbench.tasks.multi_label import UNLABELLED, MultiLabel
from soundbench.tasks.roc_area import roc_area
from soundbench.tasks.tagging import METRICS, Tagged, best_threshold

LABELS = ["cat", "dog", "hen", "owl"]
RNG = np.random.default_rng(1)
TRUTH = (RNG.random((60, 4)) < [0.5, 0.3, 0.2, 0.1]).astype(float)
# Probabilities of two digits, so that many are equal.
PROBABILITIES = np.round(0.3 * TRUTH + 0.7 * RNG.random((60, 4)), 2)
TASK = MultiLabel(LABELS)
CPU = torch.device("cpu")


def clips_of(truth: np.ndarray) -> pd.DataFrame:
    joined = [";".join(np.array(LABELS, dtype=object)[row > 0]) for row in truth]
    return pd.DataFrame({"clip": [f"c{number}" for number in range(len(truth))], "fold": 1, "label": joined})


def table() -> pd.DataFrame:
    return TASK.table(clips_of(TRUTH), PROBABILITIES)


def test_scores_are_those_of_scikit_learn() -> None:
    scores = TASK.scores(table())
    area = reference.roc_auc_score(TRUTH, PROBABILITIES, average="macro")
    some = TRUTH.any(axis=1)
    assert scores == pytest.approx(
        {
            "map": reference.average_precision_score(TRUTH, PROBABILITIES, average="macro"),
            "micro_map": reference.average_precision_score(TRUTH, PROBABILITIES, average="micro"),
            "roc_auc": area,
            "d_prime": np.sqrt(2) * stats.norm.ppf(area),
            "lwlrap": reference.label_ranking_average_precision_score(
                TRUTH[some], PROBABILITIES[some], sample_weight=TRUTH[some].sum(axis=1)
            ),
            "macro_f1": reference.f1_score(TRUTH, PROBABILITIES >= 0.5, average="macro"),
            "micro_f1": reference.f1_score(TRUTH, PROBABILITIES >= 0.5, average="micro"),
        }
    )


@pytest.mark.parametrize("metric", METRICS)
def test_a_weight_counts_as_so_many_clips(metric: str) -> None:
    weights = RNG.integers(0, 3, 60)
    whole = Tagged(TRUTH, PROBABILITIES, (PROBABILITIES >= 0.5).astype(float))
    repeated = Tagged(*(np.repeat(part, weights, axis=0) for part in (whole.truth, whole.probabilities, whole.decided)))
    found = METRICS[metric].compute(whole, weights[None].astype(float))
    assert found == pytest.approx(METRICS[metric].compute(repeated, np.ones((1, weights.sum()))))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("groups", [4, 25])
def test_scores_without_each_group_are_those_with_its_weight_at_zero(metric: str, groups: int) -> None:
    positions = np.random.default_rng(groups).integers(0, groups, 60)
    clips = Tagged(TRUTH, PROBABILITIES, (PROBABILITIES >= 0.5).astype(float))
    evidence = WeightedClips([clips, clips], [positions, positions[::-1]], METRICS)
    expected = evidence.scores(metric, 1 - np.eye(groups, dtype=int))
    assert evidence.scores_without_each(metric) == pytest.approx(expected, rel=1e-12)


def test_a_label_that_no_clip_has_is_left_out_of_means_and_perfect_rankings_have_a_finite_d_prime() -> None:
    truth = np.array([[1.0, 0.0], [0.0, 0.0]])
    task = MultiLabel(["a", "b"])
    clips = pd.DataFrame({"clip": ["x", "y"], "label": ["a", ""]})
    scores = task.scores(task.table(clips, np.array([[0.9, 0.8], [0.1, 0.9]])))
    assert scores["map"] == 1
    assert np.isfinite(scores["d_prime"])
    assert np.isnan(roc_area(truth[:, 1], truth[:, 0], np.ones((1, 2)))).all()


def test_decisions_are_joined_and_may_be_none() -> None:
    assert TASK.decide(np.array([[0.9, 0.1, 0.5, 0.4], [0.1, 0.2, 0.3, 0.4]]))["predicted"].tolist() == ["cat;hen", ""]


@pytest.mark.parametrize(("everywhere", "score"), [(1, "roc_auc"), (0, "roc_auc"), (0, "average_precision")])
def test_the_ranking_of_a_label_that_all_clips_or_none_have_is_unknown(everywhere: int, score: str) -> None:
    truth = TRUTH.copy()
    truth[:, 0] = everywhere
    clips = clips_of(truth)
    details = TASK.details(TASK.table(clips, PROBABILITIES), clips["clip"])
    assert [row[score] is None for row in details["classes"]] == [True, False, False, False]
    found = MultiLabel.class_scores([details, details])
    assert list(found[score].isna()) == [True, False, False, False]
    assert percent(records(found)[0][score]) == "–"


def test_the_threshold_has_the_best_f1_on_validation_clips() -> None:
    truth = np.array([[1.0, 0], [0, 1], [1, 1], [0, 0]])
    task = MultiLabel(["a", "b"])
    clips = pd.DataFrame({"label": ["a", "b", "a;b", ""]})
    task.fit_decision(lambda: 0.1 + 0.2 * truth, clips)
    assert len(set(task.thresholds)) == 1
    assert 0.1 < task.thresholds[0] < 0.3
    assert best_threshold(np.zeros((3, 2)), np.full((3, 2), 0.2)) == 0.5
    assert MultiLabel(["a", "b"]).thresholds.tolist() == [0.5, 0.5]  # the literature protocol has no validation clips


def rare_labels(labels: int) -> tuple[np.ndarray, np.ndarray]:
    """The truth and the probabilities ``(clips, labels)`` of 300 clips with one or two of many labels."""
    rng = np.random.default_rng(labels)
    truth = (rng.random((300, labels)) < 1.5 / labels).astype(np.float32)
    return truth, 1 / (1 + np.exp(-rng.normal(-4, 1.2, truth.shape) - 4 * truth)).astype(np.float32)


def f1_at(truth: np.ndarray, probabilities: np.ndarray, threshold: float) -> float:
    decided = Tagged(truth, probabilities, probabilities >= threshold)
    return float(METRICS["macro_f1"].compute(decided, np.ones((1, len(truth))))[0])


@pytest.mark.parametrize("labels", [1, 20, 300])
def test_no_threshold_is_better_also_where_labels_are_many_and_rare(labels: int) -> None:
    truth, values = rare_labels(labels)
    found = f1_at(truth, values, best_threshold(truth, values))
    levels = np.unique(values)
    tried = levels[:: max(1, len(levels) // 900)]
    assert found >= max(f1_at(truth, values, level) for level in [*tried, *levels[-400:], 0.5])


def test_of_more_probabilities_than_are_tried_the_best_is_nearly_found(monkeypatch: pytest.MonkeyPatch) -> None:
    truth, values = rare_labels(20)
    best = f1_at(truth, values, best_threshold(truth, values))
    monkeypatch.setattr(tagging, "TRIED", 30)
    found = f1_at(truth, values, best_threshold(truth, values))
    assert best - 0.02 < found
    assert f1_at(truth, values, 0.5) <= found


def test_each_label_may_have_a_threshold_of_its_own() -> None:
    truth = np.array([[1.0, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 0]])
    task = MultiLabel(["a", "b", "c"], options={"thresholds": "each"})
    clips = pd.DataFrame({"label": ["a", "b", "a;b", ""]})
    values = np.array([0.1, 0.7, 0.2]) + 0.2 * truth
    task.fit_decision(lambda: values, clips)
    assert 0.1 < task.thresholds[0] < 0.3 < 0.7 < task.thresholds[1] < 0.9
    assert task.thresholds[2] == 0.5  # no validation clip has it
    assert task.decide(values)["predicted"].tolist() == clips["label"].tolist()
    older = MultiLabel(["a", "b", "c"], {"threshold": 0.2})
    both = MultiLabel.joined([task, older])
    assert both.thresholds == pytest.approx((task.thresholds + 0.2) / 2)


def test_guessing_gives_each_label_its_prevalence() -> None:
    clips = clips_of(TRUTH)
    assert TASK.baseline(clips) == pytest.approx(TRUTH.mean(axis=0))
    constant = TASK.table(clips, np.tile(TASK.baseline(clips), (60, 1)))
    assert TASK.scores(constant)["map"] == pytest.approx(TRUTH.mean())
    assert TASK.scores(constant)["roc_auc"] == 0.5


def test_intervals_hold_the_score_and_resample_groups() -> None:
    clips = table()
    single = interval_scores(MultiLabel, [clips], pd.Series(clips["clip"].to_numpy(), clips["clip"]))
    few = interval_scores(MultiLabel, [clips], pd.Series(np.arange(60) // 6, clips["clip"]).astype(str))
    for metric, found in single.items():
        assert found["low"] < found["mean"] < found["high"]
        assert found["mean"] == pytest.approx(TASK.scores(clips)[metric])
        assert few[metric]["mean"] == pytest.approx(found["mean"])
        assert few[metric]["low"] != found["low"]


@pytest.mark.parametrize("metric", METRICS)
def test_models_are_compared_in_pairs_by_each_metric(metric: str) -> None:
    groups = pd.Series(np.arange(60) // 2, clips_of(TRUTH)["clip"]).astype(str)
    worse = TASK.table(clips_of(TRUTH), np.random.default_rng(4).permutation(PROBABILITIES))
    first, second = (group_evidence(MultiLabel, [each], groups).resampled(metric) for each in (table(), worse))
    found = estimate_difference(first, second, METRICS[metric])
    assert found.mean == pytest.approx(TASK.scores(table())[metric] - TASK.scores(worse)[metric])
    assert 0 < found.p_value() < 0.1


def test_losses_mix_weigh_and_smooth() -> None:
    logits = torch.tensor([[2.0, -1.0], [0.0, 1.0]])
    targets = torch.tensor([[1.0, 0.3], [0.0, 1.0]])
    task = MultiLabel(["a", "b"])
    plain = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets)
    assert validation_loss(task)(logits, targets) == pytest.approx(plain)
    focal = build_loss(training(epochs=1, loss="binary_focal", focal_gamma=0.0), task, targets, CPU)
    assert focal(logits, targets) == pytest.approx(plain)
    rare = torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 1.0]])
    weighted = build_loss(training(epochs=1, class_weights="inverse"), task, rare, CPU)(logits, targets)
    each = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction="none").mean(dim=0)
    assert weighted == pytest.approx((0.5 * each[0] + 1.5 * each[1]) / 2)
    both = build_loss(training(epochs=1, loss="binary_focal", class_weights="inverse"), task, rare, CPU)
    decisions = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    unsure = (targets - logits.sigmoid()).square()
    assert both(logits, targets) == pytest.approx((decisions * unsure * torch.tensor([0.5, 1.5])).mean())
    with pytest.raises(InputError, match="focal is not a loss of the task multi-label"):
        build_loss(training(epochs=1, loss="focal"), task, targets, CPU)


@pytest.mark.parametrize("weighting", ["inverse", "effective"])
def test_a_label_without_training_clips_weighs_as_the_rarest_other_one(weighting: str) -> None:
    """Its probability would otherwise stay at chance, and its clips would be ranked by their fold."""
    settings = training(epochs=1, class_weights=weighting)
    outputs = torch.zeros(2, 3, requires_grad=True)
    targets = torch.tensor([[1.0, 0.0, 0.0], [1.0, 1.0, 0.0]])  # common, rare and absent
    build_loss(settings, MultiLabel(["a", "b", "c"]), targets, CPU)(outputs, torch.zeros(2, 3)).backward()
    gradient = outputs.grad.mean(dim=0)
    assert 0 < gradient[0] < gradient[1] == gradient[2]
    bare = torch.zeros(2, 2)
    assert build_loss(settings, MultiLabel(["a", "b"]), bare, CPU)(bare, bare).item() == pytest.approx(math.log(2))


def test_progress_is_that_of_scikit_learn() -> None:
    found = TASK.progress_sum(torch.from_numpy(PROBABILITIES), torch.from_numpy(TRUTH)) / len(TRUTH)
    assert float(found) == pytest.approx(reference.label_ranking_average_precision_score(TRUTH, PROBABILITIES))


def test_a_view_keeps_drops_and_merges_labels_within_clips() -> None:
    clips = pd.DataFrame({"clip": list("abcde"), "label": ["cat;dog", "dog", "hen;owl", "owl", ""]})
    kept = MultiLabel.select(clips, {"drop": ["dog"], "merge": {"bird": ["hen", "owl"]}})
    assert kept[["clip", "label"]].to_numpy().tolist() == [["a", "cat"], ["c", "bird"], ["d", "bird"], ["e", ""]]
    with pytest.raises(InputError, match="no clip has the label emu"):
        MultiLabel.select(clips, {"keep": ["cat", "emu"]})
    with pytest.raises(InputError, match="needs two labels or more"):
        MultiLabel.select(clips, {"keep": ["cat"]})
    assert MultiLabel.examples(kept)["label"].tolist() == ["cat", "bird", "bird", UNLABELLED]


def test_folds_have_their_share_of_every_label_and_of_clips_without_labels() -> None:
    rng = np.random.default_rng(2)
    truth = (rng.random((400, 4)) < [0.4, 0.2, 0.1, 0.05]).astype(int)
    clips = clips_of(truth)
    strata = MultiLabel.strata(clips)
    folds = divide_groups(clips["clip"], strata, [0.2] * 5, seed=1)
    counts = np.array([[truth[folds == fold, label].sum() for label in range(4)] for fold in range(5)])
    assert (counts.max(axis=0) - counts.min(axis=0) <= 2).all()
    sizes = np.bincount(folds)
    assert sizes.max() - sizes.min() <= 3
    bare = np.bincount(folds[truth.sum(axis=1) == 0], minlength=5)
    assert bare.min() > 0


def test_a_limit_keeps_clips_without_labels_in_their_share() -> None:
    clips = pd.DataFrame({"clip": range(40), "label": ["cat"] * 10 + ["cat;dog"] * 10 + [""] * 20})
    split = clips.assign(fold1="train")
    limited = limit_clips(split, MultiLabel.strata(clips), ["fold1"], {"train": 8})
    assert limited.loc[limited["fold1"] == "train", "label"].value_counts().to_dict() == {"": 4, "cat": 2, "cat;dog": 2}
