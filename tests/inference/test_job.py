"""Predictions of new recordings: the models, the tables, the command line and the workflow."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from helpers.library import configuration
from helpers.untrained import LABELS, TINY_INPUT, write_model, write_sound
from helpers.workflow import REPOSITORY, TINY, Workflow
from soundbench.core.errors import InputError
from soundbench.core.storage import read_clip_table, read_json, write_csv, write_json
from soundbench.inference.classifier import SUMMARIES
from soundbench.inference.command_line import main, parser
from soundbench.inference.job import Models, Outputs, predict_clips, validation_losses
from soundbench.inference.recordings import find_recordings
from soundbench.models.schema import load_schema
from soundbench.report.pages.predictions import CARDS, stretches, write_predictions_page

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

SCRIPT = REPOSITORY / "scripts" / "predict_clips.py"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model(tmp_path / "model", LABELS, **TINY_INPUT)


@pytest.fixture
def sounds(tmp_path: Path) -> Path:
    """Two short recordings and a long one, one that is no audio and one that is empty."""
    folder = tmp_path / "sounds"
    for number, seconds in enumerate((0.8, 4.2, 1.0)):
        write_sound(folder / f"{number}.wav", seconds, seed=number)
    (folder / "1bad.wav").write_text("no audio")
    (folder / "3empty.wav").touch()
    return folder


def test_recordings_of_folders_patterns_and_lists(tmp_path: Path) -> None:
    for name in ("known/dog/b.wav", "known/dog/a.flac", "known/rain/x/c.wav", "mixed/dog/d.wav", "mixed/cat/e.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "known" / "notes.txt").touch()
    (tmp_path / "list.csv").write_text("\ufefflabel,path\nrain,mixed/cat/e.wav\n,known/dog/b.wav\n")

    def found(*places: str) -> list[tuple[str, str]]:
        recordings = find_recordings([str(tmp_path / place) for place in places], LABELS)
        return [(str(Path(each.path).relative_to(tmp_path)), each.actual) for each in recordings]

    assert found("known") == [("known/dog/a.flac", "dog"), ("known/dog/b.wav", "dog"), ("known/rain/x/c.wav", "rain")]
    assert found("mixed") == [("mixed/cat/e.wav", ""), ("mixed/dog/d.wav", "")]
    assert found("*/dog/*.wav") == [("known/dog/b.wav", ""), ("mixed/dog/d.wav", "")]
    assert found("list.csv") == [("mixed/cat/e.wav", "rain"), ("known/dog/b.wav", "")]
    assert found("mixed/dog/d.wav", "mixed") == [("mixed/dog/d.wav", ""), ("mixed/cat/e.wav", "")]


def test_every_place_without_recordings_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "list.csv").write_text("file,label\na.wav,dog\n")
    (tmp_path / "list.tsv").write_text("path\tlabel\na.wav\tdog\n")
    with pytest.raises(InputError) as refused:
        find_recordings(
            [str(tmp_path / name) for name in ("empty", "list.csv", "list.tsv", "gone.wav", "*.wav")], LABELS
        )
    problems = "\n".join(refused.value.problems)
    for part in (
        "empty: holds no audio file",
        "lacks the column path",
        "list.tsv: its columns are separated by tabs; save it with commas",
        "gone.wav: does not exist",
        "*.wav: matches no file",
    ):
        assert part in problems


def test_problems_of_the_configuration_are_found_before_anything_starts(tmp_path: Path) -> None:
    here = {"recordings": [str(tmp_path)]}
    entries = {
        "gone": {"recordings": ["nowhere/at-all", "*.none"], "model": str(tmp_path)},
        "names": here | {"model": {"dataset": "synthetik", "model": "cnm"}},
        "none": here | {"model": {"dataset": "synthetic"}},
        "unvalidated": here | {"model": {"dataset": "esc10-literature", "best": "validation"}},
        "overlap": here | {"model": {"dataset": "synthetic", "model": "cnn"}, "overlap": 1},
    }
    with pytest.raises(InputError) as refused:
        configuration(predict=entries)
    problems = "\n".join(refused.value.problems)
    for part in (
        "predict.gone.recordings.0: nowhere/at-all: does not exist",
        "predict.gone.recordings.1: *.none: matches no file",
        "predict.gone.model: ",
        "predict.names.model.dataset: there is no 'synthetik'; did you mean 'synthetic'?",
        "predict.names.model.model: there is no 'cnm'; did you mean 'cnn'?",
        "predict.none.model: give either `model`, the name of the model, or `best`",
        "predict.unvalidated.model.best: esc10-literature has the protocol literature",
        "predict.overlap.overlap: 1 is greater than the maximum of 0.95",
    ):
        assert part in problems, part


# --- the command line ------------------------------------------------------------------------------------------------


def command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, SCRIPT, *map(str, arguments)], capture_output=True, text=True, timeout=120)


@pytest.mark.slow
def test_command_predicts_the_others_and_lists_what_it_cannot_read(model: Path, sounds: Path) -> None:
    done = command(model, sounds, "--top-k", "2")
    assert done.returncode == 1
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [Path(row["file"]).name for row in rows] == ["0.wav", "1.wav", "2.wav"]
    assert list(rows[0])[4:] == ["label1", "probability1", "label2", "probability2"]
    assert [row["end"] for row in rows] == ["0.800", "4.200", "1.000"]
    assert "1bad.wav: cannot be read as audio" in done.stderr
    assert "3empty.wav: is an empty file" in done.stderr
    assert "2 of 5 recordings could not be predicted" in done.stderr


def test_json_says_what_csv_says_and_windows_are_rows_of_their_own(
    model: Path, sounds: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [str(sounds / "1.wav"), str(sounds / "0.wav")]
    assert main([str(model), *files]) == 0
    table = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert main([str(model), *files, "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [row["file"] for row in table] == [row["file"] for row in listed] == files
    assert [[each["label"] for each in row["labels"]] for row in listed] == [
        [row[f"label{rank}"] for rank in (1, 2, 3)] for row in table
    ]
    assert float(table[0]["probability1"]) == listed[0]["labels"][0]["probability"]
    assert main([str(model), *files, "--windows", "--overlap", "0"]) == 0
    windows = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert windows["file"].map(files.index).tolist() == [0] * 5 + [1]
    assert windows["end"].iloc[4] == 4.2


def test_command_that_cannot_start_says_why_and_leaves_the_output_alone(
    model: Path, sounds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out.csv"
    assert main([str(model), str(sounds / "0.wav"), "--output", str(output)]) == 0
    before = output.read_text()
    assert main([str(model), "gone.wav", "--output", str(output)]) == 2
    assert main([str(sounds), str(sounds), "--output", str(output)]) == 2
    errors = capsys.readouterr().err
    assert "gone.wav: does not exist" in errors
    assert "sounds: holds no model" in errors
    assert output.read_text() == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    with pytest.raises(SystemExit) as refused:
        main([str(model), "a.wav", "--overlap", "1"])
    assert refused.value.code == 2


def test_lists_may_name_parts_of_files_and_files_that_do_not_exist(
    model: Path, sounds: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (sounds / "list.csv").write_text("path,start,end\n1.wav,0.5,1.25\ngone.wav,,\ngone.wav,1,2\n")
    assert main([str(model), str(sounds / "list.csv")]) == 1
    printed = capsys.readouterr()
    (part,) = csv.DictReader(io.StringIO(printed.out))
    assert (Path(part["file"]).name, part["start"], part["end"]) == ("1.wav#t=0.5,1.25", "0.000", "0.750")
    assert "gone.wav: does not exist" in printed.err
    assert "gone.wav#t=1,2: does not exist" in printed.err


def test_ways_to_summarise_have_the_same_names_everywhere(capsys: pytest.CaptureFixture[str]) -> None:
    entry = load_schema()["properties"]["predict"]["additionalProperties"]["properties"]
    assert set(entry["summary"]["enum"]) == set(SUMMARIES)
    for name in SUMMARIES:
        assert parser().parse_args(["model", "a.wav", "--summary", name]).summary == name
    with pytest.raises(SystemExit):
        parser().parse_args(["model", "a.wav", "--summary", "median"])
    assert f"choose from {', '.join(SUMMARIES)}" in capsys.readouterr().err.replace("'", "")


def test_help_is_there_at_once() -> None:
    line = [sys.executable, "-X", "importtime", SCRIPT, "--help"]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    assert "exit status:" in done.stdout
    assert "argparse" in done.stderr
    assert not {"torch", "pandas", "numpy"} & {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}


# --- the page ---------------------------------------------------------------------------------------------------------


def written(folder: Path, classifier_folder: Path, places: list[str], **about: Any) -> str:
    """The page of these recordings."""
    outputs = {name: str(folder / f"{name}.csv") for name in ("predictions", "windows", "unreadable")}
    outputs["about"] = str(folder / "about.json")
    options = {"overlap": 0.5, "summary": "mean", "top_k": 3}
    weights = [str(classifier_folder / "model.safetensors")]
    predict_clips(Models(weights), places, options, 2, Outputs(**outputs))
    write_json(outputs["about"], read_json(outputs["about"]) | about)
    write_predictions_page(**outputs, name="mine", path=str(folder / "page.html"))
    return (folder / "page.html").read_text()


@pytest.mark.slow
def test_page_shows_sounds_and_compares_where_labels_are_known(model: Path, tmp_path: Path) -> None:
    for number, label in enumerate(["dog", "dog", "rain", "wind"] * 5):
        write_sound(tmp_path / "known" / label / f"{number}.flac", 0.5 + number % 3, seed=number)
    (tmp_path / "known" / "rain" / "bad.wav").touch()
    page = written(tmp_path, model, [str(tmp_path / "known")], trained_on=["a", "b"])
    table = pd.read_csv(tmp_path / "predictions.csv")
    right = 100 * (table["actual"] == table["label1"]).mean()
    assert f"Accuracy <strong>{right:.1f} %</strong>" in page
    assert page.count("<audio") == page.count("<img") == CARDS
    assert f"{CARDS} of 20 recordings" in page
    assert "2 of the recordings are clips that the model was trained" in page
    assert "bad.wav: is an empty file" in page
    assert len(page) < 5e6
    assert not re.findall(r"""(?:src|href)=["'](?!data:)""", page)
    cells = re.findall(r"<td(?: style[^>]*)?>(\d*)</td>", page.partition("matrix")[2].partition("</table>")[0])
    assert sum(int(cell or 0) for cell in cells) == 20


def test_page_opens_in_a_browser_and_its_sounds_can_be_played(
    model: Path, sounds: Path, tmp_path: Path, browser: Chrome
) -> None:
    from selenium.webdriver.support.ui import WebDriverWait

    written(tmp_path, model, [str(sounds)])
    browser.get("about:blank")
    browser.get_log("browser")
    browser.get((tmp_path / "page.html").as_uri())
    durations = "return [...document.querySelectorAll('audio')].map(sound => sound.duration || 0)"
    WebDriverWait(browser, 15).until(lambda driver: all(driver.execute_script(durations)))
    assert sorted(browser.execute_script(durations)) == pytest.approx([0.8, 1.0, 1.0], abs=0.1)
    assert [entry for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []
    browser.find_element("css selector", "[type=search]").send_keys("2.wav")
    rows = browser.find_elements("css selector", "#all tbody tr")
    assert [row.is_displayed() for row in rows] == [False, False, True]


def test_page_of_recordings_without_labels_compares_nothing(model: Path, sounds: Path, tmp_path: Path) -> None:
    page = written(tmp_path, model, [str(sounds)])
    assert "Actual against predicted" not in page
    assert "excerpt: 0:0" in page
    (tmp_path / "list.csv").write_text("path,label\nsounds/0.wav,cat\n")
    assert "was not trained on the label <bdi>cat</bdi>" in written(tmp_path, model, [str(tmp_path / "list.csv")])


def test_not_one_recording_that_can_be_read_is_an_error_that_leaves_nothing(model: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.wav").touch()
    with pytest.raises(InputError, match=r"No recording can be predicted:\n  - .*bad\.wav: is an empty file"):
        written(tmp_path, model, [str(tmp_path / "bad.wav")])
    assert not list(tmp_path.glob("*.csv"))


def test_only_what_was_validated_can_be_the_best(tmp_path: Path) -> None:
    folders = [str(tmp_path / model / "seed1" / f"fold{fold}") for model in ("cnn", "big") for fold in (1, 2)]
    for folder, losses, kept in zip(folders, [(3, 1), (2, 4), (1, 1), (5, 5)], (2, 1, 2, 1), strict=True):
        Path(folder).mkdir(parents=True)
        pd.DataFrame({"epoch": [1, 2], "val_loss": losses}).to_csv(f"{folder}/history.csv")
        write_json(f"{folder}/model.json", {"task": "single-label", "kept_epoch": kept})
    histories = [f"{folder}/history.csv" for folder in folders]
    assert validation_losses(folders, histories) == {"cnn": 1.5, "big": 3.0}
    assert validation_losses(folders, []) == {}
    pd.DataFrame({"epoch": [1, 2]}).to_csv(histories[2])
    with pytest.raises(InputError, match="has no validation loss"):
        validation_losses(folders, histories)


def test_best_model_is_chosen_by_the_losses_of_the_weights_that_are_kept(tmp_path: Path) -> None:
    folders = [str(tmp_path / model / "seed1" / "fold1") for model in ("keeps-last", "keeps-best")]
    for folder, losses, kept in zip(folders, [(0.3, 1.5), (0.5, 0.6)], (2, 1), strict=True):
        write_csv(f"{folder}/history.csv", pd.DataFrame({"epoch": [1, 2], "val_loss": losses}))
        write_json(f"{folder}/model.json", {"task": "single-label", "kept_epoch": kept})
    histories = [f"{folder}/history.csv" for folder in folders]
    assert validation_losses(folders, histories) == {"keeps-last": 1.5, "keeps-best": 0.5}


def test_windows_of_a_long_recording_show_where_its_label_changes() -> None:
    windows = pd.DataFrame({"start": [0, 2.5, 5, 62.5], "label1": ["rain", "rain", "dog", "rain"]})
    assert stretches(windows) == [("0:00", "rain"), ("0:05", "dog"), ("1:02", "rain")]


# --- the workflow ----------------------------------------------------------------------------------------------------


def test_workflow_without_recordings_to_predict_is_an_error(workflow: Workflow) -> None:
    done = workflow.run("predict", "--dry-run", "--cores", "1", check=False)
    assert done.returncode != 0
    assert "predict: the configuration names no recordings to predict" in done.stdout


@pytest.mark.slow
def test_workflow_and_command_predict_the_same_and_what_evaluation_did(
    tiny_copy: Workflow, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, clips = tiny_copy.results / "runs/synthetic/cnn/seed1", tmp_path / "clips"
    table = read_clip_table(tiny_copy.results / "clips/synthetic.csv").set_index("clip")
    evaluated = read_clip_table(run / "predictions.csv").set_index("clip")
    for clip in evaluated.index[evaluated["fold"] == 1]:
        (clips / table["label"][clip]).mkdir(parents=True, exist_ok=True)
        shutil.copy(tiny_copy.folder / table["path"][clip], clips / table["label"][clip] / f"{clip}.wav")
    write_sound(tmp_path / "long.flac", 3)
    (tmp_path / "bad.wav").touch()
    heldout = {"recordings": [str(clips)], "model": "results/runs/synthetic/cnn/seed1/fold1"}
    others = {"recordings": [str(clips), *(str(tmp_path / name) for name in ("long.flac", "bad.wav"))], "top_k": 2}
    entries = {
        "heldout": heldout,
        "averaged": others | {"model": {"dataset": "synthetic", "model": "cnn", "seed": 1}},
        "best": others | {"model": {"dataset": "synthetic", "best": "validation"}, "summary": "max"},
    }
    overlay = tiny_copy.overlay("predict", **TINY, predict=entries)
    (run / "fold3" / "model.safetensors").unlink()
    assert tiny_copy.planned("predict", "--cores", "2", "--configfile", overlay)["train_model"] == 1
    tiny_copy.run("predict", "--cores", "2", "--configfile", overlay)
    made = tiny_copy.results / "predictions"

    ours = read_clip_table(made / "heldout/predictions.csv")
    assert ours["actual"].tolist() == [Path(path).parent.name for path in ours["file"]]
    expected = evaluated.loc[ours["file"].map(lambda path: Path(path).stem)]
    assert ours["label1"].tolist() == expected["predicted"].tolist()
    probabilities = [row[row["label1"]] for row in expected.assign(label1=ours["label1"].tolist()).to_dict("records")]
    assert ours["probability1"].to_numpy() == pytest.approx(np.array(probabilities), abs=1e-6)  # ours are rounded

    done = command(run, *others["recordings"], "--top-k", "2")
    assert done.returncode == 1
    assert done.stdout == (made / "averaged/predictions.csv").read_text()
    assert main([str(run), *others["recordings"], "--top-k", "2", "--windows"]) == 1
    assert capsys.readouterr().out == (made / "averaged/windows.csv").read_text()
    assert (made / "averaged/unreadable.csv").read_text() == f"file,reason\n{tmp_path}/bad.wav,is an empty file\n"

    # Folds 2 to 5 were trained on the clips that fold 1 was tested on.
    about = read_json(made / "averaged/about.json")
    assert sorted(about["trained_on"]) == sorted(ours["file"])
    assert f"{len(ours)} of the recordings" in (made / "averaged/predictions.html").read_text()
    losses = read_json(made / "best/about.json")["validation_losses"]
    assert set(losses) == {"cnn", "resnet10t"}
    chosen = {each["model"] for each in read_json(made / "best/about.json")["models"]}
    assert chosen == {min(losses, key=losses.__getitem__)}
    assert tiny_copy.planned("predict", "--configfile", overlay) == {}
