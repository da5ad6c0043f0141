"""The verdict, sentence by sentence, on simulated studies."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score

from helpers.simulated import Study, write_report
from soundbench.core.storage import read_clip_table, write_csv
from soundbench.data.audit import FINDING_COLUMNS
from soundbench.evaluation.baseline import constant_baseline
from soundbench.report.landing import landing_text
from soundbench.report.sections import ledger
from soundbench.report.sections.answer import dataset_answers, gaps, section, warnings
from soundbench.report.verdict import verdict
from soundbench.tasks.multi_label import MultiLabel
from soundbench.tasks.single_label import SingleLabel

INTERVAL = r"\(95 % interval [\d.]+ to [\d.]+ %\)"


def answers(study: Study, audits: list[str] | None = None) -> list[dict[str, Any]]:
    """What the report says of each data set of a simulated study."""
    write_report(study.write(), pages=False)
    return dataset_answers(study.results(audits or []))


def said(study: Study) -> str:
    """The sentences on the first data set, one a line."""
    found = answers(study)[0]["verdict"]
    return "\n".join([*found.answer, found.guessing, found.visible])


def test_a_model_that_is_significantly_better_is_best(tmp_path: Path) -> None:
    text = said(Study(tmp_path, {"good": 5.0, "poor": 1.5}, takes=8, folds=5))
    assert re.search(rf"^good is best: [\d.]+ % {INTERVAL}\.$", text, re.M)
    assert re.search(r"^It is significantly better than poor \(\+[\d.]+ points, \+[\d.]+ to \+[\d.]+\)\.$", text, re.M)
    assert "indistinguishable" not in text
    assert "guessing" not in text


def test_the_verdict_says_what_validation_clips_have_chosen(tmp_path: Path) -> None:
    study = Study(tmp_path, {"good": 5.0, "poor": 1.5})
    assert answers(study)[0]["tuning"] == ""
    names = {"dataset": "one", "fold": 1, "metric": "accuracy", "loss": 1.0, "epochs": 8, "test_evaluations": 7}
    tried = [("good", 1, {"dropout": 0.2}, 1), ("good", 2, {"dropout": 0.4}, 1), ("poor", 1, {}, 1)]
    study.ledger = [
        names | {"model": model, "trial": trial, "settings": json.dumps(found), "seed": seed, "score": 0.5 + trial / 10}
        for model, trial, found, seed in tried
    ]
    for row in study.ledger:
        row["chosen"] = row["trial"] == 2 or row["model"] == "poor"
    expected = "Validation clips of this data set chose the settings of good (2 trials), anew for each seed and fold;"
    assert answers(study)[0]["tuning"].startswith(expected)
    page = ledger.section(study.results())
    assert "have been evaluated 7 times in this folder of results" in " ".join(page.split())
    assert re.search(r"dropout 0\.4</td>\n.*70\.0</td>\n.*8</td>\n.*1 of 1", page)
    assert "as written" in page


def test_a_higher_score_that_is_not_significant_shows_no_best_model(tmp_path: Path) -> None:
    text = said(Study(tmp_path, {"one": 2.0, "other": 2.1}, takes=8))
    assert re.search(r"(one|other) has the highest score, .*, but this does not show that it is best\.", text)
    assert re.search(r"It is statistically indistinguishable from (one|other) \(\+[\d.]+ points, −", text)
    assert " is best:" not in text


def test_the_smallest_visible_difference_has_a_line_of_its_own(tmp_path: Path) -> None:
    text = said(Study(tmp_path, {"one": 2.0, "other": 2.1}, takes=8))
    found = r"^With these clips and seeds, a true difference of [\d.]+ points is found four times in five\. With "
    assert re.search(found, text, re.M)


def test_one_seed_is_compared_over_its_folds(tmp_path: Path) -> None:
    text = said(Study(tmp_path, {"good": 5.0, "poor": 1.5}, seeds=(7,), takes=8, folds=5))
    assert "It is significantly better than poor" in text


def test_one_fold_is_compared_by_its_groups_and_says_what_that_is_worth(tmp_path: Path) -> None:
    study = Study(tmp_path, {"good": 5.0, "poor": 0.8}, folds=1, takes=16)
    text = said(study)
    assert re.search(rf"^good is best on the one test part: [\d.]+ % {INTERVAL}\.$", text, re.M)
    assert "It is significantly better than poor" in text
    assert "There is one training set. The result holds for these trained models only" in text
    pairs = pd.read_csv(tmp_path / "summary" / "comparisons.csv")
    assert pairs["verdict"].str.contains("one training set").all()
    assert (pairs["interval_low"] < pairs["difference"]).all() and (pairs["difference"] < pairs["interval_high"]).all()


def test_one_fold_with_equal_skill_names_no_best_model(tmp_path: Path) -> None:
    text = said(Study(tmp_path, {"one": 1.5, "other": 1.5}, folds=1, takes=16))
    assert "statistically indistinguishable" in text
    assert " is best" not in text.replace("show that it is best", "")


def test_models_without_a_common_seed_cannot_be_compared(tmp_path: Path) -> None:
    missing = frozenset({("one", "good", 1), ("one", "poor", 2)})
    text = said(Study(tmp_path, {"good": 3.0, "poor": 2.5}, takes=8, missing=missing))
    assert re.search(r"Mean scores: good [\d.]+ % and poor [\d.]+ %\. The models cannot be compared\.", text)
    assert "needs results of both models for the same seed" in text
    assert "highest" not in text


def test_two_models_with_the_same_predictions_have_the_same_score(tmp_path: Path) -> None:
    study = Study(tmp_path, {"one": 2.0, "other": 2.0}).write()
    for path in study.files("predictions.csv"):
        if "/other/" in path:
            for name in ("predictions.csv", "metrics.json"):
                twin = Path(path.replace("/other/", "/one/")).with_name(name).read_text()
                Path(path).with_name(name).write_text(twin.replace('"model": "one"', '"model": "other"'))
    write_report(study, pages=False)
    answer = dataset_answers(study.results())[0]["verdict"].answer
    assert re.fullmatch(r"one and other have the same score, [\d.]+ %\.", answer[0])
    expected = r"one is statistically indistinguishable from other \(\+0\.0 points, −([\d.]+) to \+\1\)\."
    assert re.fullmatch(expected, answer[1])  # other clips may show a difference


def test_a_model_at_chance_is_said_to_guess(tmp_path: Path) -> None:
    text = said(Study(tmp_path, {"good": 3.0, "chance": 0.0}, takes=8))
    assert re.search(
        rf"^chance \([\d.]+ %, {INTERVAL[2:-2]}\) is not shown to be better than guessing: "
        r"always answering “class00” scores 25\.0 %\.$",
        text,
        re.M,
    )
    assert "good is best" in text


def test_where_all_models_guess_none_is_best(tmp_path: Path) -> None:
    text = said(Study(tmp_path, {"one": 0.0, "other": -0.2}, takes=8))
    assert text.startswith(
        "No model is shown to be better than guessing: always answering “class00” scores 25.0 %, and"
    )
    assert "is best" not in text and "indistinguishable" not in text
    alone = said(Study(tmp_path / "alone", {"only": 0.0}, takes=8))
    assert alone.startswith("only is not shown to be better than guessing")


def test_one_model_has_a_score_and_an_interval(tmp_path: Path) -> None:
    assert re.match(rf"only scores [\d.]+ % {INTERVAL}\.", said(Study(tmp_path, {"only": 2.0})))
    holdout = said(Study(tmp_path / "holdout", {"only": 2.0}, folds=1, takes=16))
    assert "There is one training set. The result holds for these trained models only" in holdout


def compared(difference: float, low: float, high: float, p: float) -> str:
    """What is said of ``a``, whose mean is higher, and ``b``, if the seeds that both have differ by ``difference``."""
    shared = {"seeds_for_one_point": math.inf, "smallest_difference": 0.1}
    board = pd.DataFrame({"model": ["a", "b"], "mean": [0.8, 0.7], "rank": [1, 2]})
    board = board.assign(interval_low=board["mean"] - 0.1, interval_high=board["mean"] + 0.1)
    pair = {"model_a": "a", "model_b": "b", "p_holm": p, "difference": difference, "interval_low": low, **shared}
    pairs = pd.DataFrame([pair | {"interval_high": high}])
    return " ".join(verdict(board, pairs, None, 5, SingleLabel.metrics["accuracy"]).answer)


def test_a_model_that_is_worse_on_the_common_seeds_is_not_best() -> None:
    text = compared(-0.25, -0.38, -0.12, 0.0004)
    assert "a has the highest score" in text and "does not show that it is best" in text
    assert "It is significantly worse than b (−25.0 points, −38.0 to −12.0) on the seeds that both have." in text
    assert "indistinguishable" not in text


def test_too_few_clips_for_any_difference_are_said_to_be_too_few() -> None:
    board = pd.DataFrame({"model": ["a", "b", "c"], "mean": [0.8, 0.6, 0.6], "rank": [1, 2, 2]})
    board = board.assign(interval_low=0.5, interval_high=0.9)
    names = pd.DataFrame([("a", "b"), ("a", "c"), ("b", "c")], columns=["model_a", "model_b"])
    pairs = names.assign(p_holm=0.5, difference=0.1, interval_low=-0.1, interval_high=0.3, seeds_for_one_point=math.inf)
    # The pair without the best model does not count.
    for smallest, text in (
        ([0.3, 0.2, math.inf], "difference of 30.0 points is"),
        ([0.3, math.inf, 0.1], "too few clips"),
    ):
        found = verdict(board, pairs.assign(smallest_difference=smallest), None, 5, SingleLabel.metrics["accuracy"])
        assert text in found.visible and "after the correction for 3 pairs" in found.visible


def test_an_interval_without_zero_that_is_not_significant_says_that_it_is_not_corrected() -> None:
    text = compared(0.2, 0.04, 0.36, 0.2)
    expected = "indistinguishable from b (+20.0 points, +4.0 to +36.0 before the correction for the number of pairs)."
    assert expected in text


def test_missing_runs_are_named(tmp_path: Path) -> None:
    gone = frozenset({("one", "poor", 1), ("one", "poor", 2), ("one", "other", 2)})
    study = Study(tmp_path, {"good": 3.0, "other": 2.0, "poor": 1.0}, missing=gone)
    text = said(study)
    assert "poor" not in text  # it has no score
    assert list(gaps(study.results().table("scores"))) == [
        "other on one: seed 2 missing (1 of 2)",
        "poor on one: seed 1, 2 missing (2 of 2)",
    ]
    assert "This report is incomplete" in section(study.results())
    everything = frozenset(("one", "good", seed) for seed in (1, 2))
    assert said(Study(tmp_path / "none", {"good": 3.0}, missing=everything)).startswith("No run has finished.")


def test_a_copy_on_two_sides_takes_the_promise_away(tmp_path: Path) -> None:
    study = Study(tmp_path, seeds=(1,))
    promise = "measured on clips that the model was not trained on"
    answers(study)
    assert promise in section(study.results())
    pair = "; ".join(read_clip_table(study.splits()[0]).groupby("fold1")["clip"].first())
    row = dict.fromkeys(FINDING_COLUMNS, "") | {"severity": "error", "check": "near-duplicate", "clips": pair}
    write_csv(tmp_path / "audit" / "one.csv", pd.DataFrame([row]))
    results = study.results([str(tmp_path / "audit" / "one.csv")])
    assert "copies on two sides of the split" in section(results)
    assert promise not in section(results)
    assert "Copies of a clip are on two sides of the split" in landing_text(results)


def test_classes_that_no_clip_tests_are_named(tmp_path: Path) -> None:
    found = answers(Study(tmp_path, datasets=("one", "two"), untested=2))
    sentence = "No clip tests 2 of 4 classes; the scores are those of the others: class02, class03."
    assert [answer["untested"] for answer in found] == [sentence, sentence]


def test_findings_are_summed_up() -> None:
    found = pd.DataFrame(
        [
            ("note", "clipped", "a", "0.6 % of its samples"),
            ("error", "near-duplicate", "b; c", "in folds 3 and 5"),
            ("warning", "silent", "d", "dog"),
            ("error", "near-duplicate", "e; f", "in folds 1 and 2"),
            ("warning", "source", "", "clips.csv: names no groups"),
        ],
        columns=["severity", "check", "clips", "detail"],
    )
    assert list(warnings(found)) == [
        "error: near-duplicate: b; c: in folds 3 and 5 and 1 more",
        "warning: silent: d: dog",
        "warning: source: clips.csv: names no groups",
    ]


def test_guessing_is_the_most_frequent_label() -> None:
    clips = pd.DataFrame({"label": ["cat"] * 10 + ["dog"] * 30 + ["owl"] * 60})
    found = {name: constant_baseline(SingleLabel, clips, name) for name in ("accuracy", "uar", "macro_f1")}
    assert {each.answer for each in found.values()} == {"owl"}
    assert found["accuracy"].score == 0.6
    assert abs(found["uar"].score - 1 / 3) < 1e-9
    assert abs(found["macro_f1"].score - 0.75 / 3) < 1e-9


def test_guessing_labels_is_the_best_choice_of_labels_for_all_clips() -> None:
    clips = pd.DataFrame({"label": ["bird"] * 50 + ["bird;car"] * 10 + [""] * 40})
    found = {name: constant_baseline(MultiLabel, clips, name).score for name in ("macro_f1", "micro_f1", "map")}
    truth = np.array([[1, 0]] * 50 + [[1, 1]] * 10 + [[0, 0]] * 40)
    both, bird = np.ones_like(truth), np.tile([1, 0], (100, 1))
    assert found["macro_f1"] == pytest.approx(f1_score(truth, both, average="macro"))
    assert found["micro_f1"] == pytest.approx(f1_score(truth, bird, average="micro"))
    assert found["map"] == pytest.approx((0.6 + 0.1) / 2)


def test_the_text_before_snakemakes_report_is_well_formed_and_holds_verdict_and_leaderboard(tmp_path: Path) -> None:
    from snakemake.report import publish_parts

    study = Study(tmp_path, {"a_b*c|d_": 3.0, "`poor`": 1.0}, takes=8)
    answers(study)
    text = landing_text(study.results())
    html = publish_parts(text, writer="html", settings_overrides={"report_level": 1, "halt_level": 1})["html_body"]
    assert "a_b*c|d_ is best" in html
    assert html.count("<tr") == 3
    assert "`poor`" in html
