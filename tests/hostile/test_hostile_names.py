"""Names and labels that a spreadsheet, Markdown, LaTeX or a browser would not treat as plain text."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from helpers.script import SCRIPT, overlay
from helpers.simulated import Study, published, write_report
from soundbench.core.escaping import escape_cell, escape_table, latex_text, markdown_code, markdown_text, plain_cell
from soundbench.core.storage import write_csv
from soundbench.data.audit import FINDING_COLUMNS
from soundbench.data.duplicates import read_findings
from soundbench.evaluation.leaderboard_text import leaderboard_latex, leaderboard_markdown
from soundbench.inference.classifier import Options, Prediction
from soundbench.inference.recordings import Recording
from soundbench.inference.tables import SpreadsheetWriter, columns, rows
from soundbench.inference.windows import Window
from soundbench.report.page import write_report as write_page
from soundbench.report.pages.predictions import read_predictions
from soundbench.tasks.registry import find_metric
from soundbench.tasks.regression import Regression
from soundbench.tasks.single_label import SingleLabel

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\tx", '=HYPERLINK("http://x")', "'=1", "-2+3|cmd")


@pytest.mark.slow
@given(st.text())
def test_escaped_text_is_no_formula_and_reads_back(text: str) -> None:
    assert not escape_cell(text).startswith(("=", "+", "-", "@", "\t", "\r"))
    assert plain_cell(escape_cell(text)) == text


def test_numbers_stay_numbers() -> None:
    assert [escape_cell(value) for value in (-1, -0.5, None, "x-1", "1=1")] == [-1, -0.5, None, "x-1", "1=1"]


@pytest.mark.parametrize("name", FORMULAS)
def test_tables_of_predictions_hold_no_formula_and_read_back(tmp_path: Path, name: str) -> None:
    prediction = Prediction(Options(top_k=2), SingleLabel(["dog", name]))
    prediction.add(Window(0.0, 1.0, (np.zeros((1, 1)),)), np.array([0.25, 0.75], np.float32))
    path = tmp_path / "predictions.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = SpreadsheetWriter(file, columns(2, prediction.task))
        writer.writerows(rows(Recording(f"{name}.wav", name), prediction, windows=False))
    (row,) = csv.DictReader(io.StringIO(path.read_text()))
    assert [row[key] for key in ("file", "actual", "label1")] == [f"'{name}.wav", f"'{name}", f"'{name}"]
    read = read_predictions(str(path)).iloc[0]
    assert [read[key] for key in ("file", "actual", "label1")] == [f"{name}.wav", name, name]
    assert read["probability1"] == 0.75


def test_predicted_numbers_below_zero_remain_numbers(tmp_path: Path) -> None:
    prediction = Prediction(Options(), Regression(["=level", "onset"]))
    prediction.add(Window(0.0, 1.0, (np.zeros((1, 1)),)), np.array([-0.135712, 12.0], np.float32))
    path = tmp_path / "predictions.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = SpreadsheetWriter(file, ["file", "start", "end", "actual", "=level", "onset"])
        writer.writerows(rows(Recording("a.wav", "-1"), prediction, windows=False))
    assert path.read_text().splitlines()[1] == "a.wav,0.000,1.000,'-1,-0.135712,12"


def test_findings_of_the_audit_hold_no_formula_and_read_back(tmp_path: Path) -> None:
    findings = pd.DataFrame([[name] * len(FINDING_COLUMNS) for name in FORMULAS], columns=FINDING_COLUMNS)
    write_csv(tmp_path / "audit.csv", escape_table(findings))
    text = pd.read_csv(tmp_path / "audit.csv", dtype=str)
    assert text.map(lambda cell: cell.startswith("'")).all(axis=None)
    pd.testing.assert_frame_equal(read_findings(tmp_path / "audit.csv"), findings)


@pytest.mark.parametrize(
    ("text", "markdown", "latex"),
    [
        ("cnn_deep", "cnn_deep", r"cnn\_deep"),
        ("_a_ *b*", r"\_a\_ \*b\*", r"\_a\_ *b*"),
        ("a | b", r"a \| b", "a | b"),
        ("<b>", r"\<b\>", r"\textless{}b\textgreater{}"),
        ("[x](http://y)", r"\[x\](http://y)", "[x](http://y)"),
        ("two\nlines", "two lines", "two lines"),
        (r"\input{/etc/passwd}", r"\\input{/etc/passwd}", r"\textbackslash{}input\{/etc/passwd\}"),
        ("50 % & $x^2$ ~", r"50 % \& $x^2$ \~", r"50 \% \& \$x\textasciicircum{}2\$ \textasciitilde{}"),
        ("`id`", r"\`id\`", "`id`"),
    ],
)
def test_markdown_and_latex_show_names_as_they_are(text: str, markdown: str, latex: str) -> None:
    assert (markdown_text(text), latex_text(text)) == (markdown, latex)


def test_code_in_markdown_ends_where_it_should() -> None:
    assert [markdown_code(text) for text in ("dog", "a`b", "``")] == ["`dog`", "`` a`b ``", "``` `` ```"]


def test_leaderboard_escapes_published_scores() -> None:
    board: dict[str, Any] = {"dataset": "one", "protocol": "nested", "model": "m_n", "rank": 1, "mean": 0.5}
    board |= {"spread": 0.1, "interval_low": 0.4, "interval_high": 0.6, "transductive": False}
    others = {"dataset": "one", "label": "a | b", "kind": "human", "score": 0.5, "source": "\\x & <y>"}
    others |= {"epoch": "none", "replicated": False}
    tables = pd.DataFrame([board]), pd.DataFrame([others])
    metrics = {"one": find_metric("accuracy")}
    assert r"| human | a \| b (\\x \& \<y\>) | 50 | published |" in leaderboard_markdown(*tables, metrics)
    latex = leaderboard_latex(*tables, metrics)
    assert r"human & a | b (\textbackslash{}x \& \textless{}y\textgreater{}) & 50 & published \\" in latex
    assert r"1 & m\_n & 50.0 $\pm$ 10.0 & 40.0--60.0 \\" in latex


class HostileStudy(Study):
    """A study whose labels, groups and clips are scripts."""

    @property
    def labels(self) -> list[str]:
        return [f"{number}{SCRIPT}" for number in range(self.classes)]

    def clips(self) -> pd.DataFrame:
        table = super().clips()
        return table.assign(clip=table["clip"].str.replace("/", ""))


@pytest.mark.slow
def test_no_page_runs_the_text_that_it_shows(browser: Chrome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels, groups, clips, findings, published scores and the configuration."""
    texts = {"label": SCRIPT, "source": SCRIPT}
    monkeypatch.setattr("helpers.simulated.published", lambda: [reference | texts for reference in published()])
    study = HostileStudy(tmp_path, {"good": 0.5, "poor": 0.0}, audio=True, classes=2, takes=2)
    folder = write_report(study.write(), pages=False)
    findings = [["error", *[SCRIPT] * (len(FINDING_COLUMNS) - 1)]]
    write_csv(tmp_path / "one.csv", escape_table(pd.DataFrame(findings, columns=FINDING_COLUMNS)))
    results = study.results([str(tmp_path / "one.csv")])
    results.facts.update({"arguments": SCRIPT, "study": overlay(SCRIPT), "config": overlay(SCRIPT)})
    named = {"page": "report.html", "landing": "report.rst", "study": "study.yaml"}
    write_page(results, **{name: str(folder / file) for name, file in named.items()})
    assert yaml.safe_load((folder / "study.yaml").read_text()) == overlay(SCRIPT)
    pages = sorted(folder.rglob("*.html"))
    assert len(pages) == 1
    for page in pages:
        browser.get(page.as_uri())
        assert "window.owned = 1" in browser.find_element("tag name", "html").get_attribute("textContent"), page
        assert browser.execute_script("return window.owned") is None, page
        assert not browser.find_elements("css selector", "img[src=x]"), page
