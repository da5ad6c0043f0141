"""Clips to hear: misses and false alarms of several labels per clip, and the largest errors of numbers."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers.simulated import Study, write_report
from soundbench.core.storage import write_csv, write_json
from soundbench.data.audio import write_audio
from soundbench.evaluation.label_errors import choose_errors, label_errors, labels_beside
from soundbench.report.results import Results
from soundbench.report.sections import answer, data, labels, mistakes, values
from soundbench.tasks.multi_label import MultiLabel
from soundbench.tasks.regression import Regression
from soundbench.tasks.task import Task

LABELS = ["cat", "dog", "hen"]
TRUTH = {"a": "cat", "b": "cat;dog", "c": "", "d": "dog", "e": "hen"}
SURE = {"a": [0.1, 0.7, 0.1], "b": [0.9, 0.8, 0.1], "c": [0.2, 0.6, 0.1], "d": [0.3, 0.9, 0.1], "e": [0.1, 0.1, 0.9]}
CLIPS = pd.DataFrame({"clip": list(TRUTH), "fold": 1, "label": list(TRUTH.values())})


def predictions(**changes: list[float]) -> pd.DataFrame:
    """``a`` misses the cat and has a false dog, ``c`` has a false dog; everything else is correct."""
    return MultiLabel(LABELS).table(CLIPS, np.array(list((SURE | changes).values())))


def results(folder: Path, task: Task, tables: list[pd.DataFrame]) -> Results:
    """A study of one model on one data set, one seed per table, with a tone per clip."""
    files = []
    for seed, table in enumerate(tables, 1):
        run = folder / "data" / "net" / f"seed{seed}"
        write_csv(run / "predictions.csv", table)
        write_json(run / "metrics.json", task.details(table, pd.Series("g", table["clip"])))
        files.append(run)
    clips = tables[0].assign(group="g", path=[str(folder / f"{clip}.wav") for clip in tables[0]["clip"]])
    for path in clips["path"]:
        write_audio(path, 0.5 * np.sin(np.arange(4000) / 5), 16000)
    write_csv(folder / "clips.csv", clips)
    return Results(
        tables={},
        metrics=[str(run / "metrics.json") for run in files],
        predictions=[str(run / "predictions.csv") for run in files],
        explanations=[],
        histories=[],
        clips={"data": str(folder / "clips.csv")},
        datasets=["data"],
        models=["net"],
        seeds=[1],
        metric="accuracy",
        tasks={"data": type(task)},
    )


def test_errors_of_labels_are_misses_and_false_alarms_of_any_seed() -> None:
    errors = label_errors([predictions(), predictions(d=[0.8, 0.9, 0.1])]).set_index(["clip", "label"])
    assert errors["missed"].to_dict() == {
        ("a", "cat"): True,
        ("a", "dog"): False,
        ("c", "dog"): False,
        ("d", "cat"): False,
    }
    assert errors["wrong"].to_list() == [2, 2, 2, 1]
    assert errors["probability"].to_list() == pytest.approx([0.1, 0.7, 0.6, 0.55])
    assert errors["truth"].to_list() == ["cat", "cat", "", "dog"]


def test_a_model_without_errors_has_none() -> None:
    assert label_errors([predictions(a=[0.9, 0.1, 0.1], c=[0.0] * 3)]).empty


def test_labels_take_turns_until_there_are_enough_clips() -> None:
    errors = label_errors([predictions(d=[0.8, 0.9, 0.1], e=[0.1, 0.9, 0.3])])
    ordered = choose_errors(errors, ["hen", "dog", "cat"], 5)
    assert ordered[["label", "clip"]].to_numpy().tolist()[:4] == [
        ["hen", "e"],
        ["dog", "e"],
        ["cat", "a"],
        ["cat", "d"],
    ]
    assert set(choose_errors(errors, ["hen", "dog", "cat"], 2)["clip"]) == {"e", "a"}


def test_what_stands_beside_an_error() -> None:
    errors = label_errors([predictions()])
    assert labels_beside(errors[errors["missed"]], errors, True).to_dict() == {"dog": 1}
    assert labels_beside(errors[errors["label"] == "dog"], errors, False).to_dict() == {"cat": 1}


def test_the_section_of_labels_has_scores_and_errors_to_hear(tmp_path: Path) -> None:
    study = results(tmp_path, MultiLabel(LABELS), [predictions(), predictions()])
    page = labels.section(study)
    assert re.findall(r'data-label="(\w+)"', page) == ["cat", "dog"]  # worst first; hens are all found
    assert all(f"{title}</bdi></h3>" in page for title in ("Misses of <bdi>cat", "False alarms of <bdi>dog"))
    assert "Misses of <bdi>dog" not in page
    assert re.search(r"has <strong><bdi>no label</bdi></strong>; <bdi>dog</bdi> is predicted \(60 %\)", page)
    assert re.search(r"has <strong><bdi>cat</bdi></strong>; <bdi>cat</bdi> is missed \(10 %\)", page)
    assert page.count("data:audio/mpeg") == 2  # the sound of a clip is there once
    assert "wrong with 2 of 2 seeds" in page and "1 clip with at least one of 2 seeds" in page
    row = re.search(r'scope="row">dog</th>(.*?)</tr>', page)
    assert row and re.findall(r"<td>(.*?)</td>", row[1]) == ["2", "100.0", "100.0", "50.0", "100.0", "66.7", "0", "2"]
    assert values.section(study) == ""


def test_a_label_that_no_test_clip_has_has_no_ranking_and_is_not_the_worst(tmp_path: Path) -> None:
    task = MultiLabel([*LABELS, "ant"])
    page = labels.section(
        results(tmp_path, task, [task.table(CLIPS, predictions()[LABELS].assign(ant=0.1).to_numpy())])
    )
    rows = re.findall(r'scope="row">(\w+)</th><td>\d+</td><td>(.*?)</td><td>(.*?)</td>', page)
    assert rows[-1] == ("ant", "–", "–")
    assert len(rows) == 4


def test_names_of_mistakes_do_not_turn_the_words_around_them(tmp_path: Path) -> None:
    study = Study(tmp_path, {"poor": 0.0}, seeds=(1,), takes=1, audio=True).write()
    write_report(study, pages=False)
    names = r"is <strong><bdi>class\d\d</bdi></strong> .*, taken for <strong><bdi>class\d\d</bdi></strong> "
    assert re.search(names, mistakes.section(study.results()))


def test_the_section_of_numbers_has_the_largest_errors(tmp_path: Path) -> None:
    truth = pd.DataFrame({"clip": list("abcd"), "fold": 1, "true_level": [1.0, 2, 3, 4], "true_onset": [0.0, 0, 1, 1]})
    task = Regression(["level", "onset"])
    tables = [task.table(truth, np.array([[1, 0], [2.5, 0], [3, change], [1, 1]])) for change in (0.0, 0.5)]
    study = results(tmp_path, task, tables)
    page = values.section(study)
    assert re.findall(r'data-target="(\w+)"', page) == ["level", "onset"]
    shown = re.findall(
        r"<bdi>(\w+)</bdi> is <strong>(.*?)</strong>, predicted <strong>(.*?)</strong> \(error (.*?)\)", page
    )
    assert shown[:2] == [("level", "4", "1", "-3"), ("level", "2", "2.5", "0.5")]
    assert ("onset", "1", "0.25", "-0.75") in shown
    assert "mean absolute error" in page
    assert labels.section(study) == ""
    assert "4 clips with 2 numbers in 1 groups" in data.section(study)


def test_the_verdict_leads_to_the_sections_that_a_study_has() -> None:
    assert answer.SOUNDS.keys() & MultiLabel.report == {"labels"}
    assert answer.SOUNDS.keys() & Regression.report == {"values"}
