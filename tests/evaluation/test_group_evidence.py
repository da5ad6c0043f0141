"""What is resampled when seeds have tested other clips, or the same ones in other folds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from soundbench.evaluation.resampling import group_evidence, same_folds
from soundbench.tasks.classification import METRICS, TRUE, class_counts, confusion
from soundbench.tasks.single_label import SingleLabel

GROUPS = pd.Series({"a": "g", "b": "g", "c": "h", "d": "i"})


def predictions(folds: dict[str, int], wrong: str = "") -> pd.DataFrame:
    labels = {"a": "x", "b": "y", "c": "x", "d": "y"}
    rows = [(clip, fold, labels[clip], "x" if clip in wrong else labels[clip]) for clip, fold in folds.items()]
    return pd.DataFrame(rows, columns=["clip", "fold", "label", "predicted"])


def test_groups_are_counted_within_folds_where_seeds_share_them() -> None:
    tables = [predictions({"a": 1, "b": 2, "c": 1, "d": 2}, wrong) for wrong in ("", "d")]
    found = group_evidence(SingleLabel, tables, GROUPS)
    counts = found.evidence.counts
    assert found.groups["group"].to_list() == ["g", "h", "g", "i"]
    assert counts[:, :, TRUE].sum(axis=-1).tolist() == [[1, 1, 1, 1]] * 2
    for table, count in zip(tables, counts, strict=True):
        matrix = confusion(table["label"], table["predicted"], ["x", "y"])
        assert (count.sum(axis=0) == class_counts(matrix)).all()


def test_groups_are_counted_whole_where_each_seed_has_its_own_folds() -> None:
    tables = [predictions({"a": 1, "b": 1, "c": 2, "d": 2}), predictions({"d": 1, "c": 1, "b": 2, "a": 2}, "b")]
    assert not same_folds(tables)
    found = group_evidence(SingleLabel, tables, GROUPS)
    counts = found.evidence.counts
    assert found.groups["group"].to_list() == ["g", "h", "i"]
    assert counts[1, 0].tolist() == [[1, 0], [1, 1], [2, 0]]  # right, true and predicted clips of x and y


def test_each_seed_has_scores_without_its_own_folds() -> None:
    tables = [predictions({"a": 1, "b": 1, "c": 2, "d": 2}), predictions({"d": 1, "c": 1, "b": 2, "a": 2}, "b")]
    (folds,) = group_evidence(SingleLabel, tables, GROUPS).resampled("accuracy").folds
    assert not folds.same
    assert folds.without.tolist() == [[1.0, 1.0], [0.5, 1.0]]  # b is wrong, and in the second fold of the second seed


def test_clips_that_a_seed_has_not_tested_do_not_count_in_it() -> None:
    found = group_evidence(SingleLabel, [predictions({"a": 1, "c": 1}), predictions({"d": 1, "a": 1})], GROUPS)
    counts = found.evidence.counts
    assert found.groups["group"].to_list() == ["g", "h", "i"]
    assert np.array_equal(counts[:, :, TRUE].sum(axis=-1), [[1, 1, 0], [1, 0, 1]])


@pytest.mark.parametrize("metric", METRICS)
def test_scores_without_each_group_are_those_with_its_weight_at_zero(metric: str) -> None:
    tables = [predictions({"a": 1, "b": 2, "c": 1, "d": 2}, wrong) for wrong in ("b", "d")]
    found = group_evidence(SingleLabel, tables, GROUPS)
    weights = 1 - np.eye(len(found.groups), dtype=int)
    assert np.array_equal(found.evidence.scores_without_each(metric), found.evidence.scores(metric, weights))
