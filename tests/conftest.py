"""Fixtures that several test files share."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from helpers import interrupted, preloaded
from helpers.interrupted import LongRun
from helpers.library import forget_schemas
from helpers.shared import made_once
from helpers.workflow import DATA, REPOSITORY, TINY, Workflow

if TYPE_CHECKING:
    from selenium.webdriver import Chrome


def pytest_configure() -> None:
    """Let SIGINT reach what the tests start: a shell that starts the tests in the background has it ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Quick tests first: what breaks, breaks early."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is not None)


@pytest.fixture(scope="session", autouse=True)
def preloaded_python(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The Python that runs Snakemake and its jobs in :meth:`Workflow.run`; only Linux forks a process with torch."""
    if sys.platform != "linux":
        return
    owner = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
    folder = made_once(tmp_path_factory, "preloaded", lambda folder: preloaded.start(folder, owner))
    preloaded.SERVERS.append(folder / "python")


@pytest.fixture
def fresh_schemas() -> Iterator[None]:
    """Schemas and configurations that hold what the test registers, for this test alone."""
    forget_schemas()
    yield
    forget_schemas()


@pytest.fixture
def workflow(tmp_path: Path) -> Workflow:
    """A fresh copy of the workflow."""
    return Workflow(tmp_path / "workflow")


@pytest.fixture(scope="session")
def tiny_study(tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """A workflow whose tiny study has run; tests read it and must not change it."""

    def make(folder: Path) -> None:
        study = Workflow(folder)
        study.overlay("tiny", **TINY)
        study.run("--cores", "2", "--configfile", "tiny.yaml")

    return Workflow.of(made_once(tmp_path_factory, "tiny", make))


@pytest.fixture
def tiny_copy(tiny_study: Workflow, tmp_path: Path) -> Workflow:
    """A copy of the finished tiny study, to change and run again."""
    return Workflow.of(Path(shutil.copytree(tiny_study.folder, tmp_path / "study", symlinks=True)))


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages of a virtual environment with the wheel of this checkout; with access to those of the tests."""

    def make(folder: Path) -> None:
        build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
        subprocess.run(build, cwd=REPOSITORY, check=True, capture_output=True)
        venv.create(folder / "venv", symlinks=True)
        (packages,) = folder.glob("venv/lib/python*/site-packages")
        (packages / "tests.pth").write_text(f"{Path(yaml.__file__).resolve().parents[1]}\n")
        pip = [sys.executable, "-m", "pip", "--python", folder / "venv" / "bin" / "python", "install", "--no-deps"]
        subprocess.run([*pip, *folder.glob("*.whl")], check=True, capture_output=True)

    return next(made_once(tmp_path_factory, "installed", make).glob("venv/lib/python*/site-packages"))


@pytest.fixture(scope="session")
def esc10_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ESC-10 in the layout of ESC-50, made from real recordings."""
    script = DATA / "make-esc50-layout"
    if not script.exists():
        pytest.skip(f"no real recordings: {script} is not there")

    def make(folder: Path) -> None:
        subprocess.run([sys.executable, script, folder], check=True, capture_output=True)

    return made_once(tmp_path_factory, "esc50", make)


@pytest.fixture(scope="session")
def esc10_quarter(esc10_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A quarter of ESC-10: two clips of each class and fold."""
    import pandas as pd

    whole = esc10_root / "ESC-50-master"

    def make(root: Path) -> None:
        clips = pd.read_csv(whole / "meta" / "esc50.csv").sort_values(["category", "fold", "filename"])[::4]
        for folder in ("audio", "meta"):
            (root / folder).mkdir(parents=True)
        clips.to_csv(root / "meta" / "esc50.csv", index=False)
        for name in clips["filename"]:
            (root / "audio" / name).symlink_to(whole / "audio" / name)

    return made_once(tmp_path_factory, "quarter", make)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """A headless Chromium that keeps its console and network logs; skips, saying so, where there is none."""
    from selenium.webdriver import Chrome, ChromeOptions, ChromeService

    programs = [shutil.which(name) for name in ("chromium", "chromedriver")]
    if not all(programs):
        pytest.skip("no browser: chromium and chromedriver are not installed")
    options = ChromeOptions()
    options.binary_location = programs[0]
    quiet = ("disable-background-networking", "disable-component-update", "disable-sync", "no-first-run")
    for flag in ("headless=new", "no-sandbox", "disable-gpu", "mute-audio", "window-size=1250,900", *quiet):
        options.add_argument(f"--{flag}")
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('browser')}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = Chrome(options, ChromeService(programs[1]))
    yield driver
    driver.quit()


@pytest.fixture(scope="session")
def prepared_study(tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """A workflow with all that its training runs need, and one of them trained without interruption."""

    def make(folder: Path) -> None:
        study = Workflow(folder)
        study.overlay("study", **interrupted.STUDY)
        study.run(interrupted.TARGET, "--cores", "2", "--configfile", "study.yaml")

    return Workflow.of(made_once(tmp_path_factory, "prepared", make))


@pytest.fixture(scope="session")
def uninterrupted(prepared_study: Workflow) -> bytes:
    """The weights of a run that nothing happened to."""
    return (prepared_study.folder / interrupted.TARGET).read_bytes()


@pytest.fixture
def long_run(prepared_study: Workflow, tmp_path: Path) -> Iterator[LongRun]:
    """A run to interrupt, and no process of it left behind."""
    run = LongRun(prepared_study, tmp_path / "study")
    yield run
    run.end()


@pytest.fixture
def made_up(tmp_path: Path) -> Path:
    """The folder of forty made-up clips: features, index, splits and measures."""
    from helpers.runs import write_made_up

    return write_made_up(tmp_path)
