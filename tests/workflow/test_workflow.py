"""The real workflow on a tiny study."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pandas as pd
import pytest

from helpers.workflow import TINY, Workflow
from soundbench.evaluation.leaderboard import LEADERBOARD_COLUMNS, score_columns

TINY_ARGUMENTS = ("--cores", "2", "--configfile", "tiny.yaml")


def digests(folder: Path, *patterns: str) -> dict[str, str]:
    files = (file for pattern in patterns for file in folder.glob(pattern))
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_default_benchmark_agrees_with_the_readme(workflow: Workflow) -> None:
    planned = workflow.planned()
    assert planned["augment_clips"] == 2  # the copies, and the untouched clips that the page of variants shows
    assert planned["train_folds_5"] == 2 * 2 * 2  # with copies and without, cnn and resnet10, two seeds
    assert planned["evaluate_model"] == 2 * 2 * 2
    assert planned["aggregate_comparisons"] == planned["show_variants"] == 1


def test_small_models_are_trained_on_data_sets_that_the_study_does_not_select(workflow: Workflow) -> None:
    overlay = workflow.overlay("own", benchmark={"datasets": ["synthetic"], "models": ["cnn"], "seeds": [1, 2]})
    files = ("results/runs/synthetic/cnn/seed1/metrics.json", "results/runs/synthetic-augmented/cnn/seed1/metrics.json")
    planned = workflow.planned("--configfile", overlay, "--", *files)
    assert (planned["train_folds_5"], planned["train_model_elsewhere"]) == (1, 5)


@pytest.mark.slow
def test_views_of_esc50_in_the_library_plan(workflow: Workflow, tmp_path: Path) -> None:
    views = ["esc10", "esc10-literature", "esc50", "esc50-literature"]
    overlay = workflow.overlay("own", sources={"esc50": {"root": str(tmp_path)}}, benchmark={"datasets": views})
    assert workflow.planned("--configfile", overlay)["train_folds_5"] == 4 * 2 * 2


@pytest.mark.slow
def test_slurm_profile_plans_from_the_root(workflow: Workflow) -> None:
    assert "train_model" in workflow.run("--profile", "slurm", "-n").stdout


@pytest.mark.slow
def test_tiny_study_reaches_the_leaderboard(tiny_study: Workflow) -> None:
    scores = pd.read_csv(tiny_study.results / "summary" / "scores.csv")
    assert list(scores.columns) == score_columns({"datasets": {"synthetic": {}}})
    assert len(scores) == 2 * 2 * 5
    board = pd.read_csv(tiny_study.results / "summary" / "leaderboard.csv")
    assert list(board.columns) == LEADERBOARD_COLUMNS
    assert set(board["model"]) == {"cnn", "resnet10t"}
    # Folds are of equal size here, so the out-of-fold accuracy is the mean over folds and seeds.
    means = scores.groupby("model")["accuracy"].mean()
    assert board.set_index("model")["mean"].to_dict() == pytest.approx(means.to_dict())


@pytest.mark.slow
def test_every_file_has_the_mode_that_the_umask_gives(tiny_study: Workflow, tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    usual = (tmp_path / "usual").stat().st_mode
    files = [path for path in tiny_study.results.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} >= {".safetensors", ".npy", ".csv", ".json", ".html", ".svg", ".tsv", ".log"}
    assert not [path for path in files if path.stat().st_mode != usual]


@pytest.mark.slow
def test_every_clip_is_predicted_once_and_by_a_model_that_never_saw_it(tiny_study: Workflow) -> None:
    clips = pd.read_csv(tiny_study.results / "clips" / "synthetic.csv").set_index("clip")
    for path in tiny_study.results.glob("runs/*/*/*/predictions.csv"):
        predictions = pd.read_csv(path)
        assert sorted(predictions["clip"]) == sorted(clips.index)
        assert list(predictions.columns[:4]) == ["clip", "fold", "label", "predicted"]
        assert predictions.iloc[:, 4:].sum(axis=1).to_numpy() == pytest.approx(1, abs=1e-4)
        assert (clips.loc[predictions["clip"], "fold"].to_numpy() == predictions["fold"]).all()


@pytest.mark.slow
def test_second_run_has_nothing_to_do(tiny_study: Workflow) -> None:
    assert tiny_study.planned("--configfile", "tiny.yaml") == {}


@pytest.mark.slow
def test_reordered_configuration_is_no_change(tiny_copy: Workflow) -> None:
    backwards = {key: TINY[key] for key in reversed(TINY)}
    backwards["models"] = {name: dict(reversed(recipe.items())) for name, recipe in TINY["models"].items()}
    tiny_copy.overlay("tiny", **backwards)
    planned = tiny_copy.planned("--configfile", "tiny.yaml")
    assert set(planned) <= {"all", "write_report"}  # its page shows the configuration as it was written


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "rerun", "kept"),
    [
        ("models/families/cnn.py", {"train_folds_5": 2, "evaluate_model": 2}, {"compute_features", "train_model"}),
        (
            "data/splits.py",
            {"split_clips": 2, "train_folds_5": 2, "train_model": 10},
            {"compute_features", "fetch_dataset"},
        ),
        ("report/drawing.py", {"draw_figures": 1}, {"train_model", "evaluate_model"}),
    ],
)
def test_edited_module_reruns_just_the_jobs_that_use_it(
    tiny_copy: Workflow, module: str, rerun: dict[str, int], kept: set[str]
) -> None:
    path = tiny_copy.folder / "scripts" / "soundbench" / module
    path.write_text(path.read_text() + "\n# a comment changes nothing\n")
    assert tiny_copy.planned("--configfile", "tiny.yaml") == {}
    path.write_text(path.read_text() + "\nEDITED = True\n")
    planned = tiny_copy.planned("--configfile", "tiny.yaml")
    assert rerun.items() <= planned.items()
    assert not kept & set(planned)


@pytest.mark.slow
def test_same_seed_gives_the_same_bytes(tiny_copy: Workflow) -> None:
    patterns = (
        "clips/*",
        "splits/*/*",
        "features/**/*.*",
        "runs/**/*.safetensors",
        "runs/**/*.csv",
        "summary/figures/**/[!c]*.svg",
        "summary/figures/**/confusion.svg",
        "summary/figures/**/calibration.svg",  # all but costs.svg, which shows measured time
    )
    # One of its seeds again, for the sake of time; the files of the other one stay as they are.
    one_seed = (*TINY_ARGUMENTS, tiny_copy.overlay("one", benchmark=TINY["benchmark"] | {"seeds": [1]}))
    tiny_copy.run(*one_seed)
    before = digests(tiny_copy.results, *patterns)
    # Clip table, splits, features, weights and histories, predictions, figures.
    assert len(before) == 1 + 2 + 2 + 2 * 20 + 4 + 8
    tiny_copy.run("results/runs/synthetic/cnn/seed1/predictions.csv", "--forceall", *one_seed, fresh=True)
    assert digests(tiny_copy.results, *patterns) == before
    tiny_copy.run(*one_seed, "--forcerun", "train_model", "draw_figures")
    assert digests(tiny_copy.results, *patterns) == before


@pytest.mark.slow
def test_one_job_for_all_folds_gives_the_bytes_of_one_job_each(tiny_copy: Workflow) -> None:
    trained = ("runs/synthetic/cnn/*/*/*.safetensors", "runs/synthetic/cnn/*/*/history.csv")
    before = digests(tiny_copy.results, *trained)
    assert len(before) == 2 * 2 * 5
    shutil.rmtree(tiny_copy.results / "runs" / "synthetic" / "cnn")
    done = tiny_copy.run("--cores", "1", "--configfile", "tiny.yaml", "--forcerun", "train_folds_5")
    assert " train_folds_5 " in done.stdout
    assert " train_model " not in done.stdout
    assert digests(tiny_copy.results, *trained) == before
    log = (tiny_copy.results / "logs" / "train_model" / "synthetic" / "cnn" / "seed1.log").read_text()
    assert [f"[synthetic/cnn/seed1/fold{fold}]" in log for fold in range(1, 6)] == [True] * 5
    for cores in ("1", "8"):  # whoever trained a model, it is not trained again
        assert tiny_copy.planned("--cores", cores, "--configfile", "tiny.yaml") == {}


@pytest.mark.slow
def test_interrupted_and_started_again_it_finishes(workflow: Workflow) -> None:
    benchmark = {"datasets": ["synthetic"], "models": ["cnn"], "seeds": [1]}
    workflow.overlay("tiny", **TINY | {"benchmark": benchmark})
    running = subprocess.Popen(
        workflow.command(*TINY_ARGUMENTS),
        cwd=workflow.folder,
        env=workflow.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while not list(workflow.results.glob("runs/**/model.safetensors")):
        assert time.monotonic() < deadline and running.poll() is None, "no model was trained"
        time.sleep(0.1)
    running.send_signal(signal.SIGINT)
    assert running.wait(timeout=60) != 0
    assert not (workflow.results / "summary" / "scores.csv").exists()
    workflow.run(*TINY_ARGUMENTS)
    assert len(pd.read_csv(workflow.results / "summary" / "scores.csv")) == 5


def test_bad_configuration_starts_nothing_and_names_everything(workflow: Workflow) -> None:
    (workflow.folder / "bad.yaml").write_text(
        "benchmark: {datasets: [synthetix], models: [cnn], seeds: []}\n"
        "models: {cnn: {widht: 3, training: {epochs: many}}}\n"
        "features: {mine: {front_end: logmel, hop_length: 2}, mine: {front_end: logmel}}\n"
    )
    done = workflow.run("--cores", "1", "--configfile", "bad.yaml", check=False)
    assert done.returncode != 0
    for part in (
        "'synthetic'?",
        "benchmark.seeds: is empty",
        "'width'?",
        "training.epochs",
        "duplicate key features.mine",
    ):
        assert part in done.stdout
    assert "Traceback" not in done.stdout
    assert not workflow.results.exists()


@pytest.mark.slow
def test_unreadable_and_missing_clips_are_all_named(workflow: Workflow, esc10_root: Path, tmp_path: Path) -> None:
    # The damaged folder belongs to this test alone: other processes of the test run read ``esc10_root`` meanwhile.
    root = tmp_path / "damaged"
    shutil.copytree(esc10_root / "ESC-50-master", root, copy_function=os.symlink)
    broken, missing = sorted((root / "audio").iterdir())[:2]
    broken.unlink()
    broken.write_text("no audio")
    missing.unlink()
    overlay = workflow.overlay("own", sources={"esc50": {"root": str(root)}}, benchmark={"datasets": ["esc10"]})
    done = workflow.run("results/clips/esc50.csv", "--cores", "1", "--configfile", overlay, check=False)
    assert done.returncode != 0
    assert f"{broken}: cannot be read as audio" in done.stdout
    assert f"{missing}: does not exist" in done.stdout
    assert not list(workflow.results.glob("clips/*"))
