"""Figures are compact, and the page of a large study has what a reader can take in."""

from __future__ import annotations

import base64
import gzip
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from helpers.simulated import Study, write_report
from helpers.svg import styled
from soundbench.report import drawing, listening, results
from soundbench.report.drawing import figure
from soundbench.report.page import pack
from soundbench.report.sections import comparison

STYLE = re.compile(r'style="([^"]*)"')
TEXT = "{http://www.w3.org/2000/svg}text"


def drawn(path: Path) -> str:
    with figure(path, 2, 3, 2, "two panels") as (_, axes):
        for axis in axes:
            axis.plot([0, 1, 2], [0.123456, 1, 0], "o-", color="#0072B2", alpha=0.5)
            axis.imshow(np.eye(3), extent=(0, 1, 0, 1))
            axis.set_title("0.123456 is a number")
    return path.read_text()


def coordinates(svg: str) -> list[float]:
    attributes = " ".join(re.findall(r' (?:d|x|y)="([^"]*)"', svg))
    return [float(number) for number in re.findall(r"-?[\d.]+", attributes)]


def test_a_compact_figure_has_the_same_coordinates_and_styles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = drawn(tmp_path / "small.svg")
    monkeypatch.setattr(drawing, "compact", lambda svg: svg)
    large = drawn(tmp_path / "large.svg")
    assert len(small) < 0.75 * len(large)
    assert np.allclose(coordinates(small), coordinates(large), atol=0.001)
    assert STYLE.findall(styled(small)) == STYLE.findall(large)
    tree = ElementTree.fromstring(small)
    assert [part.text for part in tree.iter(TEXT)].count("0.123456 is a number") == 2
    assert set(re.findall(r'(?:url\(|href=")#([\w-]+)', small)) <= {part.get("id") for part in tree.iter()}


def test_a_figure_with_marks_that_are_not_drawn_is_well_formed(tmp_path: Path) -> None:
    with figure(tmp_path / "figure.svg", 1, 3, 2, "marks without a place") as (_, (axis,)):
        axis.plot([1, np.nan, 2], [1, 2, 3], "o", label="mark")
        axis.errorbar(0, 1, yerr=1, fmt="s")
        axis.set_xscale("log")
    svg = (tmp_path / "figure.svg").read_text()
    assert re.search("<g [^>]*/>", svg)
    ElementTree.fromstring(svg)


def test_the_page_has_an_image_of_several_figures_once() -> None:
    shared, own = ("data:image/png;base64," + 40 * letter for letter in "AB")
    files = [{"svg": f'<svg><image href="{image}"/></svg>'} for image in (shared, own, shared)]
    images = pack(files)
    assert images == [shared]
    for file in files:
        packed = gzip.decompress(base64.b64decode(file["packed"])).decode()
        assert shared not in packed
        assert re.sub(r"image:(\d+)", lambda found: images[int(found[1])], packed) == file["svg"]


def test_a_large_study_has_sounds_of_the_best_models_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = Study(tmp_path, {"poor": 0.5, "good": 3.0}, datasets=("one", "two")).write()
    write_report(study, pages=False)
    every = [(name, model) for name in ("one", "two") for model in ("poor", "good")]
    assert listening.tested_runs(study.results(), "mistakes") == every
    monkeypatch.setattr(results, "MOST_OF_PAIRS", 3)
    monkeypatch.setattr(results, "BEST_PAIRS", 3)
    assert listening.tested_runs(study.results(), "mistakes") == [("one", "good"), ("two", "good")]


def test_a_long_table_of_pairs_has_those_of_the_best_model(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [("one", "a", "b"), ("one", "a", "c"), ("one", "b", "c")]
    pairs = pd.DataFrame(rows, columns=["dataset", "model_a", "model_b"])
    board = pd.DataFrame({"dataset": "one", "model": ["a", "b", "c"], "rank": [3, 1, 2]})
    assert comparison.pairs_of_best(pairs, board) is pairs
    monkeypatch.setattr(comparison, "MOST_ROWS", 2)
    assert comparison.pairs_of_best(pairs, board).index.tolist() == [0, 2]
