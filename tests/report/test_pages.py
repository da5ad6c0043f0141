"""The pages of the report in a real browser: alone, in an iframe, by keyboard, without network."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from helpers.simulated import Study, write_report
from soundbench.core.storage import read_json
from soundbench.report.figures.confusion import plot_calibration
from soundbench.report.pages.compare import class_data
from soundbench.report.pages.leaderboard import warnings
from soundbench.report.rendering import percent, quantity

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

PAGES = ("leaderboard", "comparison", "provenance", "one/confusion", "one/poor/mistakes")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    models = {"good": 3.0, "middling": 2.9, "poor": 1.0}
    gone = frozenset({("one", "middling", 2), ("two", "poor", 1), ("two", "poor", 2)})
    root = tmp_path_factory.mktemp("pages")
    study = Study(root, models, datasets=("one", "two"), speakers=True, audio=True, missing=gone)
    return write_report(study.write())


def open_page(browser: Chrome, path: Path) -> None:
    """Open a page in an iframe on a ``data:`` address, as Snakemake's report does, and switch into it."""
    browser.get("about:blank")
    browser.get_log("browser")
    browser.get_log("performance")
    content = base64.b64encode(path.read_bytes()).decode()
    browser.execute_script(
        "document.body.innerHTML = '<iframe style=\"width: 1200px; height: 800px\"></iframe>';"
        "window.loaded = false; const frame = document.querySelector('iframe');"
        "frame.onload = () => window.loaded = true; frame.src = arguments[0];",
        f"data:text/html;charset=utf-8;base64,{content}",
    )
    wait_for(browser, "return window.loaded")
    browser.switch_to.frame(0)


def wait_for(browser: Chrome, script: str) -> None:
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(browser, 15).until(lambda driver: driver.execute_script(script))


def column(browser: Chrome, table: str, number: int) -> list[str]:
    script = (
        "const rows = [...document.querySelector(arguments[0]).tBodies[0].rows].filter(row => !row.hidden);"
        "return rows.map(row => row.cells[arguments[1]].textContent.trim());"
    )
    return browser.execute_script(script, table, number)


def choose(browser: Chrome, name: str, value: str) -> None:
    from selenium.webdriver.support.ui import Select

    Select(browser.find_element("id", name)).select_by_value(value)


@pytest.mark.parametrize("name", PAGES)
def test_page_opens_without_errors_or_network(browser: Chrome, pages: Path, name: str) -> None:
    path = pages / f"{name}.html"
    assert path.stat().st_size < 5e6
    open_page(browser, path)
    assert browser.find_element("tag name", "h1").text
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    sent = [each["params"]["request"]["url"] for each in messages if each["method"] == "Network.requestWillBeSent"]
    assert [url for url in sent if not url.startswith(("data:", "blob:", "about:"))] == []
    assert [entry for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []


@pytest.mark.parametrize("name", PAGES)
def test_page_names_nothing_outside_itself(pages: Path, name: str) -> None:
    text = (pages / f"{name}.html").read_text()
    assert not re.findall(r"""(?:src|href)=["'](?!data:)""", text)
    assert not re.findall(r"<img(?![^>]*\balt=)", text)


def test_leaderboard_tells_who_wins_and_what_is_missing(browser: Chrome, pages: Path) -> None:
    open_page(browser, pages / "leaderboard.html")
    text = browser.find_element("tag name", "main").text
    assert re.search(r"(good|middling) scores highest", text)
    assert "statistically indistinguishable" in text
    assert "middling on one: seed 2 missing (1 of 2)" in text
    assert "poor on two: seed 1, 2 missing (2 of 2)" in text
    assert column(browser, "[data-dataset=two]", 2)[-1] == "missing"
    assert "listeners (published: human)" in column(browser, "[data-dataset=one]", 1)
    assert "81.3" in column(browser, "[data-dataset=one]", 2)
    assert "81.3" not in column(browser, "[data-dataset=two]", 2)


def test_sorting_by_click_and_by_keyboard(browser: Chrome, pages: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    open_page(browser, pages / "leaderboard.html")
    head = browser.find_elements("css selector", "[data-dataset=two] th button")[2]
    head.click()
    rising = column(browser, "[data-dataset=two]", 2)
    assert rising[:-1] == sorted(rising[:-1], key=float)
    head.send_keys(Keys.ENTER)
    falling = column(browser, "[data-dataset=two]", 2)
    assert falling == [*reversed(rising[:-1]), "missing"]


def test_filtering_keeps_the_rows_that_match(browser: Chrome, pages: Path) -> None:
    open_page(browser, pages / "comparison.html")
    field = browser.find_element("css selector", "[aria-controls=pairs]")
    before = column(browser, "#pairs table", 1)
    field.send_keys("two middling")
    after = column(browser, "#pairs table", 1)
    assert len(before) == 6
    assert after == [
        text
        for text, data in zip(before, ["one"] * 3 + ["two"] * 3, strict=True)
        if data == "two" and "middling" in text
    ]
    field.clear()


def test_choosing_two_models_shows_their_classes(browser: Chrome, pages: Path) -> None:
    open_page(browser, pages / "comparison.html")
    choose(browser, "a", "poor")
    choose(browser, "b", "good")
    gaps = [float(text) for text in column(browser, "#differences table", 4)]
    assert len(gaps) == 4
    assert min(gaps) < 0
    assert browser.find_element("id", "said").text.startswith("recall: poor is ahead in")
    a, b = column(browser, "#differences table", 2), column(browser, "#differences table", 3)
    assert gaps == pytest.approx([float(x) - float(y) for x, y in zip(a, b, strict=True)], abs=0.11)
    choose(browser, "dataset", "two")  # there, poor has no run
    offered = [option.text for option in browser.find_elements("css selector", "#a option")]
    assert offered == ["good", "middling"]


def test_speakers_stand_from_worst_to_best(browser: Chrome, pages: Path) -> None:
    open_page(browser, pages / "comparison.html")
    summary = browser.find_element("tag name", "summary")
    assert re.search(r"worst \S+ \(.*best \S+ \(", summary.text)


def test_confusion_cells_are_read_out_by_keyboard(browser: Chrome, pages: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    open_page(browser, pages / "one" / "confusion.html")
    choose(browser, "right", "poor")
    assert len(browser.find_elements("css selector", "#pair table")) == 2
    cells = browser.find_elements("css selector", "#pair tbody td")
    cells[0].click()
    assert "recognised" in browser.find_element("id", "said").text
    browser.switch_to.active_element.send_keys(Keys.ARROW_RIGHT)
    assert "taken for" in browser.find_element("id", "said").text
    choose(browser, "unit", "count")
    counts = [cell.text for cell in browser.find_elements("css selector", "#pair table:first-child tbody td")]
    assert sum(int(text) for text in counts if text) == 2 * 4 * 4 * 3  # seeds × classes × takes × folds


def test_a_mistake_can_be_heard(browser: Chrome, pages: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    open_page(browser, pages / "one" / "poor" / "mistakes.html")
    sounds = browser.find_elements("tag name", "audio")
    assert 1 <= len(sounds) <= 8
    wait_for(browser, "return [...document.querySelectorAll('audio')].every(a => a.duration > 0.4 && a.duration < 0.7)")
    sounds[0].send_keys(Keys.SPACE)
    wait_for(browser, "return document.querySelector('audio').currentTime > 0")
    assert browser.execute_script("return [...document.images].every(i => i.naturalWidth > 0)")
    assert re.search(
        r"is class0\d \(\d+ %\), taken for class0\d \(\d+ %\)", browser.find_element("tag name", "li").text
    )


def test_pages_follow_the_readers_colours(browser: Chrome, pages: Path) -> None:
    colours = {}
    for scheme in ("light", "dark"):
        browser.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        )
        browser.get((pages / "leaderboard.html").as_uri())
        colours[scheme] = browser.execute_script(
            "const s = getComputedStyle(document.body); return [s.color, s.backgroundColor]"
        )
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert colours["light"] != colours["dark"]


@pytest.mark.parametrize("models", [{"only": 2.0}, {"good": 3.0, "poor": 1.0}])
def test_a_report_needs_no_more_than_one_finished_model(tmp_path: Path, models: dict[str, float]) -> None:
    gone = frozenset({("one", "poor", 1), ("one", "poor", 2)})
    to = write_report(Study(tmp_path, models, audio=True, missing=gone).write())
    text = (to / "leaderboard.html").read_text()
    assert "Mean score: " in text
    assert ("0 of 2" in text) == (len(models) > 1)


def test_one_fold_names_no_winner_and_no_difference_to_be_seen(tmp_path: Path) -> None:
    to = write_report(Study(tmp_path, {"good": 3.0, "poor": 1.0}, folds=1, audio=True).write())
    text = (to / "leaderboard.html").read_text()
    assert re.search(r"Mean score: good [\d.]+ % and poor [\d.]+ %. Which is better cannot be decided", text)
    assert "scores highest" not in text
    assert "difference of 1 point" not in text
    pairs = pd.read_csv(to / "comparisons.csv")
    assert pairs[["smallest_difference", "seeds_for_one_point"]].isna().all(axis=None)


def test_calibration_has_one_value_on_the_page_and_in_the_figure(tmp_path: Path) -> None:
    study = Study(tmp_path, {"only": 2.0}, audio=True).write()
    text = (write_report(study) / "leaderboard.html").read_text()
    row = text[text.index("<strong>only</strong>") :].partition("</tr>")[0]
    shown = re.findall(r"<td>([\d.]+)</td>", row)[-1]
    plot_calibration(study.files("metrics.json"), ["only"], str(tmp_path / "figure.svg"))
    assert f"calibration error {shown} points" in (tmp_path / "figure.svg").read_text()
    folds = [fold["calibration_error"] for run in map(read_json, study.files("metrics.json")) for fold in run["folds"]]
    assert shown != percent(sum(folds) / len(folds))  # which is larger, as fewer clips are in a bin


def test_classes_that_no_clip_tests_are_named_and_not_scored(tmp_path: Path) -> None:
    study = Study(tmp_path, datasets=("one", "two"), untested=2, audio=True).write()
    to = write_report(study)
    sentence = "No clip tests 2 of 4 classes; the scores are those of the others: class02, class03."
    assert (to / "leaderboard.html").read_text().count(sentence) == 2
    classes = pd.read_csv(to / "classes.csv", dtype={"label": str}, keep_default_na=False)
    assert class_data(classes)["one"]["labels"] == ["class00", "class01"]
    # With two of four classes tested, a mean recall over all four would be below one half.
    board = pd.read_csv(to / "leaderboard.csv").set_index(["dataset", "model"])
    assert board.loc[("one", "good"), "mean"] > 0.8
    uar = pd.read_csv(to / "scores.csv").groupby("model")["uar"].mean()
    assert uar["good"] > 0.8
    tested = Study(tmp_path / "all", models={"good": 3.0}, audio=True).write()
    assert "No clip tests" not in (write_report(tested) / "leaderboard.html").read_text()


def test_numbers_are_written_for_people() -> None:
    assert [quantity(value) for value in (98940, 10.327, 0.1234, None, float("nan"))] == [
        "98,900",
        "10.3",
        "0.123",
        "–",
        "–",
    ]
    assert (percent(0.8546), percent(None)) == ("85.5", "–")


def test_start_page_sums_up_what_the_audit_found() -> None:
    found = pd.DataFrame(
        [
            ("note", "clipped", "a", "0.6 % of its samples"),
            ("error", "near-duplicate", "b; c", "in folds 3 and 5"),
            ("warning", "silent", "d", "dog"),
            ("error", "near-duplicate", "e; f", "in folds 1 and 2"),
        ],
        columns=["severity", "check", "clips", "detail"],
    )
    assert list(warnings(found)) == [
        "error: near-duplicate: b; c: in folds 3 and 5 and 1 more",
        "warning: silent: d: dog",
    ]
