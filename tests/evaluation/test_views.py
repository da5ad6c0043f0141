"""Comparisons of one model on two views of the same recordings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from helpers.estimates import of_sums
from helpers.simulated import Study, write_report
from soundbench.evaluation.comparisons import compare_models
from soundbench.evaluation.views import Tables, compare_views, label_map, merge_predictions
from soundbench.tasks.single_label import SingleLabel

LABELS = ["anger", "bliss", "joy"]
MERGED = {"bliss": "positive", "joy": "positive"}
GROUPS = pd.Series([f"g{number // 2}" for number in range(120)], index=[f"{number:03d}" for number in range(120)])
Runs = dict[tuple[str, str], Tables]


def predictions(
    skill: float, seed: int, labels: list[str] = LABELS, merge: dict[str, str] | None = None
) -> pd.DataFrame:
    """Predictions of 120 clips in 5 folds, with probabilities; a model of more ``skill`` is more often correct."""
    clips = pd.DataFrame({"clip": [f"{number:03d}" for number in range(120)]})
    clips["fold"] = np.arange(120) % 5 + 1
    truth = pd.Series(np.array(LABELS)[np.arange(120) // 5 % 3])
    clips["label"] = truth.replace(merge or {})
    logits = np.random.default_rng([seed, round(100 * skill)]).normal(size=(120, len(labels)))
    logits[range(120), [labels.index(label) for label in clips["label"]]] += skill
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    clips["predicted"] = np.array(labels)[probabilities.argmax(axis=1)]
    return pd.concat([clips, pd.DataFrame(probabilities, columns=labels)], axis=1)


def compared(runs: Runs, metric: str = "accuracy") -> pd.DataFrame:
    views = list(dict.fromkeys(view for view, _ in runs))
    models = list(dict.fromkeys(model for _, model in runs))
    plan = {"datasets": {view: {"source": "emotions"} for view in views}, "models": models, "seeds": [1, 2]}
    return compare_views(runs, lambda view, model: runs[view, model], dict.fromkeys(views, GROUPS), plan, metric, 0.01)


def runs_of(skills: dict[str, float]) -> Runs:
    return {(view, "cnn"): {seed: predictions(skill, seed) for seed in (1, 2)} for view, skill in skills.items()}


def test_views_with_the_same_folds_are_compared_as_two_models_are() -> None:
    runs = runs_of({"plain": 0.3, "augmented": 3.0})
    (row,) = compared(runs).itertuples()
    tables = {view: [table.assign(seed=seed) for seed, table in own.items()] for (view, _), own in runs.items()}
    (expected,) = compare_models(tables, GROUPS, SingleLabel, "accuracy", 0.01).itertuples()
    assert (row.difference, row.p) == (pytest.approx(expected.difference), pytest.approx(expected.p))
    assert (row.model, row.view_a, row.view_b, row.merged, row.clips) == ("cnn", "plain", "augmented", "", 120)
    assert row.verdict.startswith("cnn on augmented is better than cnn on plain")


def test_the_order_of_clips_does_not_matter() -> None:
    runs = runs_of({"plain": 0.3, "augmented": 1.0})
    shuffled = {key: {s: table.sample(frac=1, random_state=s) for s, table in own.items()} for key, own in runs.items()}
    others = {("plain", "cnn"): runs["plain", "cnn"], ("augmented", "cnn"): shuffled["augmented", "cnn"]}
    pd.testing.assert_frame_equal(compared(others), compared(runs))


def test_p_values_are_corrected_for_all_pairs_of_views_and_all_models() -> None:
    runs = runs_of({"one": 0.5, "two": 0.9, "three": 1.3})
    runs |= {(view, "other"): tables for (view, _), tables in runs_of({"one": 0.6, "two": 1.0, "three": 0.7}).items()}
    table = compared(runs)
    assert len(table) == 6
    smallest = table["p"].idxmin()
    assert table.loc[smallest, "p_holm"] == pytest.approx(min(1, 6 * table.loc[smallest, "p"]))


def test_predictions_of_the_finer_view_are_merged_by_summing_probabilities() -> None:
    row = {"clip": "a", "fold": 1, "label": "joy", "predicted": "anger", "anger": 0.4, "bliss": 0.3, "joy": 0.3}
    merged = merge_predictions(pd.DataFrame([row]), MERGED)
    assert merged.iloc[0].to_dict() == {"clip": "a", "fold": 1, "label": "positive", "predicted": "positive"}


@pytest.mark.parametrize("finer_first", [True, False])
def test_a_merged_view_is_compared_on_the_merged_labels(finer_first: bool) -> None:
    fine = {seed: predictions(1.0, seed) for seed in (1, 2)}
    coarse = {seed: predictions(1.0, seed, ["anger", "positive"], MERGED) for seed in (1, 2)}
    views = {("fine", "cnn"): fine, ("coarse", "cnn"): coarse}
    (row,) = compared(views if finer_first else dict(reversed(views.items())), "uar").itertuples()
    assert row.merged == ("a" if finer_first else "b")
    means = [
        np.mean([(t["label"] == t["predicted"]).groupby(t["label"]).mean().mean() for t in tables.values()])
        for tables in ({seed: merge_predictions(table, MERGED) for seed, table in fine.items()}, coarse)
    ]
    expected = means if finer_first else means[::-1]
    assert [row.mean_a, row.mean_b] == pytest.approx(expected)


def test_views_that_merge_crosswise_are_not_compared() -> None:
    one = {1: predictions(1.0, 1, ["anger", "positive"], MERGED)}
    other = {1: predictions(1.0, 1, ["calm", "joy"], {"anger": "calm", "bliss": "calm"})}
    assert compared({("one", "cnn"): one, ("other", "cnn"): other}).empty


def test_only_clips_that_both_views_test_count() -> None:
    runs = runs_of({"all": 1.0, "limited": 1.0})
    runs["limited", "cnn"] = {seed: table[table["clip"] < "060"] for seed, table in runs["limited", "cnn"].items()}
    (row,) = compared(runs).itertuples()
    assert row.clips == 60
    assert row.difference == 0
    runs["limited", "cnn"] = {seed: table[:0] for seed, table in runs["limited", "cnn"].items()}
    assert compared(runs).empty


def test_other_sources_and_missing_runs_are_not_compared() -> None:
    runs = runs_of({"one": 1.0, "two": 1.0})
    plan = {"datasets": {"one": {"source": "a"}, "two": {"source": "b"}}, "models": ["cnn"], "seeds": [1, 2]}
    assert compare_views(runs, lambda view, model: runs[view, model], {}, plan, "accuracy", 0.01).empty
    del runs["two", "cnn"]
    plan["datasets"]["two"]["source"] = "a"
    assert compare_views(runs, lambda view, model: runs[view, model], {}, plan, "accuracy", 0.01).empty


def test_one_fold_is_compared_as_one_training_set() -> None:
    runs = {key: {seed: t.assign(fold=1) for seed, t in own.items()} for key, own in runs_of({"a": 1, "b": 2}).items()}
    (row,) = compared(runs).itertuples()
    assert "one training set: the result holds for these trained models only" in row.verdict


def test_label_map() -> None:
    fine, coarse = pd.Series(["a", "b", "c", "a"]), pd.Series(["x", "x", "y", "x"])
    assert label_map(fine, coarse) == {"a": "x", "b": "x", "c": "y"}
    assert label_map(coarse, fine) is None


def with_folds(tables: Tables, fold: np.ndarray) -> Tables:
    return {seed: table.assign(fold=fold) for seed, table in tables.items()}


def test_the_luck_of_each_views_networks_is_measured_on_its_own_folds() -> None:
    """The network of one fold of view b is always wrong. Over the folds of view a, this luck averages out."""
    runs = runs_of({"a": 1.0, "b": 1.0})
    fold = np.random.default_rng(0).permutation(120) % 5 + 1
    unlucky = {s: t.assign(predicted=t["predicted"].where(fold != 3, "none")) for s, t in runs["b", "cnn"].items()}
    (own,) = compared({**runs, ("b", "cnn"): with_folds(unlucky, fold)}).itertuples()
    (of_a,) = compared({**runs, ("b", "cnn"): unlucky}).itertuples()
    assert own.difference == pytest.approx(of_a.difference)
    assert own.p > 0.05 > of_a.p


def test_the_numbers_of_folds_do_not_matter() -> None:
    runs = runs_of({"a": 0.5, "b": 1.0})
    renumbered = with_folds(runs["b", "cnn"], 5 - np.arange(120) % 5)
    pd.testing.assert_frame_equal(compared({**runs, ("b", "cnn"): renumbered}), compared(runs))


def test_equal_views_with_other_folds_are_called_different_at_most_one_time_in_twenty() -> None:
    rng = np.random.default_rng(0)
    called = 0
    for _ in range(500):
        easy = rng.normal(1, 1, (400, 1)) + rng.normal(size=(400, 4))  # 400 recordings of 4 clips
        folds = [np.arange(400) % 5, rng.permutation(400) % 5]
        correct = []
        for fold in folds:
            luck = rng.normal(0, 0.1, 5)[fold][:, None] + rng.normal(0, 0.5, (400, 1))
            right = easy + luck + rng.normal(0, 0.1, (3, 400, 4)) + rng.normal(0, 0.3, (3, 5))[:, fold, None] > 0
            correct.append(right.sum(axis=2))
        called += of_sums(correct[0] - correct[1], 4, *folds).p_value() < 0.05
    assert called <= stats.binom.ppf(0.99, 500, 0.05)


@pytest.mark.slow
def test_a_study_writes_the_comparisons_of_its_views(tmp_path: Path) -> None:
    study = Study(tmp_path, {"good": 3.0, "poor": 1.0}, datasets=("one", "two", "three")).write()
    table = pd.read_csv(write_report(study, pages=False) / "view_comparisons.csv")
    assert len(table) == 3 * 2
    assert table.columns[:6].tolist() == ["source", "model", "view_a", "view_b", "merged", "clips"]
    assert table["verdict"].notna().all()
