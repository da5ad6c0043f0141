"""The registries of figures and sections: one entry is all that each needs."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from helpers.simulated import Study, write_report
from helpers.workflow import REPOSITORY
from soundbench.report import page, results
from soundbench.report.figures import clip_registry, draw
from soundbench.report.figures.registry import FIGURES, Figure, figure_path
from soundbench.report.pages.registry import ITEMS
from soundbench.report.sections.registry import SECTIONS, Section

MODELS = {"good": 3.0, "poor": 1.0}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    gone = frozenset({("two", "poor", 1), ("two", "poor", 2)})
    made = Study(tmp_path_factory.mktemp("study"), MODELS, datasets=("one", "two"), missing=gone, audio=True).write()
    write_report(made, pages=False)
    return made


@pytest.mark.slow
def test_a_study_has_the_figures_that_its_runs_can_fill(study: Study) -> None:
    found = {figure_path(name, *of) for name, _, *of in draw.study_figures(study.results())}
    per_dataset = {f"{name}/{figure}.svg" for name in ("one", "two") for figure in ("costs", "training", "confusion")}
    per_model = {"all/good/steps.svg", "one/good/samples.svg", "one/poor/samples.svg", "two/good/samples.svg"}
    assert {"scores.svg", "ranks.svg"} | per_dataset | per_model <= found
    assert "two/poor/samples.svg" not in found  # this model has no runs there
    assert not any("robustness" in path for path in found)  # the study has no such table


@pytest.mark.slow
def test_of_many_models_the_best_of_each_data_set_have_figures_and_panels_of_their_own(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "MOST_OF_PAIRS", 2)
    monkeypatch.setattr(results, "BEST_PAIRS", 2)
    draw.draw_figures(study.results(), tmp_path / "figures")
    found = {path.relative_to(tmp_path / "figures").as_posix() for path in (tmp_path / "figures").rglob("*.svg")}
    assert {name for name in found if name.endswith(("samples.svg", "steps.svg"))} == {
        *("one/good/samples.svg", "two/good/samples.svg", "all/good/steps.svg")
    }
    assert "poor" not in (tmp_path / "figures" / "one" / "confusion.svg").read_text()
    assert "poor" in (tmp_path / "figures" / "one" / "costs.svg").read_text()


def test_one_model_has_no_ranks_and_one_data_set_no_comparison_of_data_sets(tmp_path: Path) -> None:
    made = Study(tmp_path, {"only": 2.0}).write()
    write_report(made, pages=False)
    found = {name for name, *_ in draw.study_figures(made.results())}
    assert not {"ranks", "steps"} & found
    assert {"scores", "costs", "training"} <= found


def test_a_figure_is_one_function_and_one_entry(study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As CONTRIBUTING.md says: the names of the function's parameters say what it reads."""
    read = []

    def plot_toy(leaderboard: str, predictions: list[str], dataset: str, models: list[str], path: str) -> None:
        read.append((Path(leaderboard).name, len(predictions), dataset, models))
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text("<svg/>")

    monkeypatch.setattr("soundbench.report.figures.scores.plot_toy", plot_toy, raising=False)
    toy = Figure("scores.plot_toy", "a toy", "What it shows.", each=("dataset",))
    monkeypatch.setattr(draw, "FIGURES", {"toy": toy})
    monkeypatch.setitem(FIGURES, "toy", toy)
    draw.draw_figures(study.results(), tmp_path / "figures")
    assert read == [("leaderboard.csv", 4, "one", ["good", "poor"]), ("leaderboard.csv", 2, "two", ["good", "poor"])]
    assert sorted(path.relative_to(tmp_path / "figures").as_posix() for path in tmp_path.rglob("*.svg")) == [
        "one/toy.svg",
        "two/toy.svg",
    ]


def test_a_figure_of_clips_is_one_function_and_one_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As CONTRIBUTING.md says."""

    def plot_toy(sounds: list[str], path: str) -> None:
        Path(path).write_text(f"<svg>{len(sounds)}</svg>")

    monkeypatch.setattr("soundbench.report.figures.clips.plot_toy", plot_toy, raising=False)
    toy = Figure("clips.plot_toy", "a toy", "What it shows.")
    monkeypatch.setattr(clip_registry, "CLIP_FIGURES", {"toy": toy})
    clip_registry.draw_clip_figures({"clips": None, "sounds": ["a", "b"], "levels": None}, tmp_path / "figures")
    assert [path.name for path in (tmp_path / "figures").iterdir()] == ["toy.svg"]
    assert (tmp_path / "figures" / "toy.svg").read_text() == "<svg>2</svg>"


def test_a_figure_with_nothing_to_show_is_not_written(study: Study, tmp_path: Path) -> None:
    results = study.results()
    table = tmp_path / "robustness.csv"
    table.write_text("dataset,model,kind,level,accuracy,accuracy_low,accuracy_high\none,good,unchanged,,0.9,0.8,1.0\n")
    results.tables["robustness"] = str(table)
    draw.draw_figure(FIGURES["robustness"], results, tmp_path / "two.svg", "two")
    assert not (tmp_path / "two.svg").exists()


def test_names_that_look_like_numbers_or_gaps_stay_names(tmp_path: Path) -> None:
    made = Study(tmp_path, {"128": 3.0, "NA": 1.0}, datasets=("2024", "007")).write()
    write_report(made, pages=False)
    unchanged = "unchanged,,0.9,0.8,1.0\n"
    (tmp_path / "robustness.csv").write_text(
        "dataset,model,kind,level,accuracy,accuracy_low,accuracy_high\n"
        + "".join(f"007,{model},{change}" for model in made.models for change in (unchanged, "noise,20,0.8,0.7,0.9\n"))
    )
    found = replace(made.results(), steps=[("128", "NA")], curves=[["2024", "007"]])
    found.tables["robustness"] = str(tmp_path / "robustness.csv")
    for name in ("scores", "ranks", "views", "ablation", "training_size", "costs", "robustness"):
        draw.draw_figure(FIGURES[name], found, tmp_path / f"{name}.svg", "007")
        assert ">NA" in (tmp_path / f"{name}.svg").read_text(), name


def test_transfers_between_data_sets_with_numbers_as_names_keep_them(tmp_path: Path) -> None:
    (tmp_path / "transfer.csv").write_text("transfer,model,trained_on,tested_on,left_out\nno,NA,2024,007,0\n")
    row = results.read_summary(str(tmp_path / "transfer.csv")).iloc[0]
    assert list(row) == ["no", "NA", "2024", "007", 0]


def test_steps_of_an_ablation_have_a_figure_and_a_section(study: Study, tmp_path: Path) -> None:
    assert page.section_values("ablation", SECTIONS["ablation"], study.results()) == {}
    results = replace(study.results(), steps=[("good", "poor")])
    assert "ablation" in {name for name, *_ in draw.study_figures(results)}
    draw.draw_figure(FIGURES["ablation"], results, tmp_path / "ablation.svg")
    svg = (tmp_path / "ablation.svg").read_text()
    comparison = results.table("comparisons").set_index("dataset")["difference"]["one"]
    gain = results.metric_of("one").difference(-comparison)
    assert "poor" in svg and gain in svg
    content = page.section_values("ablation", SECTIONS["ablation"], results)["content"]
    assert f"<td>{gain}</td>" in content


def test_a_section_is_one_module_and_one_entry(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    """As CONTRIBUTING.md says."""
    toy = ModuleType("toy")
    toy.section = lambda results: f"<p>{len(results.models)} models</p>"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, f"{page.PACKAGE}.toy", toy)
    entry = Section("Toy", "What is it?", figures=("scores",))
    found = page.section_values("toy", entry, study.results())
    assert (found["title"], found["content"], found["figures"]) == ("Toy", "<p>2 models</p>", [])
    draw.draw_figure(FIGURES["scores"], study.results(), study.root / "summary" / "figures" / "scores.svg")
    (figure,) = page.section_values("toy", entry, study.results())["figures"]
    assert figure["caption"] == FIGURES["scores"].caption
    assert figure["files"][0]["svg"].startswith("<?xml")


def test_a_page_is_one_entry_that_one_rule_makes() -> None:
    """As CONTRIBUTING.md says: nothing else in the workflow names a page, and its rule has the caption."""
    rules = [rule for file in REPOSITORY.glob("rules/*.smk") for rule in re.split(r"\nrule ", file.read_text())]
    for name, entry in ITEMS.items():
        (rule,) = (rule for rule in rules if f'item("{name}")' in rule)
        captions = re.findall(r'caption=lambda w: ITEMS\["(\w+)"\]\.described\(w\)', rule)
        assert [ITEMS[each].caption for each in captions] == [entry.caption]
        wildcards = {"dataset": "own", "prediction": "new"}
        assert entry.described(wildcards).startswith(entry.caption[:10])
        assert "{" not in entry.described(wildcards)


def test_a_section_with_nothing_to_show_is_left_out(study: Study) -> None:
    assert page.section_values("costs", SECTIONS["costs"], study.results()) == {}  # no figure of costs was drawn
    assert page.section_values("transfer", SECTIONS["transfer"], study.results()) == {}


def test_every_figure_stands_in_one_section() -> None:
    shown = [name for section in SECTIONS.values() for name in section.figures]
    assert sorted(shown) == sorted(FIGURES)
