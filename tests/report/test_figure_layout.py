"""Figures of small and large studies: letters that can be read, panels that can be compared, nothing empty."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.textpath import TextPath

from helpers.simulated import Study, write_report
from helpers.svg import styled
from soundbench.data.audio import write_audio
from soundbench.report import drawing
from soundbench.report.drawing import PANELS_PER_ROW, shortened
from soundbench.report.figures import clips as clipplots
from soundbench.report.figures.draw import draw_figure
from soundbench.report.figures.registry import FIGURES
from soundbench.report.figures.samples import CORRECT, WRONG
from soundbench.report.figures.scores import plot_costs
from soundbench.report.media import highest_frequency, spectrogram_shades
from soundbench.report.pages.explore import choose_clips, class_spectra, decode
from soundbench.report.style import contrast, text_colour
from soundbench.tasks.single_label import SingleLabel

PAGE = 1000  # px
READABLE = 9  # px


class LongNames(Study):
    """A study whose labels are long, and differ in their middle or end only."""

    @property
    def labels(self) -> list[str]:
        return [f"natural_soundscapes_and_water_{number:02d}" for number in range(self.classes)]


@dataclass
class Letters:
    """A text of a figure: its size, and the box around it (left, top, right, bottom), in units of the figure."""

    text: str
    size: float
    box: tuple[float, float, float, float]


def letters(svg: str) -> list[Letters]:
    """The texts of a figure that are horizontal or vertical."""
    found = []
    for style, rest, text in re.findall(r'<text style="([^"]*)"([^>]*)>([^<]*)</text>', styled(svg)):
        size = float(re.search(r"([\d.]+)px", style)[1])
        width = TextPath((0, 0), unescape(text), size=size).get_extents().width if text.strip() else 0
        x, y = map(float, re.search(r'(?:translate\(|x=")([-\d.]+)(?: |" y=")([-\d.]+)', rest).groups())
        left = {"middle": x - width / 2, "end": x - width}.get(re.search(r"text-anchor: (\w+)|$", style)[1] or "", x)
        box = (left, y - 0.7 * size, left + width, y)
        if re.search(r"rotate\(-90", rest):  # upwards from its anchor
            box = (x - 0.7 * size, y - (left + width - x), x, y - (left - x))
        found.append(Letters(unescape(text), size, box))
    return found


def overlapping(texts: list[Letters]) -> list[tuple[str, str]]:
    pairs = [(a, b) for number, a in enumerate(texts) for b in texts[:number]]
    return [
        (a.text, b.text)
        for a, b in pairs
        if min(a.box[2], b.box[2]) - max(a.box[0], b.box[0]) > 0.5
        and min(a.box[3], b.box[3]) - max(a.box[1], b.box[1]) > 0.5
    ]


@contextmanager
def kept() -> Iterator[list[Figure]]:
    """The figures that are drawn in the block, not closed."""
    figures: list[Figure] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drawing.plt, "close", figures.append)
        yield figures


def finished(study: Study) -> Study:
    study.write()
    write_report(study, pages=False)
    return study


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """One model, trained once for two epochs."""
    study = finished(Study(tmp_path_factory.mktemp("small"), {"cnn": 2.0}, seeds=(1,), takes=1, audio=True))
    for path in study.root.rglob("history.csv"):
        pd.read_csv(path).head(2).to_csv(path, index=False)
    return study


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Two data sets, six models, three seeds, and long names."""
    models = {f"audio-spectrogram-transformer-pretrained-{number}": 1.0 + number / 4 for number in range(6)}
    datasets = tuple(f"recordings-of-the-forest-literature{end}" for end in ("", "-augmented"))
    return finished(LongNames(tmp_path_factory.mktemp("large"), models, (1, 2, 3), datasets, 12, takes=2, audio=True))


@pytest.fixture(scope="module")
def fifty(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Fifty classes."""
    return LongNames(tmp_path_factory.mktemp("fifty"), {"cnn": 2.0}, seeds=(1,), classes=50, takes=2).write()


def draw(study: Study, name: str, path: Path) -> str:
    """Draw a figure of the first data set and the first model, or of the clips, and return its SVG."""
    if name in FIGURES:
        of = {"dataset": study.datasets[0], "model": next(iter(study.models))}
        draw_figure(FIGURES[name], study.results(), path, **{key: of[key] for key in FIGURES[name].each})
        return path.read_text()
    clips = pd.read_csv(study.root / "clips.csv")
    sounds = [decode(clip) for clip in choose_clips(clips, 3).itertuples()] if study.audio else []
    figures: dict[str, Callable[[], None]] = {
        "labels": lambda: clipplots.plot_labels(clips, str(path)),
        "waveforms": lambda: clipplots.plot_waveforms(sounds, str(path)),
        "spectrograms": lambda: clipplots.plot_spectrograms(sounds, str(path)),
        "spectra": lambda: clipplots.plot_spectra(class_spectra(choose_clips(clips, 2)), str(path)),
    }
    figures[name]()
    return path.read_text()


Drawn = Callable[[str, str], tuple[str, Figure]]


@pytest.fixture(scope="module")
def drawn(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drawn]:
    """A function that draws a figure of a study, once: its SVG and its canvas."""
    found: dict[tuple[str, str], tuple[str, Figure]] = {}

    def once(of: str, name: str) -> tuple[str, Figure]:
        if (of, name) not in found:
            with kept() as figures:
                svg = draw(request.getfixturevalue(of), name, tmp_path_factory.mktemp("figure") / "figure.svg")
            found[of, name] = svg, figures[0]
        return found[of, name]

    yield once
    plt.close("all")


# Without the figures of studies with `robustness`, `ablation` or several limits of training clips, and of other tasks.
OTHER = ("robustness", "ablation", "training_size")
ALL = tuple(name for name in FIGURES if name not in OTHER and SingleLabel.has(name))
OF_CLIPS = ("labels", "waveforms", "spectrograms", "spectra")
DRAWN = [
    *(("small", name) for name in ("scores", "costs", "confusion", "training")),
    *(("large", name) for name in (*ALL, *OF_CLIPS)),
    *(("fifty", name) for name in ("confusion", "labels")),
]


@pytest.mark.slow
@pytest.mark.parametrize(("of", "name"), DRAWN)
def test_figure_is_readable_at_1000_px_and_nothing_in_it_is_empty_or_overlaps(of: str, name: str, drawn: Drawn) -> None:
    svg, canvas = drawn(of, name)
    texts = letters(svg)
    width = float(re.search(r'viewBox="0 0 ([\d.]+)', svg)[1])
    assert len(texts) > 5
    assert min(each.size for each in texts) * min(PAGE / width, 4 / 3) >= READABLE
    assert overlapping(texts) == []
    for axis in canvas.axes:
        assert axis.has_data() or axis.get_label() == "<colorbar>"
        assert axis.get_subplotspec() is None or axis.get_subplotspec().get_gridspec().ncols <= PANELS_PER_ROW


@pytest.mark.slow
def test_compared_panels_share_their_scales(drawn: Drawn) -> None:
    assert len({axis.get_xlim() for axis in drawn("large", "scores")[1].axes}) == 1
    assert len({axis.get_ylim() for axis in drawn("large", "costs")[1].axes}) == 1
    panels = drawn("large", "training")[1].axes
    loss, accuracy = panels[::2], panels[1::2]
    assert len(loss) == len(accuracy) == 6
    assert {axis.get_ylabel() for axis in accuracy} == {"accuracy (%)"}
    assert len({axis.get_ylim() for axis in loss}) == len({axis.get_ylim() for axis in accuracy}) == 1


def test_few_epochs_have_markers_over_whole_numbers(drawn: Drawn) -> None:
    for axis in drawn("small", "training")[1].axes:
        low, high = axis.get_xlim()
        assert [tick for tick in axis.get_xticks() if low <= tick <= high] == [1, 2]
        assert {line.get_marker() for line in axis.get_lines()} == {"o"}
        assert [text.get_text() for text in axis.get_legend().get_texts()] == ["training", "validation"]


@pytest.mark.slow
def test_numbers_stand_out_in_coloured_cells(drawn: Drawn) -> None:
    panels = [axis for axis in drawn("large", "confusion")[1].axes if axis.get_images()]
    assert len(panels) == 6
    for axis in panels:
        (image,) = axis.get_images()
        assert len(axis.texts) > 12
        for text in axis.texts:
            column, row = (round(part) for part in text.get_position())
            assert contrast(image.to_rgba(image.get_array()[row, column]), to_rgb(text.get_color())) >= 4.5


def test_text_has_contrast_on_any_colour_and_verdicts_on_white() -> None:
    assert contrast((0, 0, 0), (1, 1, 1)) == pytest.approx(21)
    # Web colours and their contrast with white, from the examples of the WCAG.
    assert contrast(to_rgb("#767676"), (1, 1, 1)) == pytest.approx(4.54, abs=0.01)
    for colour in np.random.default_rng(0).random((300, 3)):
        assert contrast(colour, to_rgb(text_colour(colour))) >= 4.5
    assert min(contrast(to_rgb(colour), (1, 1, 1)) for colour in (CORRECT, WRONG)) >= 4.5


@pytest.mark.slow
def test_spectrograms_name_their_units_and_end_where_the_file_does(drawn: Drawn, tmp_path: Path) -> None:
    panels = drawn("large", "samples")[1].axes
    for axis in panels:
        assert axis.get_xlabel() == "time (s)"
        assert 10 ** axis.get_ylim()[1] == pytest.approx(8000)  # the files have 16 kHz
    assert panels[0].get_ylabel() == "frequency (Hz)"
    write_audio(tmp_path / "low.wav", np.random.default_rng(0).normal(0, 0.1, 8000), 8000)
    assert highest_frequency(tmp_path / "low.wav") == 4000
    noise = np.random.default_rng(0).normal(size=44100)
    assert spectrogram_shades(noise, 20, 4000.0)[0].mean() > 0.5  # the top row is not the empty one above the file


def test_rows_of_files_of_different_rates_span_the_same_frequencies(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name, rate in (("high", 16000), ("low", 8000)):
        write_audio(tmp_path / f"{name}.wav", rng.normal(0, 0.1, rate), rate)
    rows = [(name, name, name, str(tmp_path / f"{name}.wav")) for name in ("high", "low")]
    clips = pd.DataFrame(rows, columns=["clip", "label", "group", "path"])
    sounds = [decode(clip) for clip in choose_clips(clips, 1).itertuples()]
    with kept() as figures:
        clipplots.plot_spectrograms(sounds, str(tmp_path / "figure.svg"))
    axis = figures[0].axes[0]
    levels = np.ma.filled(axis.get_images()[0].get_array().astype(float), np.nan)
    high, low = np.split(~np.isnan(levels[:, 0]), 2)
    assert high.mean() == pytest.approx(48 / 54)  # the rest is the gap between rows
    assert low.sum() / high.sum() == pytest.approx(clipplots.mel(4000) / clipplots.mel(8000), abs=0.02)
    assert not low[: len(low) // 4].any()
    assert "8 kHz" in axis.get_ylabel()


def test_a_long_name_keeps_its_ends() -> None:
    assert shortened("cnn") == "cnn"
    names = [f"audio-spectrogram-transformer-pretrained-{number}" for number in range(6)]
    assert max(len(shortened(name)) for name in names) <= drawing.LETTERS
    assert len({shortened(name) for name in names}) == 6


def test_ranks_of_one_complete_data_set_are_not_drawn(tmp_path: Path) -> None:
    gone = frozenset({("two", "poor", seed) for seed in (1, 2)})
    study = finished(Study(tmp_path, datasets=("one", "two"), missing=gone))
    draw_figure(FIGURES["ranks"], study.results(), tmp_path / "ranks.svg")
    assert not (tmp_path / "ranks.svg").exists()


@pytest.mark.parametrize("models", [3, 45])
def test_costs_of_many_like_models_are_readable(models: int, tmp_path: Path) -> None:
    names = [f"model-{number:02d}" for number in range(models)]
    board = pd.DataFrame({"dataset": "one", "model": names, "protocol": "nested"})
    costs = {"train_seconds": np.linspace(10, 11, models), "predict_milliseconds": np.linspace(0.3, 0.388, models)}
    scores = {"mean": 0.5, "interval_low": 0.4, "interval_high": 0.6}
    board.assign(**scores).to_csv(tmp_path / "board.csv", index=False)
    board.assign(**costs, parameters=1000).to_csv(tmp_path / "costs.csv", index=False)
    files = [str(tmp_path / name) for name in ("board.csv", "costs.csv", "figure.svg")]
    with kept() as figures:
        plot_costs(*files[:2], "one", names, "accuracy", files[2])
    (canvas,) = figures
    assert overlapping(letters(Path(files[2]).read_text())) == []
    for axis in canvas.axes:
        assert axis.get_window_extent().height / canvas.dpi > 2  # inches
        low, high = axis.get_xlim()
        assert 1 <= sum(low <= tick <= high for tick in axis.get_xticks()) <= 4
