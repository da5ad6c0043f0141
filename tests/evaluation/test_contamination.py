"""Scores with and without test clips that a model may have seen before."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from helpers.simulated import Study, write_report
from soundbench.core.storage import read_clip_table, write_csv
from soundbench.evaluation.contamination import Inputs, aggregate_contamination
from soundbench.report.results import Results
from soundbench.report.sections import answer, contamination, leaderboard

MODELS = {"pretrained": 3.0, "plain": 1.0}


def contaminated(study: Study, entries: list[str]) -> Results:
    """The results of a study whose model ``pretrained`` has a list of entries, with the table of it."""
    clips = study.clips()
    write_csv(
        study.root / "measures" / "recordings.csv",
        clips.assign(path=[f"/x/{clip}.wav" for clip in clips["clip"]], samples="0" * 64),
    )
    lists = study.root / "seen.txt"
    lists.write_text("\n".join(entries))
    predictions = [path for path in study.files("predictions.csv") if "/pretrained/" in path]
    inputs = Inputs(predictions, study.splits(), [str(study.root / "measures" / "recordings.csv")])
    table = study.root / "summary" / "contamination.csv"
    aggregate_contamination(inputs, study.plan, {"pretrained": [str(lists)]}, "accuracy", str(table))
    return study.results()


@pytest.fixture
def study(tmp_path: Path) -> Study:
    made = Study(tmp_path, MODELS, takes=6, folds=4).write()
    write_report(made, pages=False)
    return made


def test_the_score_without_listed_clips_is_that_of_the_others(study: Study) -> None:
    clips = study.clips()
    groups = sorted(set(clips["group"]))[:10]
    named = clips.loc[~clips["group"].isin(groups), "clip"].iloc[0]
    row = contaminated(study, [*groups, named]).table("contamination").iloc[0]
    seen = clips["group"].isin(groups) | clips["clip"].eq(named)
    assert (row["clips"], row["listed"]) == (len(clips), seen.sum())
    assert row["matched_by"] == f"name of the clip 1, group {seen.sum() - 1}"
    tables = [read_clip_table(path) for path in study.files("predictions.csv") if "/pretrained/" in path]
    right = pd.concat(tables).assign(right=lambda table: table["label"] == table["predicted"])
    unseen = right[~right["clip"].isin(clips.loc[seen, "clip"])]
    assert row["score"] == pytest.approx(right["right"].mean())
    assert row["score_without"] == pytest.approx(unseen["right"].mean())
    assert row["without_low"] < row["score_without"] < row["without_high"]


def report(results: Results) -> str:
    """The sections of the report that name listed clips."""
    sections = (answer, leaderboard, contamination)
    return " ".join(" ".join(each.section(results) for each in sections).split())


def test_the_verdict_the_leaderboard_and_a_section_name_the_number_of_listed_clips(study: Study) -> None:
    clips = study.clips()
    groups = sorted(set(clips["group"]))[:10]
    count = int(clips["group"].isin(groups).sum())
    page = report(contaminated(study, groups))
    assert f"name as training data of a model: pretrained ({count} of {len(clips)})." in page
    assert "Every score is measured on clips that the model was not trained on" not in page
    assert "seen before</button>" in page
    assert f"group {count}" in page


def test_it_is_said_if_no_clip_or_every_clip_is_listed(study: Study, caplog: pytest.LogCaptureFixture) -> None:
    page = report(contaminated(study, ["elephant"]))
    assert [message.split(";")[0] for message in caplog.messages] == ["seen.txt names no test clip of one"]
    assert "no test clip matches" in page
    assert "Every score is measured on clips that the model was not trained on" in page
    assert "no clip is left" in report(contaminated(study, list(study.clips()["clip"])))
