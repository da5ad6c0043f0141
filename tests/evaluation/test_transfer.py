"""Models on other data sets: labels must be equal, and clips that a model was trained on are left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers.library import configuration
from helpers.simulated import Study
from soundbench.core.errors import InputError
from soundbench.core.storage import read_clip_table, write_csv
from soundbench.data.subsets import clip_groups
from soundbench.data.trained_on import known_clips
from soundbench.evaluation.transfer import check_labels, prediction_table, untrained
from soundbench.evaluation.transfer_table import aggregate_transfer
from soundbench.report.sections.transfer import section
from soundbench.tasks.single_label import SingleLabel


def test_other_labels_are_refused_and_named() -> None:
    check_labels(["a", "b"], ["b", "a", "a"], "mine")
    with pytest.raises(InputError) as caught:
        check_labels(["a", "b", "NA"], ["a", "c"], "mine")
    assert caught.value.problems[:2] == ["labels of the model only: NA, b", "labels of mine only: c"]


def test_training_clips_of_a_model_are_left_out(tmp_path: Path) -> None:
    found = pd.DataFrame([("1", "g1"), ("2", "g1"), ("3", "g2"), ("4", "g3")], columns=["clip", "group"])
    overlap = pd.DataFrame(
        [("3", "b.mp3", "bb", 0.7), ("4", "c.mp3", "cc", 0.9), ("9", "b.mp3", "bb", 0.9)],
        columns=["clip", "path", "samples", "likeness"],
    )
    write_csv(tmp_path / "overlap.csv", overlap)
    digests = {"1": "aa", "2": "dd", "3": "ee", "4": "ff"}
    # The samples of 1 and those of a near-duplicate of 3 were trained on; cc was not.
    known = known_clips(digests, [tmp_path / "overlap.csv"], frozenset({"aa", "bb"}))
    assert known == {"1": "the same samples", "3": "a near-duplicate of b.mp3"}
    assert untrained(found, known, found.iloc[:0])["clip"].tolist() == ["2", "4"]
    # In the same source, groups count too.
    assert untrained(found, known, pd.DataFrame({"clip": ["9"], "group": ["g1"]}))["clip"].tolist() == ["4"]


def test_clips_that_share_either_of_two_groups_are_left_out() -> None:
    found = pd.DataFrame({"clip": ["1", "2", "3"], "group": ["ann", "bob", "bob"], "other_group": ["x", "x", "y"]})
    used = pd.DataFrame({"clip": ["7"], "group": ["ann"], "other_group": ["z"]})
    assert untrained(found, set(), used)["clip"].tolist() == ["2", "3"]
    assert untrained(found, set(), used.assign(other_group="x"))["clip"].tolist() == ["3"]


def test_predictions_keep_both_kinds_of_groups_for_the_intervals() -> None:
    clips = pd.DataFrame({"clip": ["1", "2"], "label": "a", "group": ["ann", "bob"], "other_group": ["x", "y"]})
    table = prediction_table(clips, np.array([[0.9, 0.1], [0.2, 0.8]]), SingleLabel(["a", "b"]), {"seed": 1})
    assert table.columns[:4].tolist() == ["seed", "clip", "group", "other_group"]
    assert list(clip_groups(table)) == ["group", "other_group"]


def test_table_and_page_set_home_beside_abroad(tmp_path: Path) -> None:
    study = Study(tmp_path / "study", seeds=(1, 2)).write()
    home = [path for path in study.files("predictions.csv") if "/good/" in path]
    groups = read_clip_table(study.splits()[0]).set_index("clip")["group"]
    found = pd.concat([read_clip_table(path).assign(seed=seed) for seed, path in enumerate(home, start=1)])
    folder = tmp_path / "transfer" / "there"
    write_csv(folder / "predictions.csv", found.assign(group=groups.loc[found["clip"]].to_numpy()))
    write_csv(folder / "scores.csv", pd.DataFrame({"seed": [1, 2], "fold": [1, 1], "left_out": [0, 7]}))
    entries = {"there": {"from": {"dataset": "one", "model": "good"}, "to": "other", "clips": "all"}}
    to = [[str(folder / name)] for name in ("predictions.csv", "scores.csv")]
    aggregate_transfer(entries, *to, home, study.splits(), {"one": {}}, str(tmp_path / "transfer.csv"))
    rows = pd.read_csv(tmp_path / "transfer.csv")
    assert rows["tested_on"].tolist() == ["one", "other"]
    assert rows["accuracy"].nunique() == 1  # the same predictions stand for both places
    assert rows["left_out"].tolist() == [0, 7]
    assert rows["seeds"].tolist() == [2, 2]
    results = study.results()
    assert section(results) == ""  # without a table
    results.tables["transfer"] = str(tmp_path / "transfer.csv")
    page = section(results)
    assert f"{100 * rows['accuracy'].iloc[0]:.1f}" in page
    assert "macro F1 (%), other" in page


def test_configuration_of_uses_is_checked_before_any_job() -> None:
    run = {"dataset": "synthetik", "model": "cnn"}
    with pytest.raises(InputError) as caught:
        configuration(
            export={"seed": 9, "fold": 6},
            robustness={"models": ["resnet"], "noise": [10]},
            transfer={"t": {"from": run, "to": "esc-50"}},
        )
    assert caught.value.problems == [
        "export.fold: synthetic has 5 folds, but no fold 6",
        "export.fold: synthetic-augmented has 5 folds, but no fold 6",
        "export.seed: 9 is not among benchmark.seeds, 1, 2",
        "robustness.models: 'resnet' is not among benchmark.models; did you mean 'resnet10'?",
        "transfer.t.from.dataset: there is no 'synthetik'; did you mean 'synthetic'?",
        "transfer.t.to: there is no 'esc-50'; did you mean 'esc50'?",
    ]
