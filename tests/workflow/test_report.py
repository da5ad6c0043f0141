"""The report that Snakemake makes of a real study, complete and with a gap."""

from __future__ import annotations

import base64
import html
import re
import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
import yaml

from helpers import script
from helpers.library import configuration
from helpers.untrained import write_sound
from helpers.workflow import REPOSITORY, TINY, Workflow
from soundbench.config.check import check_configuration, read_library
from soundbench.config.selection import difference, used_configuration
from soundbench.core.errors import InputError
from soundbench.core.storage import read_json

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

ARGUMENTS = ("--cores", "2", "--configfile", "tiny.yaml")


def embedded(report: str) -> list[str]:
    """The pages inside a report, as text."""
    found = re.findall(r"data:text/html;[^\"]*?base64,([A-Za-z0-9+/=]+)", report)
    return [base64.b64decode(content).decode() for content in found]


def library() -> dict[str, Any]:
    """The configuration as it comes with the workflow."""
    files = sorted((REPOSITORY / "config").glob("*.yaml"))
    return {key: value for file in files for key, value in yaml.safe_load(file.read_text()).items()}


def test_published_scores_stand_beside_data_sets_that_exist() -> None:
    config = check_configuration(library())
    assert config["references"]["esc50-ast"]["metric"] == "accuracy"
    assert config["report"] == {"missing": "fail", "ablation": None}
    config["references"]["esc50-ast"]["datasets"] = ["esc51"]
    with pytest.raises(InputError, match=r"references\.esc50-ast\.datasets: there is no 'esc51'; did you mean 'esc50'"):
        check_configuration(config)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"metric": "mae", "percent": 68}, "percent: the metric mae is no share; give score instead"),
        ({"metric": "ccc"}, "score: is missing"),
        ({"metric": "ccc", "score": 68}, "score: 68 is not between -1 and 1"),
        ({"score": 0.68}, "score: the metric accuracy is a share; give percent instead"),
        ({}, "percent: is missing"),
    ],
)
def test_published_scores_have_the_unit_of_their_metric(entry: dict[str, Any], expected: str) -> None:
    names = {"label": "a book", "kind": "record", "datasets": ["synthetic"], "source": "a book"}
    with pytest.raises(InputError) as refused:
        check_configuration(library() | {"references": {"mine": names | entry}})
    assert refused.value.problems == [f"references.mine.{expected}"]
    check_configuration(library() | {"references": {"mine": names | {"metric": "mae", "score": 3.2}}})


@pytest.mark.slow
def test_report_holds_every_page_opens_without_network_and_runs_no_text(tiny_copy: Workflow, browser: Chrome) -> None:
    """Snakemake embeds parameters, and thereby every text of the configuration."""
    sounds = tiny_copy.folder / script.SCRIPT
    sounds.mkdir(parents=True)
    write_sound(sounds / "sound.wav", 0.1)
    hostile = tiny_copy.overlay("hostile", **script.overlay(str(sounds)))
    tiny_copy.run("--configfile", "tiny.yaml", hostile, "--report", "report.html")
    path = tiny_copy.folder / "report.html"
    titles = {re.search(r"<h1>(.*?)</h1>", page)[1] for page in embedded(path.read_text())}
    assert {"Which classifier works best?", "Audit of synthetic"} <= titles
    assert path.read_text().count("window.owned") > 10
    browser.get("about:blank")
    browser.get_log("browser")
    browser.get(path.as_uri())
    text = browser.find_element("tag name", "body").text
    for category in ("1 Report", "2 Figures", "3 Recordings"):
        assert category in text
    # The verdict and the leaderboard are read without a click, from their first line on.
    first, table = (browser.find_element("css selector", f".document {tag}") for tag in ("p", "table"))
    assert first.text.startswith("Which audio classifier works best")
    assert first.location["y"] >= 0
    assert "cnn" in table.text and "resnet10t" in table.text
    assert re.search(r"(cnn|resnet10t) (is|has|scores)|No model is shown to be better than guessing", text)
    assert browser.execute_script("return window.owned") is None
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_provenance_holds_the_entries_that_are_used() -> None:
    embedding = {"front_end": "embedding", "model": {"pretrained": "results/runs/emodb/cnn-speech/seed1/fold1"}}
    config = configuration(
        benchmark={"datasets": ["synthetic-augmented"], "models": ["probe"]},
        sources={"emodb": {"root": str(REPOSITORY)}},
        features={"heard": embedding},
        models={"probe": {"family": "linear", "features": "heard", "training": {"epochs": 1}}},
    )
    used = used_configuration(config)
    parts = ("sources", "datasets", "augmentations", "features", "models", "references")
    assert {part: sorted(used[part]) for part in parts} == {
        "sources": ["emodb", "synthetic"],
        "datasets": ["emodb", "synthetic-augmented"],
        "augmentations": ["mixed"],
        "features": ["heard", "logmel64-speech"],
        "models": ["cnn-speech", "probe"],
        "references": ["emodb-listeners"],
    }
    assert used["benchmark"] == config["benchmark"]


@pytest.mark.slow
def test_provenance_holds_the_packages_that_were_imported(tiny_copy: Workflow) -> None:
    # What a job has imported is only known of an interpreter that has not imported packages for all jobs.
    trained = (f"results/runs/synthetic/cnn/seed1/fold{fold}/model.safetensors" for fold in range(1, 6))
    study = ("--cores", "2", "--configfile", "tiny.yaml", "--")
    tiny_copy.run("--force", *study, *trained, fresh=True)
    tiny_copy.run(*study, "all")
    runs = tiny_copy.results / "runs" / "synthetic"
    packages = {model: read_json(runs / model / "seed1" / "metrics.json")["packages"] for model in ("cnn", "resnet10t")}
    assert {"python", "torch", "numpy"} <= packages["cnn"].keys()
    assert "timm" in packages["resnet10t"]
    assert not {"timm", "transformers", "librosa"} & packages["cnn"].keys()
    page = (tiny_copy.results / "summary" / "report.html").read_text()
    assert ">timm</th>" in page
    assert ">transformers</th>" not in page
    assert ">soxr</th>" in page
    assert "densenet121" not in page
    for figure in ("scores", "learning curves: synthetic", "labels and lengths of synthetic"):
        assert f'alt="{figure}"' in page.lower()


def commands(page: Path) -> list[list[str]]:
    """The commands that a report gives to run its study once more."""
    block = re.search(r'<pre[^>]*id="commands">(.*?)</pre>', page.read_text(), flags=re.DOTALL)[1]
    return [shlex.split(html.unescape(line)) for line in block.splitlines()]


@pytest.mark.slow
def test_commands_on_the_page_run_this_study_and_find_nothing_to_do(tiny_copy: Workflow) -> None:
    page = tiny_copy.results / "summary" / "report.html"
    overlay = tiny_copy.results / "summary" / "study.yaml"
    assert yaml.safe_load(overlay.read_text()) == difference(TINY, read_library(REPOSITORY / "config"))
    program, *arguments = commands(page)[0]
    assert (program, arguments) == ("snakemake", ["--cores", "all", "--configfile", "results/summary/study.yaml"])
    assert tiny_copy.planned(*arguments) == {}
    assert tiny_copy.planned("--cores", "all")["evaluate_model"] > 0  # without that file it is another study
    # Another Snakefile, and settings on the command line: they are in the file too.
    (tiny_copy.folder / "Snakefile").rename(tiny_copy.folder / "own.smk")
    own = ("--snakefile", "own.smk", "--configfile", "tiny.yaml", "--config", "benchmark={metric: uar, seeds: [1, 2]}")
    tiny_copy.run("--cores", "1", *own)
    assert yaml.safe_load(overlay.read_text())["benchmark"]["metric"] == "uar"
    for command in commands(page):
        assert command[-4:] == ["--snakefile", "own.smk", "--configfile", "results/summary/study.yaml"]
    assert tiny_copy.planned(*commands(page)[0][1:]) == {}
    tiny_copy.run(*commands(page)[1][1:])


@pytest.mark.slow
def test_missing_run_fails_by_default_and_is_shown_on_request(tiny_copy: Workflow) -> None:
    run = tiny_copy.results / "runs" / "synthetic" / "resnet10t" / "seed2"
    for name in ("metrics.json", "predictions.csv", "fold3/model.safetensors"):
        (run / name).unlink()
    shutil.rmtree(tiny_copy.results / "summary")
    assert tiny_copy.planned("--configfile", "tiny.yaml")["train_model"] == 1
    tiny_copy.overlay("partial", report={"missing": "show"})
    show = ("--configfile", "tiny.yaml", "partial.yaml")
    assert not {"train_model", "evaluate_model"} & tiny_copy.planned(*show).keys()
    tiny_copy.run("--cores", "2", *show)
    scores = pd.read_csv(tiny_copy.results / "summary" / "scores.csv")
    assert len(scores) == 20
    assert scores[scores["accuracy"].isna()][["model", "seed"]].drop_duplicates().values.tolist() == [["resnet10t", 2]]
    page = (tiny_copy.results / "summary" / "report.html").read_text()
    assert "resnet10t on synthetic: seed 2 missing (1 of 2)" in page
    pairs = pd.read_csv(tiny_copy.results / "summary" / "comparisons.csv")
    assert pairs["seeds"].tolist() == [1]
