"""The report's page in a real browser: alone, in an iframe, by keyboard, without network, at any size."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from helpers.shared import made_once
from helpers.simulated import Study, write_report
from soundbench.core.storage import read_json
from soundbench.report.figures.confusion import plot_calibration
from soundbench.report.rendering import TEMPLATES, percent, quantity
from soundbench.report.sections.comparison import class_data
from soundbench.report.sections.leaderboard import boards, shown_columns

if TYPE_CHECKING:
    from selenium.webdriver import Chrome


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a study with gaps, without figures."""
    models = {"good": 3.0, "middling": 2.9, "poor": 1.0}
    gone = frozenset({("one", "middling", 2), ("two", "poor", 1), ("two", "poor", 2)})
    root = tmp_path_factory.mktemp("pages")
    study = Study(root, models, datasets=("one", "two"), speakers=True, audio=True, missing=gone)
    return write_report(study.write()) / "report.html"


@pytest.fixture
def opened(browser: Chrome, page: Path) -> Iterator[Chrome]:
    """A browser that shows the page in an iframe on a ``data:`` address, as Snakemake's report does."""
    open_page(browser, page)
    yield browser
    browser.switch_to.default_content()


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


def test_page_opens_without_errors_or_network(opened: Chrome, page: Path) -> None:
    assert page.stat().st_size < 5e6
    assert opened.find_element("tag name", "h1").text
    messages = [json.loads(entry["message"])["message"] for entry in opened.get_log("performance")]
    sent = [each["params"]["request"]["url"] for each in messages if each["method"] == "Network.requestWillBeSent"]
    assert [url for url in sent if not url.startswith(("data:", "blob:", "about:"))] == []
    assert [entry for entry in opened.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []


def test_page_names_nothing_outside_itself_and_has_no_name_twice(page: Path) -> None:
    text = page.read_text()
    assert not re.findall(r"""(?:src|href)=["'](?!data:|#)""", text)
    assert not re.findall(r"<img(?![^>]*\balt=)", text)
    names = re.findall(r'<[^>]*\bid="([^"]+)"', text)
    assert len(names) == len(set(names))
    assert set(re.findall(r'href="#([^"]+)"', text)) <= set(names)


def test_menu_leads_to_the_sections(opened: Chrome) -> None:
    links = opened.find_elements("css selector", "nav a")
    assert [link.text for link in links][:3] == ["Verdict", "Leaderboard", "Comparison"]
    next(link for link in links if link.text == "Mistakes").click()
    wait_for(opened, "return Math.abs(document.getElementById('mistakes').getBoundingClientRect().top) < 200")


def test_leaderboard_names_the_best_model_and_missing_runs(opened: Chrome) -> None:
    text = opened.find_element("tag name", "main").text
    assert re.search(r"(good|middling) has the highest score", text)
    assert "statistically indistinguishable" in text
    assert "middling on one: seed 2 missing (1 of 2)" in text
    assert "poor on two: seed 1, 2 missing (2 of 2)" in text
    assert column(opened, "table[data-dataset=two]", 0)[2:] == ["poor", "guessing"]
    assert column(opened, "table[data-dataset=two]", 1)[2:] == ["missing", "25.0"]
    assert "listeners" in column(opened, "table[data-dataset=one]", 0)
    assert "81.3" in column(opened, "table[data-dataset=one]", 1)
    assert "81.3" not in column(opened, "table[data-dataset=two]", 1)
    assert len(opened.find_elements("css selector", ".board line.chance")) == 5  # one per model with a score


def test_sorting_by_click_and_by_keyboard_puts_the_best_first(opened: Chrome) -> None:
    from selenium.webdriver.common.keys import Keys

    interval = opened.find_elements("css selector", "table[data-dataset=two] th button")[2]
    interval.click()
    falling = [float(text.split()[0]) for text in column(opened, "table[data-dataset=two]", 2)[:2]]
    assert falling == sorted(falling, reverse=True)
    interval.send_keys(Keys.ENTER)
    assert [float(text.split()[0]) for text in column(opened, "table[data-dataset=two]", 2)[:2]] == falling[::-1]
    assert column(opened, "table[data-dataset=two]", 2)[2:] == ["–", "–"]  # what is missing stays below
    training = opened.find_elements("css selector", "table[data-dataset=two] th:not(.more) button")[3]
    training.click()
    assert training.find_element("xpath", "..").get_attribute("aria-sort") == "ascending"  # less is better


def test_numbers_are_sorted_by_their_size_however_they_are_written(browser: Chrome, tmp_path: Path) -> None:
    cells = ["∞", "1,200", "–", "−3.5", "+20", "98,900", "−0.5"]
    rows = "".join(f"<tr><td>{cell}</td></tr>" for cell in cells)
    script = (TEMPLATES / "tables.js").read_text()
    head = "<meta charset=utf-8><table class=sortable><thead><tr><th><button>n</button></th></tr></thead>"
    (tmp_path / "page.html").write_text(f"{head}<tbody>{rows}</tbody></table><script>{script}</script>")
    open_page(browser, tmp_path / "page.html")
    button = browser.find_element("tag name", "button")
    button.click()
    rising = ["−3.5", "−0.5", "+20", "1,200", "98,900", "∞"]
    assert column(browser, "table", 0) == [*rising, "–"]
    button.click()
    assert column(browser, "table", 0) == [*rising[::-1], "–"]
    browser.switch_to.default_content()


def test_more_columns_are_shown_on_request_and_each_heading_is_explained(opened: Chrome) -> None:
    heads = opened.find_elements("css selector", "table[data-dataset=one] th button")
    assert all(len(head.get_attribute("title")) > 20 for head in heads)
    shown = [head.text for head in heads if head.is_displayed()]
    assert shown == ["model", "score (%)", "95 % interval", "training (s)", "ms per clip", "size (MB)"]
    opened.find_element("id", "more-columns").click()
    assert {"unweighted average recall", "calibration", "parameters"} <= {
        head.text for head in heads if head.is_displayed()
    }


def test_filter_reaches_every_table_and_clip(opened: Chrome) -> None:
    field = opened.find_element("css selector", "nav input")
    field.send_keys("two good")
    assert column(opened, "table[data-dataset=one]", 0) == []
    assert column(opened, "table[data-dataset=two]", 0) == ["good"]
    assert all("good" in text for text in column(opened, "#pairs table", 1))
    assert len(column(opened, "#pairs table", 1)) == 2
    shown = opened.find_elements("css selector", "#mistakes li")
    assert not any(card.is_displayed() for card in shown)  # those of another data set
    field.clear()
    field.send_keys(" ")
    assert len(column(opened, "table[data-dataset=one]", 0)) == 5


def test_choosing_two_models_shows_their_classes(opened: Chrome) -> None:
    choose(opened, "class-a", "poor")
    choose(opened, "class-b", "good")
    gaps = [float(text.replace("−", "-")) for text in column(opened, "#differences table", 4)]
    assert len(gaps) == 4
    assert min(gaps) < 0
    assert opened.find_element("id", "class-said").text.startswith("recall: poor is better in")
    a, b = column(opened, "#differences table", 2), column(opened, "#differences table", 3)
    assert gaps == pytest.approx([float(x) - float(y) for x, y in zip(a, b, strict=True)], abs=0.11)
    choose(opened, "class-dataset", "two")  # there, poor has no run
    offered = [option.text for option in opened.find_elements("css selector", "#class-a option")]
    assert offered == ["good", "middling"]


def test_a_single_model_is_not_compared_with_itself(browser: Chrome, tmp_path: Path) -> None:
    open_page(browser, write_report(Study(tmp_path, {"only": 2.0}, audio=True).write()) / "report.html")
    said = browser.find_element("id", "class-said").text
    shown = [cell for cell in browser.find_elements("css selector", "#by-class .pair") if cell.is_displayed()]
    classes, scores = column(browser, "#differences table", 0), column(browser, "#differences table", 2)
    browser.switch_to.default_content()
    assert shown == []
    assert [float(score) for score in scores] == sorted((float(score) for score in scores), reverse=True)
    assert said.startswith(f"recall: {scores[0]} % for \u2068{classes[0]}\u2069, the best class")


def test_views_of_one_source_are_compared(opened: Chrome) -> None:
    # The third model has no runs on one of them.
    assert sorted(column(opened, "#views table", 0)) == ["good", "middling"]
    assert column(opened, "#views table", 1) == ["one"] * 2
    assert column(opened, "#views table", 2) == ["two"] * 2
    assert all(re.fullmatch(r"[+-]\d+\.\d", text) for text in column(opened, "#views table", 3))


def test_spectrograms_of_mistakes_end_where_their_files_do(page: Path) -> None:
    ends = set(re.findall(r"<span>50 Hz to ([\d,]+) Hz</span>", page.read_text()))
    assert ends == {"8,000"}  # half of the sample rate of all files


def test_speakers_stand_from_worst_to_best(page: Path) -> None:
    assert re.search(r"<summary>\w+ on \w+: worst \S+ \(.*best \S+ \(", page.read_text())


def test_confusion_cells_are_read_out_by_keyboard(opened: Chrome) -> None:
    from selenium.webdriver.common.keys import Keys

    choose(opened, "confusion-right", "poor")
    assert len(opened.find_elements("css selector", "#pair table")) == 2
    cells = opened.find_elements("css selector", "#pair tbody td")
    cells[0].click()
    assert "recognised" in opened.find_element("id", "confusion-said").text
    opened.switch_to.active_element.send_keys(Keys.ARROW_RIGHT)
    assert "taken for" in opened.find_element("id", "confusion-said").text
    choose(opened, "confusion-unit", "count")
    counts = [cell.text for cell in opened.find_elements("css selector", "#pair table:first-child tbody td")]
    assert sum(int(text) for text in counts if text) == 2 * 4 * 4 * 3  # seeds × classes × takes × folds
    choose(opened, "confusion-dataset", "two")
    assert [option.text for option in opened.find_elements("css selector", "#confusion-left option")] == [
        "good",
        "middling",
    ]


def test_the_page_plays_mistakes(opened: Chrome) -> None:
    from selenium.webdriver.common.keys import Keys

    choose(opened, "mistakes-model", "poor")
    cards = [card for card in opened.find_elements("css selector", "#mistakes li") if card.is_displayed()]
    assert 1 <= len(cards) <= 8
    sounds = [card.find_element("tag name", "audio") for card in cards]
    wait_for(
        opened, "return [...document.querySelectorAll('audio[src]')].every(a => a.duration > 0.4 && a.duration < 0.7)"
    )
    sounds[0].send_keys(Keys.SPACE)
    wait_for(opened, "return [...document.querySelectorAll('audio')].some(a => a.currentTime > 0)")
    assert opened.execute_script("return [...document.querySelectorAll('img[src]')].every(i => i.naturalWidth > 0)")
    assert re.search(r"is class0\d \(\d+ %\), taken for class0\d \(\d+ %\)", cards[0].text)


def test_a_clip_on_the_map_is_named_and_heard(opened: Chrome) -> None:
    from selenium.webdriver.common.keys import Keys

    choose(opened, "map-model", "poor")
    marks = opened.find_elements("css selector", ".map path")
    assert len(marks) == 16
    assert len(opened.find_elements("css selector", "#map-legend span")) == 4
    marks[3].send_keys(Keys.ENTER)
    said = opened.find_element("id", "map-said").text
    said = re.sub("[\u2068\u2069]", "", said)  # marks around names
    assert re.fullmatch(r"class\d\d-1-\d: class\d\d, (predicted correctly|taken for class\d\d)", said)
    wait_for(opened, "return document.getElementById('map-sound').currentTime > 0")
    choose(opened, "map-label", "class01")
    assert opened.execute_script("return document.querySelectorAll('.map svg.one path.same').length") == 4


def test_one_group_of_test_clips_has_scores_without_intervals(tmp_path: Path) -> None:
    """Nothing can be said of other groups: a dash stands for the interval, and the answer says why."""
    folder = write_report(Study(tmp_path, {"only": 2.0}, speakers=True, takes=1, folds=1).write())
    assert re.search(r"\| 1 \| only \| [0-9.]+ ± [0-9.]+ \| – \|", (folder / "leaderboard.md").read_text())
    assert "no interval, since the test clips are one group" in (folder / "report.html").read_text()


LONG = "pretrained-on-audioset-and-fine-tuned"
STUDIES: dict[str, dict[str, Any]] = {
    "default": {"models": {"cnn": 1.6, "resnet10": 1.2}, "datasets": ("synthetic", "synthetic-augmented"), "folds": 2},
    "long": {
        "models": {f"model{number}-{LONG}": number / 3 for number in range(6)},
        "datasets": ("emotions-of-professional-actors-merged", "esc50-categories-with-noise-and-pitch"),
        "seeds": (1, 2, 3),
        "folds": 2,
    },
}
SCREENS = {
    "wide": (1400, "", "light"),
    "phone": (420, "", "light"),
    "dark": (1400, "", "dark"),
    "print": (800, "print", "light"),
}


@pytest.fixture(scope="module", params=STUDIES)
def finished(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a study with figures: one like the default, and one of 2 data sets, 6 models and 3 seeds."""

    def make(folder: Path) -> None:
        folder.mkdir()
        write_report(Study(folder, audio=True, **STUDIES[request.param]).write(), figures=True)

    return made_once(tmp_path_factory, f"page-{request.param}", make) / "summary" / "report.html"


@pytest.mark.slow
def test_the_page_unpacks_every_figure(browser: Chrome, finished: Path) -> None:
    open_page(browser, finished)
    shown = "[...document.querySelectorAll('img[data-svg]')]"
    assert browser.execute_script(f"return {shown}.length") > 10
    browser.execute_script("document.querySelectorAll('details').forEach(part => part.open = true)")
    wait_for(browser, f"return {shown}.every(image => image.complete && image.naturalWidth > 0)")
    samples = "[...document.querySelectorAll('#mistakes img[data-svg]')].map(image => decodeURIComponent(image.src))"
    assert browser.execute_script(f"return {samples}.every(svg => svg.includes('data:image/png;base64,'))")
    browser.switch_to.default_content()


@pytest.mark.slow
@pytest.mark.parametrize("screen", SCREENS)
def test_page_fits_every_screen(browser: Chrome, finished: Path, screen: str) -> None:
    """No part reaches beyond the window; the screenshot lies beside the page, to look at."""
    width, media, scheme = SCREENS[screen]
    browser.switch_to.default_content()
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    try:
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})
        browser.get(finished.as_uri())
        wait_for(browser, "return [...document.querySelectorAll('img[data-svg]')].every(image => image.src)")
        wait_for(browser, "return [...document.querySelectorAll('img[src]')].every(image => image.complete)")
        inner, outer, height = browser.execute_script(
            "const e = document.documentElement; return [e.scrollWidth, e.clientWidth, e.scrollHeight];"
        )
        clip = {"x": 0, "y": 0, "width": width, "height": min(height, 16000), "scale": 1}
        shot = browser.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "clip": clip})
        background = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})
    (finished.parent / f"{screen}.png").write_bytes(base64.b64decode(shot["data"]))
    assert inner <= outer
    assert (background == "rgb(255, 255, 255)") == (scheme == "light")
    assert [entry for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []
    assert finished.stat().st_size < 8e6


def test_columns_that_say_nothing_are_left_out(tmp_path: Path) -> None:
    study = Study(tmp_path).write()
    write_report(study, pages=False)
    names = [column.name for column in shown_columns(boards(study.results()), "accuracy")]
    assert "train_gpu_seconds" not in names  # zero everywhere
    assert not {"accuracy", "top3"} & set(names)  # the ranking has the first, and there are four classes
    assert {"train_seconds", "predict_milliseconds", "model_megabytes", "uar", "device"} <= set(names)


def test_calibration_has_one_value_on_the_page_and_in_the_figure(tmp_path: Path) -> None:
    study = Study(tmp_path, {"only": 2.0}, audio=True).write()
    write_report(study, pages=False)
    shown = percent(boards(study.results())["one"]["calibration_error"].iloc[0])
    plot_calibration(study.files("metrics.json"), ["only"], str(tmp_path / "figure.svg"))
    assert f"calibration error {shown} points" in (tmp_path / "figure.svg").read_text()
    folds = [fold["calibration_error"] for run in map(read_json, study.files("metrics.json")) for fold in run["folds"]]
    assert shown != percent(sum(folds) / len(folds))  # which is larger, as fewer clips are in a bin


def test_classes_that_no_clip_tests_are_not_scored(tmp_path: Path) -> None:
    study = Study(tmp_path, datasets=("one", "two"), untested=2).write()
    to = write_report(study, pages=False)
    classes = pd.read_csv(to / "classes.csv", dtype={"label": str}, keep_default_na=False)
    assert class_data(classes)["one"]["labels"] == ["class00", "class01"]
    # With two of four classes tested, a mean recall over all four would be below one half.
    board = pd.read_csv(to / "leaderboard.csv").set_index(["dataset", "model"])
    assert board.loc[("one", "good"), "mean"] > 0.8
    uar = pd.read_csv(to / "scores.csv").groupby("model")["uar"].mean()
    assert uar["good"] > 0.8


def test_numbers_are_written_for_people() -> None:
    assert [quantity(value) for value in (98940, 10.327, 0.1234, None, float("nan"))] == [
        "98,900",
        "10.3",
        "0.123",
        "–",
        "–",
    ]
    assert (percent(0.8546), percent(None)) == ("85.5", "–")
