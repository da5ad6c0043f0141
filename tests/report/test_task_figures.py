"""Figures of tasks with several labels, and of numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from helpers.simulated import Study, write_report
from soundbench.core.storage import write_csv, write_json
from soundbench.report.figures.draw import draw_figure, study_figures
from soundbench.report.figures.labels import MOST, plot_label_scores, plot_occurrences
from soundbench.report.figures.registry import FIGURES
from soundbench.report.figures.values import plot_residuals, plot_values
from soundbench.tasks.multi_label import MultiLabel
from soundbench.tasks.rating import METRICS
from soundbench.tasks.regression import Regression

MODELS = ["cnn", "mlp"]


def write_tagging(folder: Path, labels: list[str], untested: int = 0) -> list[str]:
    """``metrics.json`` of two models, of which the second guesses; no clip has the first ``untested`` labels."""
    rng = np.random.default_rng(0)
    truth = rng.random((80, len(labels))) < 0.3
    truth[:, :untested] = False
    clips = [";".join(label for label, there in zip(labels, row, strict=True) if there) for row in truth]
    table = pd.DataFrame({"clip": [f"c{row}" for row in range(80)], "fold": 1, "label": clips})
    task = MultiLabel(labels)
    files = []
    for model, skill in zip(MODELS, (0.5, 0.0), strict=True):
        predicted = task.table(table, skill * truth + (1 - skill) * rng.random(truth.shape))
        record = {"model": model, "labels": labels, "folds": [{"clips": 80}], **task.details(predicted, table["clip"])}
        files.append(str(folder / f"{model}.json"))
        write_json(files[-1], record)
    return files


def test_each_label_has_a_row_with_its_score_and_the_worst_are_at_the_bottom(tmp_path: Path) -> None:
    labels = [f"sound-{number}" for number in range(6)]
    plot_label_scores(write_tagging(tmp_path, labels), MODELS, str(tmp_path / "figure.svg"))
    text = (tmp_path / "figure.svg").read_text()
    assert all(label in text for label in [*labels, *MODELS, "guessing", "average precision (%)"])
    many = [f"sound-{number:03d}" for number in range(MOST + 5)]
    plot_label_scores(write_tagging(tmp_path, many), MODELS, str(tmp_path / "many.svg"))
    assert sum(label in (tmp_path / "many.svg").read_text() for label in many) == MOST


def test_labels_that_no_test_clip_has_are_left_out(tmp_path: Path) -> None:
    labels = [f"sound-{number:03d}" for number in range(MOST + 5)]
    plot_label_scores(write_tagging(tmp_path, labels, untested=10), MODELS, str(tmp_path / "figure.svg"))
    text = (tmp_path / "figure.svg").read_text()
    assert [label in text for label in labels] == [False] * 10 + [True] * (MOST - 5)


def test_occurrences_have_a_panel_of_the_truth_and_one_of_each_model(tmp_path: Path) -> None:
    plot_occurrences(write_tagging(tmp_path, ["cat", "dog", "hen"]), MODELS, str(tmp_path / "figure.svg"))
    text = (tmp_path / "figure.svg").read_text()
    assert all(title in text for title in ["true labels", *MODELS, "of the clips with"])


def test_numbers_have_one_panel_per_model_and_target(tmp_path: Path) -> None:
    """Its title has the mean concordance of the seeds, and not that of their mean predictions, which is higher."""
    rng = np.random.default_rng(0)
    truth = pd.DataFrame(rng.normal(size=(40, 2)), columns=["true_arousal", "true_valence"])
    clips = pd.DataFrame({"clip": [f"c{row}" for row in range(40)], "fold": 1}).join(truth)
    task = Regression(["arousal", "valence"])
    files: dict[str, list[str]] = {"predictions": [], "metrics": []}
    found: dict[str, list[float]] = {model: [] for model in MODELS}
    for model, noise in zip(MODELS, (0.1, 2.0), strict=True):
        for seed in (1, 2):
            table = task.table(clips, truth.to_numpy() + noise * rng.normal(size=(40, 2)))
            details = task.details(table, pd.Series("s", index=clips["clip"]))
            found[model].append(details["targets"][0]["ccc"])
            folder = tmp_path / model / f"seed{seed}"
            files["predictions"].append(str(folder / "predictions.csv"))
            files["metrics"].append(str(folder / "metrics.json"))
            write_csv(files["predictions"][-1], table)
            write_json(files["metrics"][-1], {"model": model, **details})
    path = tmp_path / "figure.svg"
    plot_values(**files, models=MODELS, path=str(path))
    text = path.read_text()
    assert all(f"concordance {METRICS['ccc'].format(np.mean(scores))}" in text for scores in found.values())
    assert text.count("predicted arousal") >= 2
    plot_residuals(files["predictions"], MODELS, str(path))
    text = path.read_text()
    assert text.count("predicted − true") >= 2
    assert all(model in text for model in MODELS) and "concordance" not in text


def test_figures_of_several_data_sets_leave_out_those_of_other_tasks(tmp_path: Path) -> None:
    study = Study(tmp_path, seeds=(1,), datasets=("one", "two", "numbers")).write()
    write_report(study, pages=False)
    results = study.results()
    mixed = replace(results, tasks=results.tasks | {"numbers": Regression})
    assert ["steps", "", "good"] in [[name, *of] for name, _, *of in study_figures(mixed)]
    draw_figure(FIGURES["steps"], mixed.with_item("steps"), tmp_path / "figure.svg", model="good")
    text = (tmp_path / "figure.svg").read_text()
    assert "one" in text and "two" in text and "numbers" not in text
    single = replace(results, tasks=results.tasks | {"numbers": Regression, "two": Regression})
    assert "steps" not in {name for name, *_ in study_figures(single)}
