"""The report as a reader opens it: in a browser, without network."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from workflow import Workflow

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def report(tiny_study: Workflow) -> Path:
    tiny_study.run("--configfile", "tiny.yaml", "--report", "report.html")
    return tiny_study.folder / "report.html"


def console_errors(browser: WebDriver) -> list[str]:
    return [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]


def requested_hosts(browser: WebDriver) -> list[str]:
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    urls = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    return [url for url in urls if url.startswith("http")]


def test_report_shows_the_leaderboard_rows(report: Path, tiny_study: Workflow, browser: WebDriver) -> None:
    board = pd.read_csv(tiny_study.results / "summary" / "leaderboard.csv")
    wait = WebDriverWait(browser, 20)
    browser.get(report.as_uri())
    wait.until(lambda b: b.find_elements(By.XPATH, "//span[text()='1 Leaderboard']"))[0].click()
    wait.until(lambda b: b.find_elements(By.CSS_SELECTOR, "a[iconname=eye]"))[0].click()
    browser.switch_to.frame(wait.until(lambda b: b.find_elements(By.TAG_NAME, "iframe"))[0])
    rows = wait.until(lambda b: b.find_elements(By.CSS_SELECTOR, "table.sortable tbody tr"))
    assert [row.find_elements(By.TAG_NAME, "td")[1].text for row in rows] == board["model"].tolist()
    browser.switch_to.default_content()
    assert console_errors(browser) == []
    assert requested_hosts(browser) == []


def test_leaderboard_sorts_by_any_column(tiny_study: Workflow, browser: WebDriver) -> None:
    browser.get((tiny_study.results / "summary" / "leaderboard.html").as_uri())

    def column(number: int) -> list[str]:
        cells = browser.find_elements(By.CSS_SELECTOR, f"tbody tr td:nth-child({number})")
        return [cell.text for cell in cells]

    browser.find_element(By.XPATH, "//button[text()='model']").click()
    assert column(2) == sorted(column(2))
    browser.find_element(By.XPATH, "//button[text()='model']").click()
    assert column(2) == sorted(column(2), reverse=True)
    browser.find_element(By.XPATH, "//button[text()='rank']").click()
    assert column(1) == sorted(column(1), key=int)
    assert console_errors(browser) == []
