"""What tables, figures, pages and report cost once all runs are finished: CPU seconds, memory, size, time to show.

    python tests/benchmarks/time_report.py [--datasets 2] [--models 10] [--seeds 5] [--keep report.html]

The runs are simulated, and their clips are noise, which compresses worst. Everything except training and evaluation is
the real workflow, and each job is a new process, as for users. CPU seconds are what counts; on a busy machine the
elapsed time says little. The report of 100 runs should have at most 15 MB, and Chromium should show it within 3 s.
Needs chromium and chromedriver.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(HERE), str(HERE.parent / "scripts")]

from selenium.webdriver import Chrome, ChromeOptions, ChromeService

from helpers.simulated import Study
from helpers.workflow import Workflow
from soundbench.core.storage import write_csv
from soundbench.data.audio import write_audio

RATE = 22050  # Hz
OVERLAY = ("--configfile", "study.yaml")
SIMULATED = {"train_model", "evaluate_model"}


def prepare(workflow: Workflow, study: Study) -> None:
    """Write recordings and a selection, make clip tables and splits of them, and write the runs of the study."""
    rng = np.random.default_rng(0)
    clips = study.clips()
    folder = workflow.folder / "recordings"
    folder.mkdir()
    for clip in clips["clip"]:
        write_audio(folder / f"{clip}.wav", rng.uniform(-0.5, 0.5, 5 * RATE), RATE)
    write_csv(folder / "clips.csv", clips.assign(path=clips["clip"] + ".wav").drop(columns="clip"))
    view = {"source": "recordings", "split": {"scheme": "official", "protocol": "literature"}}
    recipe = {"family": "cnn", "features": "logmel64", "training": {"epochs": 3}}
    workflow.overlay(
        "study",
        benchmark={"datasets": list(study.datasets), "models": list(study.models), "seeds": list(study.seeds)},
        sources={"recordings": {"reader": "csv", "root": "recordings/clips.csv"}},
        datasets=dict.fromkeys(study.datasets, view),
        models=dict.fromkeys(study.models, recipe),
    )
    made = [f"results/splits/{name}/seed{seed}.csv" for name in study.datasets for seed in study.seeds]
    made += ["results/features/recordings/logmel64/orig.npy"]
    workflow.run(*made, "--cores", "2", *OVERLAY)
    study.write_runs()


@contextmanager
def measured(name: str) -> Iterator[None]:
    """Print what the processes started in this block used."""
    started = time.monotonic()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    yield
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    print(f"{name}: {cpu:.1f} s CPU, {time.monotonic() - started:.1f} s elapsed", flush=True)


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


def main() -> None:
    """Simulate the runs, make tables, figures, pages and the report of them, and print what that cost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--datasets", type=int, default=2)
    parser.add_argument("--models", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--keep", help="where to copy the report")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workflow = Workflow(Path(folder) / "workflow")
        models = {f"model{number}": 1 + number / 4 for number in range(arguments.models)}
        seeds = tuple(range(1, arguments.seeds + 1))
        datasets = tuple(f"set{number}" for number in range(arguments.datasets))
        study = Study(workflow.results, models, seeds, datasets, classes=10, takes=8, folds=5)
        prepare(workflow, study)
        with measured("planning"):
            planned = workflow.planned(*OVERLAY)
        assert planned and not SIMULATED & set(planned), planned
        with measured("planning, tables, figures and pages"):
            workflow.run("--cores", "2", *OVERLAY, fresh=True)
        with measured("report"):
            workflow.run(*OVERLAY, "--report", "report.html", fresh=True)
        print(f"most memory of a process: {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:.0f} MB")
        report = workflow.folder / "report.html"
        print(f"report: {report.stat().st_size / 1e6:.1f} MB, shown after {seconds_to_show(report):.2f} s")
        biggest = max(workflow.results.glob("summary/**/*.html"), key=lambda path: path.stat().st_size)
        print(f"biggest page: {biggest.relative_to(workflow.results)} {biggest.stat().st_size / 1e6:.2f} MB")
        if arguments.keep:
            shutil.copy(report, arguments.keep)


if __name__ == "__main__":
    main()
