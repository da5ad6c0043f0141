"""How big the report of 100 runs is (at most 15 MB) and how soon Chromium shows it (at most 3 s).

The runs are simulated and their clips are 5 s of noise, which compresses worst; everything from the tables on is the
real workflow. Needs chromium and chromedriver.

python tests/benchmarks/time_report.py
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(HERE), str(HERE.parent / "scripts")]

from selenium.webdriver import Chrome, ChromeOptions, ChromeService

from helpers.simulated import Study
from helpers.workflow import Workflow
from soundbench.data.audio import write_audio


def prepare(workflow: Workflow) -> None:
    """Two data sets × ten models × five seeds, finished."""
    models = {f"model{number}": 1 + number / 4 for number in range(10)}
    study = Study(workflow.results, models, (1, 2, 3, 4, 5), ("one", "two"), classes=10, takes=8, folds=5).write()
    (workflow.results / "clips").mkdir()
    shutil.move(workflow.results / "clips.csv", workflow.results / "clips" / "synthetic.csv")
    # Older than the runs, or they would be done again.
    os.utime(workflow.results / "clips" / "synthetic.csv", (0, 0))
    rng = np.random.default_rng(0)
    for clip in study.clips()["clip"]:
        write_audio(workflow.results / f"{clip}.wav", rng.uniform(-0.5, 0.5, 5 * 22050), 22050)
    view = {"source": "synthetic", "split": {"scheme": "official", "protocol": "literature"}}
    recipe = {"family": "cnn", "features": "logmel64", "training": {"epochs": 3}}
    selection = {"datasets": list(study.datasets), "models": list(models), "seeds": list(study.seeds)}
    workflow.overlay(
        "study",
        benchmark=selection,
        report={"missing": "show"},
        datasets=dict.fromkeys(study.datasets, view),
        models=dict.fromkeys(models, recipe),
    )


def seconds_to_show(report: Path) -> float:
    """From asking for the report until its menu stands."""
    options = ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for flag in ("headless=new", "no-sandbox", "disable-gpu", "window-size=1400,900"):
        options.add_argument(f"--{flag}")
    browser = Chrome(options, ChromeService(shutil.which("chromedriver")))
    try:
        browser.get("about:blank")
        started = time.perf_counter()
        browser.get(report.as_uri())
        while "2 Figures" not in browser.find_element("tag name", "body").text:
            time.sleep(0.01)
        return time.perf_counter() - started
    finally:
        browser.quit()


with tempfile.TemporaryDirectory() as folder:
    workflow = Workflow(Path(folder) / "workflow")
    prepare(workflow)
    started = time.perf_counter()
    workflow.run("--cores", "2", "--configfile", "study.yaml")
    made = time.perf_counter()
    workflow.run("--configfile", "study.yaml", "--report", "report.html")
    report = workflow.folder / "report.html"
    print(f"tables, figures and pages {made - started:.0f} s; report {time.perf_counter() - made:.0f} s")
    print(f"{report.stat().st_size / 1e6:.1f} MB; shown after {seconds_to_show(report):.2f} s")
    biggest = max(workflow.results.glob("summary/**/*.html"), key=lambda path: path.stat().st_size)
    print(f"biggest page: {biggest.relative_to(workflow.results)} {biggest.stat().st_size / 1e6:.2f} MB")
    if len(sys.argv) > 1:
        shutil.copy(report, sys.argv[1])
