"""Figures: what they show, in one style, and the same bytes for the same numbers."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib import colormaps
from matplotlib.textpath import TextPath
from PIL import Image

from helpers.simulated import Study, write_report
from helpers.svg import styled
from soundbench.evaluation.explanations import Explanations
from soundbench.report import drawing
from soundbench.report.drawing import figure
from soundbench.report.figures import views
from soundbench.report.figures.confusion import plot_calibration, plot_confusion
from soundbench.report.figures.explanations import EDGE, plot_explanations
from soundbench.report.figures.samples import PANEL, draw_samples, plot_samples
from soundbench.report.figures.scores import plot_costs, plot_ranks, plot_scores
from soundbench.report.figures.training import plot_training
from soundbench.report.figures.views import outcome, plot_views
from soundbench.report.style import MARKERS, PALETTE, model_colours, model_markers
from soundbench.tasks.single_label import SingleLabel

MODELS = {"good": 3.0, "middling": 2.0, "poor": 1.0}
RANKED = dict.fromkeys(("one", "two", "three"), "accuracy")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    gone = frozenset({("two", "poor", 1), ("two", "poor", 2)})
    made = Study(tmp_path_factory.mktemp("plots"), MODELS, datasets=("one", "two", "three"), missing=gone).write()
    write_report(made, pages=False)
    return made


def draw(study: Study, name: str, path: Path, dataset: str = "one") -> str:
    """Draw a figure of a study and return its SVG."""
    to, models = study.root / "summary", list(MODELS)
    board, scores, costs = (str(to / f"{each}.csv") for each in ("leaderboard", "scores", "costs"))
    metrics = [file for file in study.files("metrics.json") if f"/{dataset}/" in file]
    histories = [str(path) for file in metrics for path in Path(file).parent.glob("fold*/history.csv")]
    figures: dict[str, Callable[[], None]] = {
        "scores": lambda: plot_scores(scores, board, models, RANKED, str(path)),
        "costs": lambda: plot_costs(board, costs, dataset, models, "accuracy", str(path)),
        "ranks": lambda: plot_ranks(board, models, {name: name for name in study.datasets}, RANKED, str(path)),
        "confusion": lambda: plot_confusion(metrics, "model", models, dict.fromkeys(RANKED, "uar"), str(path)),
        "calibration": lambda: plot_calibration(metrics, models, str(path)),
        "training": lambda: plot_training(histories, models, SingleLabel, str(path)),
    }
    figures[name]()
    return path.read_text()


def written(svg: str) -> str:
    """The text of a figure."""
    return "\n".join(re.findall(r"<text[^>]*>(.*?)</text>", svg))


def test_picture_of_few_colours_has_a_palette_and_the_same_pixels(tmp_path: Path) -> None:
    shades = np.random.default_rng(0).integers(0, 16, (40, 50)) / 15
    with figure(tmp_path / "figure.svg", 1, 3, 2, "noise") as (_, (axis,)):
        axis.imshow(shades, cmap="magma", interpolation="none")
    (content,) = re.findall(r'data:image/png;base64,([^"]+)"', (tmp_path / "figure.svg").read_text())
    picture = Image.open(io.BytesIO(base64.b64decode(content)))
    assert picture.mode == "P"
    expected = (255 * colormaps["magma"](shades)).round()
    assert np.abs(np.asarray(picture.convert("RGBA")) - expected).max() <= 1


@pytest.mark.slow
@pytest.mark.parametrize("name", ["scores", "costs", "ranks", "confusion", "calibration", "training"])
def test_figure_names_every_model_and_says_in_words_what_it_is(study: Study, name: str, tmp_path: Path) -> None:
    svg = draw(study, name, tmp_path / "figure.svg")
    for model in MODELS:
        assert model in written(svg)
    assert "<dc:title>" in svg
    again = draw(study, name, tmp_path / "again.svg")
    assert hashlib.sha256(svg.encode()).digest() == hashlib.sha256(again.encode()).digest()


@pytest.mark.parametrize("name", ["scores", "costs", "confusion", "training"])
def test_figure_is_the_same_if_everything_is_measured_again(
    study: Study, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    svg = draw(study, name, tmp_path / "figure.svg")
    monkeypatch.setattr(drawing, "_measured_once", nullcontext)
    assert draw(study, name, tmp_path / "again.svg") == svg


@pytest.mark.parametrize("name", ["costs", "confusion", "calibration", "training"])
def test_figure_of_a_data_set_leaves_out_a_model_without_runs(study: Study, name: str, tmp_path: Path) -> None:
    text = written(draw(study, name, tmp_path / "figure.svg", "two"))
    assert "good" in text
    assert "poor" not in text


def keep_first_epoch(study: Study, model: str) -> None:
    for file in study.root.rglob(f"{model}/*/*/history.csv"):
        pd.read_csv(file).head(1).to_csv(file, index=False)


def test_models_of_one_epoch_have_no_learning_curve(tmp_path: Path) -> None:
    study = Study(tmp_path / "study", MODELS, datasets=("one",)).write()
    keep_first_epoch(study, "good")
    text = written(draw(study, "training", tmp_path / "two.svg"))
    assert "good" not in text
    assert "middling" in text
    assert "poor" in text
    keep_first_epoch(study, "*")
    with pytest.raises(FileNotFoundError):  # nothing is drawn
        draw(study, "training", tmp_path / "none.svg")


def test_gaps_are_written_into_the_figure_of_scores(study: Study, tmp_path: Path) -> None:
    text = written(draw(study, "scores", tmp_path / "figure.svg"))
    assert "missing" in text
    assert "(0 of 2 seeds)" in text


def test_learning_curves_show_loss_and_accuracy(study: Study, tmp_path: Path) -> None:
    text = written(draw(study, "training", tmp_path / "figure.svg"))
    assert "loss (cross-entropy)" in text
    assert "accuracy (%)" in text


def test_no_bar_of_ranks_runs_through_a_name(study: Study, tmp_path: Path) -> None:
    svg = styled(draw(study, "ranks", tmp_path / "figure.svg"))
    # A name ends where it is anchored. A grey bar is the only line of its width.
    names = {name: float(x) for x, name in re.findall(r'anchor: end" x="([\d.]+)"[^>]*>(\w+) *[\d.]+</text>', svg)}
    bars = [float(x) for x in re.findall(r'<path d="M ([\d.]+) [^"]*"[^>]*stroke-width: 3[;"]', svg)]
    assert names.keys() == MODELS.keys()
    assert len(bars) == len(MODELS)
    assert max(names.values()) < min(bars)


def test_titles_of_samples_do_not_overlap(tmp_path: Path) -> None:
    made = Study(tmp_path, {"poor": 0.0}, takes=1, seeds=(1,), audio=True).write()
    long = {f"class0{number}": f"natural_soundscapes_and_water_{number}" for number in range(4)}
    for path in [*made.files("predictions.csv"), str(tmp_path / "clips.csv")]:
        table = pd.read_csv(path).rename(columns=long)
        table.replace({"label": long, "predicted": long}).to_csv(path, index=False)
    plot_samples(made.files("predictions.csv"), str(tmp_path / "clips.csv"), str(tmp_path / "figure.svg"))
    titles = re.findall(r"<text[^>]*>([^<]*(?:natural|correct)[^<]*)</text>", (tmp_path / "figure.svg").read_text())
    widths = [TextPath((0, 0), title, size=9).get_extents().width for title in titles]
    assert any("taken for" in title for title in titles)
    assert max(widths) < 72 * PANEL


def test_ranks_count_one_view_of_each_source(study: Study, tmp_path: Path) -> None:
    board = str(study.root / "summary" / "leaderboard.csv")
    plot_ranks(board, list(MODELS), {"one": "a", "two": "b", "three": "a"}, RANKED, str(tmp_path / "figure.svg"))
    assert not (tmp_path / "figure.svg").exists()
    plot_ranks(board, list(MODELS), {"one": "a", "two": "b", "three": "c"}, RANKED, str(tmp_path / "figure.svg"))
    assert "over 2 data sets" in written((tmp_path / "figure.svg").read_text())


def test_ranks_leave_out_incomplete_data_sets_and_say_so(study: Study, tmp_path: Path) -> None:
    assert "over 2 data sets" in written(draw(study, "ranks", tmp_path / "figure.svg"))


def test_matrix_of_views_has_a_win_and_its_loss(tmp_path: Path) -> None:
    rows = [("s", "good", "one", "two", "b", -0.042, 0.01, "uar"), ("s", "poor", "one", "two", "b", 0.01, 0.4, "uar")]
    columns = ["source", "model", "view_a", "view_b", "merged", "difference", "p_holm", "metric"]
    pd.DataFrame(rows, columns=columns).to_csv(tmp_path / "views.csv", index=False)
    plot_views(str(tmp_path / "views.csv"), "", list(MODELS), ["one", "two"], str(tmp_path / "figure.svg"))
    text = written((tmp_path / "figure.svg").read_text()).split("\n")
    assert [text.count(word) for word in ("win", "loss", "tie", "−4.2*", "+4.2*", "middling")] == [1, 1, 2, 1, 1, 0]
    assert outcome(0.1, float("nan")) == "unknown"
    pd.DataFrame(columns=columns).to_csv(tmp_path / "views.csv", index=False)
    plot_views(str(tmp_path / "views.csv"), "", list(MODELS), ["one", "two"], str(tmp_path / "none.svg"))
    assert not (tmp_path / "none.svg").exists()


def test_views_of_many_models_are_those_of_the_best(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [("s", model, "one", "two", "", 0.1, 0.01, "uar") for model in MODELS]
    columns = ["source", "model", "view_a", "view_b", "merged", "difference", "p_holm", "metric"]
    pd.DataFrame(rows, columns=columns).to_csv(tmp_path / "views.csv", index=False)
    board = [(name, model, rank) for name in ("one", "two") for model, rank in zip(MODELS, (3, 1, 2), strict=True)]
    pd.DataFrame(board, columns=["dataset", "model", "rank"]).to_csv(tmp_path / "board.csv", index=False)
    files = (str(tmp_path / "views.csv"), str(tmp_path / "board.csv"))
    monkeypatch.setattr(views, "MOST_CELLS", 8)  # two matrices of four cells
    plot_views(*files, list(MODELS), ["one", "two"], str(tmp_path / "figure.svg"))
    text = written((tmp_path / "figure.svg").read_text()).split("\n")
    assert [model in text for model in MODELS] == [False, True, True]


@pytest.mark.parametrize(("fall", "outlined"), [(0.3, True), (0.004, False)])
def test_only_regions_that_matter_are_outlined(fall: float, outlined: bool, tmp_path: Path) -> None:
    made = Study(tmp_path, {"good": 3.0}, seeds=(1,)).write()
    (file,) = made.files("explanations.npz")
    found = Explanations.read(file)
    drops = np.zeros_like(found.drops)
    drops[:, 2, 3] = fall
    drops[0, :, 4:] = np.nan  # a clip of four frames
    replace(found, drops=drops).write(file)
    plot_explanations([file], str(tmp_path / "clips.csv"), str(tmp_path / "figure.svg"))
    svg = (tmp_path / "figure.svg").read_text()
    assert (EDGE.lower() in svg) == outlined
    assert f"largest fall: {100 * fall:.0f} points" in written(svg)


def test_a_model_has_one_look_that_no_other_has() -> None:
    models = [f"m{number}" for number in range(20)]
    looks = [(model_colours(models)[model], model_markers(models)[model]) for model in models]
    assert len(set(looks)) == 20
    assert len(set(PALETTE)) == len(set(MARKERS)) == 8


def test_one_model_on_every_data_set_side_by_side(study: Study, tmp_path: Path) -> None:
    own = [file for file in study.files("metrics.json") if "/good/" in file]
    plot_confusion(own, "dataset", ["one", "two", "three"], dict.fromkeys(RANKED, "uar"), str(tmp_path / "figure.svg"))
    text = written((tmp_path / "figure.svg").read_text())
    assert all(name in text for name in ("one", "two", "three"))
    assert text.count("unweighted average recall") == 3


def test_samples_are_drawn_from_every_class_and_not_by_how_they_fared() -> None:
    clips = pd.DataFrame({"label": ["dog"] * 30 + ["cat"] * 3, "predicted": ["dog"] * 33}, index=[*map(str, range(33))])
    drawn = draw_samples(clips, 6)
    assert drawn["label"].value_counts().to_dict() == {"dog": 3, "cat": 3}
    fared_otherwise = draw_samples(clips.assign(predicted="cat"), 6)
    assert list(drawn.index) == list(fared_otherwise.index) == list(draw_samples(clips, 6).index)
