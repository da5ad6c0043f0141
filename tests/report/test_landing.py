"""The text before Snakemake's report says of the scores what the page says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from helpers.simulated import Study, write_report
from soundbench.core.escaping import rst_text
from soundbench.core.storage import write_csv
from soundbench.evaluation.contamination import COLUMNS
from soundbench.report.landing import landing_text
from soundbench.report.sections.answer import REMARKS, dataset_answers, section


class Transductive(Study):
    """A study with one model whose features are normalised by group."""

    @property
    def plan(self) -> dict[str, Any]:
        return super().plan | {"transductive": ["good"]}


def test_it_has_the_remarks_of_the_page_and_marks_transductive_models(tmp_path: Path) -> None:
    study = Transductive(tmp_path, untested=1)
    listed = {"dataset": "one", "model": "poor", "clips": 36, "listed": 9, "metric": "accuracy", "lists": "seen.txt"}
    write_csv(tmp_path / "summary" / "contamination.csv", pd.DataFrame([listed], columns=COLUMNS))
    write_report(study.write(), pages=False)
    results = study.results()
    text = landing_text(results)
    (answer,) = dataset_answers(results)
    said = [answer[name] for name in REMARKS if answer[name]]
    assert [sentence.split()[0] for sentence in said] == ["Test", "good", "No"]
    assert all(rst_text(sentence) in text and sentence in section(results) for sentence in said)
    assert "* - good (transductive)" in text
    assert "* - poor\n" in text
