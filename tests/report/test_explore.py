"""Figures of the clips, and the page that plays them."""

from __future__ import annotations

from html import escape
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from soundbench.core.storage import write_csv
from soundbench.report.figures.clip_registry import CLIP_FIGURES
from soundbench.report.pages.explore import PLAYED, Sound, choose_clips, excerpt, explore_dataset, loudest_part

RATE = 16000  # Hz
FIGURES = [f"figures/{name}.svg" for name in CLIP_FIGURES]
OUTPUTS = ["listen.html", *FIGURES]


def sound(samples: np.ndarray) -> Sound:
    return Sound("clip", "label", "group", 0, samples.astype(np.float32), RATE)


def tone(frequency: float, seconds: float) -> np.ndarray:
    return np.sin(2 * np.pi * frequency * np.arange(round(seconds * RATE)) / RATE)


def explore(folder: Path, classes: int, seconds: float, clips: int = 4) -> pd.DataFrame:
    """Explore a collection of noisy tones: ``clips`` clips a class, two of each recording."""
    rows, noise = [], np.random.default_rng(0)
    for number in range(classes * clips):
        path = folder / f"{number}.wav"
        samples = tone(200 + 10 * number, seconds)
        soundfile.write(path, 0.3 * samples + 0.05 * noise.standard_normal(len(samples)), RATE)
        rows.append((path.stem, str(path), f"class {number // clips:02d} & <co>", f"g{number // 2}", 1, seconds, RATE))
    table = pd.DataFrame(rows, columns=["clip", "path", "label", "group", "fold", "seconds", "sample_rate"])
    write_csv(folder / "clips.csv", table)
    explore_dataset(
        folder / "clips.csv", "own", {}, listen=str(folder / "listen.html"), figures=str(folder / "figures")
    )
    return table


def test_chosen_clips_come_from_different_groups() -> None:
    clips = pd.DataFrame({"clip": list("abcdefg"), "label": ["x"] * 5 + ["y"] * 2, "group": list("1122344")})
    chosen = choose_clips(clips, 3)
    assert chosen.loc[chosen["label"] == "x", "group"].tolist() == ["1", "2", "3"]
    assert chosen.loc[chosen["label"] == "y", "clip"].tolist() == ["f", "g"]
    assert chosen["place"].tolist() == [0, 1, 2, 0, 1]


def test_tone_is_found_in_its_band() -> None:
    for frequency in (200.0, 1000.0, 4000.0):
        spectrum = sound(tone(frequency, 2)).third_octaves()
        assert spectrum.idxmax() == pytest.approx(frequency, rel=0.12)
        assert spectrum.max() == 0
        assert np.sort(spectrum)[-4] < -30
    # 1 kHz lies at 1,000 mel of 2,840: in band 16 of 48.
    assert sound(tone(1000, 2)).mel_levels.mean(axis=1).argmax() == 16


def test_the_loudest_part_is_played() -> None:
    quiet = np.zeros(RATE * 10)
    quiet[6 * RATE : 7 * RATE] = 0.1 * tone(440, 1)
    assert np.abs(loudest_part(quiet, 3 * RATE)).sum() == pytest.approx(np.abs(quiet).sum())
    heard = excerpt(sound(quiet), PLAYED)
    assert heard.seconds == PLAYED
    assert np.abs(heard.samples).max() == pytest.approx(0.9, rel=0.01)
    assert excerpt(sound(np.zeros(RATE)), PLAYED).seconds == 1  # silence stays silence


@pytest.mark.slow
def test_fifty_classes_fit_and_can_be_played(tmp_path: Path, browser: WebDriver) -> None:
    table = explore(tmp_path, classes=50, seconds=4.0)
    for name in OUTPUTS:
        size = (tmp_path / name).stat().st_size
        assert 5_000 < size < 5_000_000, name
    for name in FIGURES:
        text = (tmp_path / name).read_text()
        assert all(f">{escape(label)}</text>" in text for label in set(table["label"])), name

    browser.get((tmp_path / "listen.html").as_uri())
    # On a busy machine, the browser may return before it has read the whole page.
    WebDriverWait(browser, 30).until(lambda b: b.execute_script("return document.readyState") == "complete")
    players = browser.find_elements(By.TAG_NAME, "audio")
    assert len(players) == 50
    script = "return [...document.querySelectorAll('audio')].map(a => a.duration || 0)"
    durations = WebDriverWait(browser, 30).until(lambda b: (d := b.execute_script(script)) and min(d) > 0 and d)
    assert durations == pytest.approx([PLAYED] * 50, abs=0.1)
    # From the keyboard: the button plays the first clip, and again stops it.
    assert players[0].get_attribute("aria-label").startswith("class 00 & <co>, clip 0, 3.0 s")
    browser.find_element(By.ID, "all").send_keys(Keys.ENTER)
    playing = "return [...document.querySelectorAll('audio')].map(a => !a.paused)"
    assert browser.execute_script(playing) == [True] + [False] * 49
    WebDriverWait(browser, 10).until(
        lambda b: b.execute_script("return document.querySelector('audio').currentTime > 0")
    )
    browser.find_element(By.ID, "all").send_keys(Keys.ENTER)
    assert not any(browser.execute_script(playing))
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_lengths_may_differ_and_the_same_clips_give_the_same_bytes(tmp_path: Path) -> None:
    pages = []
    for run in ("one", "two"):
        (tmp_path / run).mkdir()
        explore(tmp_path / run, classes=2, seconds=0.3, clips=2)
        pages.append([(tmp_path / run / name).read_bytes() for name in OUTPUTS])
    assert pages[0] == pages[1]
