"""The tables that compare runs, from simulated runs."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from helpers.library import configuration
from helpers.simulated import Study, write_report
from soundbench.core.storage import read_clip_table
from soundbench.evaluation.breakdowns import COST_COLUMNS, class_order
from soundbench.evaluation.leaderboard import LEADERBOARD_COLUMNS, collect_scores, pooled_scores, run_of, spread_table
from soundbench.evaluation.leaderboard_text import leaderboard_markdown, published
from soundbench.evaluation.resampling import group_evidence
from soundbench.evaluation.summary import split_size
from soundbench.evaluation.variance_components import COMPONENTS
from soundbench.tasks.classification import METRICS
from soundbench.tasks.registry import find_metric
from soundbench.tasks.single_label import SingleLabel


def tables(study: Study, metric: str = "accuracy") -> dict[str, pd.DataFrame]:
    """Write all tables of a study and read those that are CSV."""
    to = write_report(study, metric, pages=False)
    return {path.stem: pd.read_csv(path) for path in to.glob("*.csv")}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return Study(tmp_path_factory.mktemp("whole"), datasets=("one", "two")).write()


@pytest.fixture(scope="module")
def found(whole: Study) -> dict[str, pd.DataFrame]:
    return tables(whole)


def test_columns_are_those_that_others_rely_on(found: dict[str, pd.DataFrame]) -> None:
    names = ["dataset", "model", "protocol", "seed", "fold"]
    assert list(found["scores"]) == [*names, *METRICS, "clips", "epochs", "train_seconds", "device"]
    assert list(found["leaderboard"]) == LEADERBOARD_COLUMNS
    assert list(found["costs"]) == COST_COLUMNS
    assert len(found["scores"]) == 2 * 2 * 2 * 3


@pytest.mark.parametrize("metric", METRICS)
def test_leaderboard_is_the_mean_of_the_pooled_scores(whole: Study, metric: str) -> None:
    board = tables(whole, metric)["leaderboard"].set_index(["dataset", "model"])
    from sklearn import metrics as sklearn

    theirs = {
        "accuracy": sklearn.accuracy_score,
        "uar": sklearn.balanced_accuracy_score,
        "macro_f1": lambda a, b: sklearn.f1_score(a, b, average="macro"),
    }
    runs = [read_clip_table(path) for path in whole.files("predictions.csv") if run_of(path)[:2] == ("two", "good")]
    expected = [theirs[metric](table["label"], table["predicted"]) for table in runs]
    entry = board.loc[("two", "good")]
    assert entry["mean"] == pytest.approx(np.mean(expected))
    assert entry["spread"] == pytest.approx(np.std(expected, ddof=1))
    assert entry["interval_low"] < entry["mean"] < entry["interval_high"]
    assert board["rank"].to_dict() == {(d, m): r for d in ("one", "two") for m, r in (("good", 1), ("poor", 2))}


def test_missing_runs_stay_in_the_tables_as_gaps(tmp_path: Path) -> None:
    gone = frozenset({("one", "poor", 1), ("two", "poor", 1), ("two", "poor", 2)})
    study = Study(tmp_path, datasets=("one", "two"), missing=gone).write()
    found = tables(study)
    scores = found["scores"]
    assert len(scores) == 2 * 2 * 2 * 3
    assert scores["accuracy"].isna().sum() == 3 * 3
    board = found["leaderboard"].set_index(["dataset", "model"])
    assert pd.isna(board.loc[("two", "poor"), "mean"])
    assert pd.isna(board.loc[("two", "poor"), "rank"])
    assert pd.isna(board.loc[("one", "poor"), "spread"])  # one seed has none
    spread = found["spread"].set_index(["dataset", "model", "metric"])
    assert spread.loc[("one", "poor", "accuracy"), ["seeds", "runs_missing"]].tolist() == [1, 1]
    assert spread.loc[("two", "poor", "accuracy"), ["seeds", "runs_missing"]].tolist() == [0, 2]
    assert spread.loc[("one", "good", "uar"), list(COMPONENTS)].gt(0).sum() >= 1
    assert spread.loc[("two", "poor", "uar"), list(COMPONENTS)].isna().all()
    pairs = found["comparisons"].set_index("dataset")
    assert pairs["seeds"].to_dict() == {"one": 1, "two": 0}
    assert found["costs"].set_index(["dataset", "model"])["runs"].to_dict()[("two", "poor")] == 0
    assert "| - | poor | missing | missing |" in (tmp_path / "summary" / "leaderboard.md").read_text()


@pytest.mark.parametrize(("own_folds", "expected"), [(False, 0.0), (True, 0.1 * math.sqrt(2))])
def test_spread_over_folds_knows_whether_seeds_have_the_same(own_folds: bool, expected: float) -> None:
    plan = {"datasets": {"set": {"source": "clips", "protocol": "nested", "folds": 2}}, "models": ["cnn"]}
    plan |= {"seeds": [1, 2], "transductive": []}
    names = {"dataset": "set", "model": "cnn", "protocol": "nested"}
    records = []
    for seed in (1, 2):
        scores = [{"fold": 1, "accuracy": 0.5 + 0.2 * (seed == 1)}, {"fold": 2, "accuracy": 0.5 + 0.2 * (seed == 2)}]
        folds = [{**each, "clips": 5} for each in scores]
        records.append(names | {"seed": seed, "folds": folds, "scores": {"accuracy": 0.6}})
    first = pd.DataFrame({"clip": ["a", "b"], "fold": [1, 2]})
    second = first.assign(fold=[2, 1]) if own_folds else first
    predictions = {("set", "cnn"): [first, second]}
    table = spread_table(collect_scores(records, plan), pooled_scores(records), predictions, plan)
    assert table.set_index("metric").loc["accuracy", "fold_deviation"] == pytest.approx(expected)


def test_a_study_of_one_model_has_no_pairs(tmp_path: Path) -> None:
    found = tables(Study(tmp_path, models={"only": 2.0}, seeds=(5,)).write())
    assert found["comparisons"].empty
    assert found["leaderboard"]["rank"].tolist() == [1]


def test_groups_count_every_clip_once(whole: Study) -> None:
    predictions = [read_clip_table(whole.files("predictions.csv")[0])]
    groups = whole.clips().set_index("clip")["group"]
    evidence = group_evidence(SingleLabel, [predictions[0].sample(frac=1, random_state=0)], groups)
    counts = evidence.evidence.counts
    assert counts.shape == (1, len(evidence.groups), 3, 4)
    right, true, predicted = counts[0].sum(axis=-1).T
    assert true.tolist() == predicted.tolist() == [2] * len(evidence.groups)
    assert right.sum() == (predictions[0]["label"] == predictions[0]["predicted"]).sum()


def test_groups_are_scored_where_they_are_people(tmp_path: Path, found: dict[str, pd.DataFrame]) -> None:
    assert found["groups"].empty
    people = tables(Study(tmp_path, speakers=True).write())["groups"]
    assert len(people) == 2 * 3 * 4
    of_one = people[people["model"] == "poor"]["accuracy"]
    assert of_one.is_monotonic_increasing
    assert people["clips"].eq(4).all()


def test_details_agree_with_each_other(found: dict[str, pd.DataFrame]) -> None:
    classes = found["classes"].set_index(["dataset", "model", "label"])
    confused = found["confusions"].groupby(["dataset", "model", "label"])["share"].sum()
    for key, share in confused.items():
        assert classes.loc[key, "recall"] == pytest.approx(1 - share)


def test_costs_come_from_the_records_of_the_runs(found: dict[str, pd.DataFrame]) -> None:
    entry = found["costs"].iloc[0]
    assert (entry["parameters"], entry["train_seconds"], entry["train_cpu_seconds"]) == (1000, 2.0, 2.5)
    assert (entry["train_megabytes"], entry["predict_megabytes"], entry["train_gpu_seconds"]) == (500, 400, 0)
    assert entry["predict_milliseconds"] == pytest.approx(1000 * 0.5 / 48)


def test_confused_classes_stand_side_by_side() -> None:
    counts = 10 * np.eye(4, dtype=int)
    counts[0, 3] = counts[3, 0] = 5
    order = class_order(counts).tolist()
    assert abs(order.index(0) - order.index(3)) == 1


def test_latex_is_well_formed(whole: Study, found: dict[str, pd.DataFrame]) -> None:
    text = (whole.root / "summary" / "leaderboard.tex").read_text()
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 2
    assert r"$\pm$" in text
    assert "±" not in text


def test_published_scores_follow_the_measured_ones(whole: Study) -> None:
    tables(whole, "accuracy")
    markdown, latex = ((whole.root / "summary" / f"leaderboard.{kind}").read_text() for kind in ("md", "tex"))
    _, one, two = markdown.split("###")
    assert one.strip().endswith("| human | listeners (a book; epoch chosen on the test clips) | 81.3 | published |")
    assert "published" not in two
    assert "99.9" not in markdown + latex  # was measured on more clips than this study has
    assert latex.count("human & listeners (a book; epoch chosen on the test clips) & 81.3 & published") == 1


def test_published_scores_stand_beside_the_view_they_were_measured_on_alone() -> None:
    config = configuration()
    sizes = {"esc10": (400, 10), "esc50": (2000, 50), "emodb": (535, 7)}

    def labels(name: str, **changed: int | str) -> set[str]:
        """The published scores beside a view of the library, as it is or ``changed``."""
        clips, classes = sizes[name.partition("-")[0]]
        facts = {**config["datasets"][name]["split"], "clips": clips, "labels": classes, **changed}
        return set(published(list(config["references"].values()), {name: facts}, {name: "accuracy"})["label"])

    for name in ("esc10-literature", "esc50-literature", "emodb-literature"):
        assert len(labels(name)) > 1
        assert labels(name, clips=100) == labels(name, labels=5) == set()
        assert labels(name, scheme="kfold") == labels(name, folds=3) == labels(name, protocol="nested")
        assert labels(name, folds=3) <= {"human listeners"}


@pytest.mark.parametrize(("metric", "best"), [("ccc", 0.74), ("mae", 0.68)])
def test_published_scores_that_are_no_shares_are_written_like_the_measured_ones(metric: str, best: float) -> None:
    names: dict[str, Any] = {"kind": "record", "source": "a book", "datasets": ["ages"], "comparable": {}}
    names |= {"metric": metric, "epoch": "none", "replicated": False}
    references = [names | {"label": f"{score}", "score": score} for score in (0.68, 0.74)]
    beside = published(references, {"ages": {}}, {"ages": metric})
    assert beside["label"].iloc[0] == f"{best}"
    row = {"dataset": "ages", "protocol": "nested", "model": "m", "rank": 1, "transductive": False}
    board = pd.DataFrame([row | dict.fromkeys(("mean", "spread", "interval_low", "interval_high"), 0.7)])
    markdown = leaderboard_markdown(board, beside, {"ages": find_metric(metric)})
    assert "| record | 0.68 (a book) | 0.68 | published |" in markdown


def test_size_of_a_split_leaves_out_clips_that_do_not_take_part() -> None:
    rows = [("a", "train", "test"), ("a", "test", "train"), ("b", "test", "val"), ("b", "", "test"), ("c", "train", "")]
    split = pd.DataFrame(rows, columns=["label", "fold1", "fold2"])
    assert split_size(split, SingleLabel) == {"clips": 3, "labels": 2}
