"""Tasks other than one label per clip, with the real workflow: from a table of clips to the report."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
import pytest
import soundfile
import torch
import transformers

from helpers.modelcards import run_card
from helpers.shared import made_once
from helpers.tones import write_tones
from helpers.workflow import Workflow
from soundbench.core.integrity import read_split
from soundbench.core.storage import read_clip_table, read_json
from soundbench.export.onnxfile import run_onnx
from soundbench.inference.classifier import Classifier
from soundbench.inference.command_line import main

pytestmark = pytest.mark.slow


SPLIT = {"scheme": "kfold", "folds": 3, "protocol": "nested"}
RUN = {"dataset": "tones", "model": "cnn"}
TARGETS = ("all", "robustness", "transfer", "results/exported/tones/cnn", "results/exported/tones/ridge")


def study(folder: Path, task: str, labelled: dict[str, Any]) -> None:
    """Make a study of tones with a network, a tuned one, a classical model and an ensemble; use the first elsewhere.

    Args:
        labelled: the keys of the source that say what is predicted.
    """
    workflow = Workflow(folder)
    table = write_tones(folder / "tones")
    source = {"reader": "csv", "root": str(table.parent), "table": table.name}
    training = {"epochs": 12, "batch_size": 4, "learning_rate": 0.01}
    overlay = {
        "benchmark": {"datasets": ["tones"], "models": ["cnn", "brief", "ridge", "both"], "seeds": [1]},
        "sources": {"tones": source | labelled},
        "datasets": {"tones": {"source": "tones", "task": task, "split": SPLIT}},
        "features": {"logmel64": {"sample_rate": 16000, "n_mels": 32}},
        "models": {
            "cnn": {"width": 8, "training": training},
            "brief": {
                **{"family": "cnn", "features": "logmel64", "width": 4, "training": {"epochs": 1}},
                "tune": {"trials": 2, "search": {"training.learning_rate": {"log": [0.0001, 0.01]}}},
            },
            "ridge": {"family": "ridge", "features": "logmel64"},
            "both": {"family": "ensemble", "members": ["cnn", "ridge"]},
        },
        "robustness": {"models": ["cnn"], "noise": [0]},
        "transfer": {"home": {"from": RUN, "to": "tones", "clips": "test"}},
    }
    workflow.run(*TARGETS, "--cores", "2", "--configfile", workflow.overlay("tones", **overlay))


@pytest.fixture(scope="module")
def tagged(tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    labels = {"labels": "label"}
    return Workflow.of(made_once(tmp_path_factory, "tagged", lambda folder: study(folder, "multi-label", labels)))


@pytest.fixture(scope="module")
def rated(tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    values = {"values": ["loudness", "brightness"]}
    return Workflow.of(made_once(tmp_path_factory, "rated", lambda folder: study(folder, "regression", values)))


def test_several_labels_reach_the_leaderboard(tagged: Workflow) -> None:
    board = pd.read_csv(tagged.results / "summary" / "leaderboard.csv").set_index("model")
    assert set(board.index) == {"cnn", "brief", "ridge", "both"}
    assert board["mean"].idxmin() == "brief"
    assert board.loc["cnn", "mean"] > 0.8  # guessing scores about 0.57
    predictions = read_clip_table(tagged.results / "runs" / "tones" / "cnn" / "seed1" / "predictions.csv")
    assert list(predictions) == ["clip", "fold", "label", "predicted", "high", "low", "middle"]
    run = read_json(tagged.results / "runs" / "tones" / "cnn" / "seed1" / "metrics.json")
    assert board.loc["cnn", "mean"] == pytest.approx(run["scores"]["map"], abs=1e-4)


@pytest.mark.parametrize(("model", "members"), [("cnn", ["cnn"]), ("both", ["cnn", "ridge"])])
def test_thresholds_come_from_validation_clips(tagged: Workflow, model: str, members: list[str]) -> None:
    """Those of an ensemble are the means of its members' thresholds, as in a classifier of their folders."""
    runs = tagged.results / "runs" / "tones"
    folders = [[str(runs / name / "seed1" / f"fold{fold}") for name in members] for fold in (1, 2, 3)]
    thresholds = [Classifier(own).task.decision["thresholds"][0] for own in folders]
    assert len(set(thresholds)) > 1
    predictions = read_clip_table(runs / model / "seed1" / "predictions.csv")
    for row in predictions.to_dict("records"):
        chosen = [label for label in ("high", "low", "middle") if row[label] >= thresholds[row["fold"] - 1]]
        assert row["predicted"].split(";") == (chosen or [""])


def test_the_report_names_the_metric_and_the_prevalence(tagged: Workflow) -> None:
    page = (tagged.results / "summary" / "report.html").read_text()
    assert "Ranked by <strong>mean average precision</strong>" in page
    assert "one constant answer" in page
    assert 'href="#labels"' in page and "Misses of " in page  # `brief` misses some


def test_numbers_reach_the_leaderboard(rated: Workflow) -> None:
    board = pd.read_csv(rated.results / "summary" / "leaderboard.csv").set_index("model")
    assert set(board.index) == {"cnn", "brief", "ridge", "both"}
    assert board["mean"].idxmin() == "brief"
    assert board.loc["cnn", "mean"] > 0.5  # guessing scores 0
    assert board.loc["cnn", "interval_high"] <= 1
    predictions = read_clip_table(rated.results / "runs" / "tones" / "cnn" / "seed1" / "predictions.csv")
    assert list(predictions) == ["clip", "fold", "true_loudness", "true_brightness", "loudness", "brightness"]
    scores = pd.read_csv(rated.results / "summary" / "scores.csv")
    assert {"ccc", "pearson", "spearman", "mae", "rmse"} <= set(scores)
    history = pd.read_csv(rated.results / "runs" / "tones" / "cnn" / "seed1" / "fold1" / "history.csv")
    assert history["val_explained"].iloc[-1] > history["val_explained"].iloc[0]


def test_targets_are_standardised_on_training_clips(rated: Workflow) -> None:
    split = read_split(rated.results / "splits" / "tones" / "seed1.csv")
    truth = split.loc[split["fold2"] == "train", ["true_loudness", "true_brightness"]]
    folder = rated.results / "runs" / "tones" / "cnn" / "seed1" / "fold2"
    fitted = read_json(folder / "model.json")["fitted"]
    assert fitted["mean"] == pytest.approx(truth.mean().to_list())
    assert fitted["deviation"] == pytest.approx(truth.std(ddof=0).to_list())


def test_the_report_of_numbers_has_no_percent(rated: Workflow) -> None:
    page = (rated.results / "summary" / "report.html").read_text()
    assert "Ranked by <strong>concordance correlation</strong>" in page
    assert re.search(r"\w+ (is best|has the highest score)[^.]*[:,] 0\.\d+ \(95 % interval", page)
    assert 'href="#values"' in page and "The clips with the largest errors of <bdi>loudness</bdi>" in page


def predicted(study: Workflow, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    """What the command line predicts of one clip, with the models of all folds."""
    clip = study.folder / "tones" / "hl-0.wav"
    assert main([str(study.results / "runs" / "tones" / "cnn" / "seed1"), str(clip), *options]) == 0
    return capsys.readouterr().out


def test_recordings_get_all_labels_above_the_threshold(tagged: Workflow, capsys: pytest.CaptureFixture[str]) -> None:
    head, row = predicted(tagged, capsys).splitlines()
    assert head.startswith("file,start,end,actual,predicted,label1,probability1,label2")
    assert row.split(",")[4] == "high;low"
    (found,) = json.loads(predicted(tagged, capsys, "--json"))
    assert found["predicted"] == ["high", "low"]
    assert {each["label"] for each in found["labels"][:2]} == {"high", "low"}


def test_recordings_get_numbers_in_the_unit_of_the_source(rated: Workflow, capsys: pytest.CaptureFixture[str]) -> None:
    head, row = predicted(rated, capsys).splitlines()
    assert head == "file,start,end,actual,loudness,brightness"
    (found,) = json.loads(predicted(rated, capsys, "--json"))
    assert found["values"] == {"loudness": float(row.split(",")[4]), "brightness": float(row.split(",")[5])}
    models = [
        Classifier([str(rated.results / "runs" / "tones" / "cnn" / "seed1" / f"fold{fold}")]) for fold in (1, 2, 3)
    ]
    features = np.zeros((1, *models[0].descriptions[0]["shape"]), np.float32)
    together = Classifier(
        [str(rated.results / "runs" / "tones" / "cnn" / "seed1" / f"fold{fold}") for fold in (1, 2, 3)]
    )
    mean = np.mean([model.probabilities(features) for model in models], axis=0)
    assert together.probabilities(features) == pytest.approx(mean, rel=1e-5)


@pytest.mark.parametrize("name", ["tagged", "rated"])
def test_all_that_uses_a_trained_model_takes_the_task(name: str, request: pytest.FixtureRequest) -> None:
    study: Workflow = request.getfixturevalue(name)
    runs = study.results / "runs" / "tones"
    tables = [read_clip_table(runs / model / "seed1" / "predictions.csv") for model in ("cnn", "ridge", "both")]
    labels = read_json(runs / "cnn" / "seed1" / "metrics.json")["labels"]
    first, second, mean = (table.set_index("clip").loc[tables[0]["clip"], labels].to_numpy() for table in tables)
    assert mean == pytest.approx((first + second) / 2, abs=2e-6)
    trials = pd.read_csv(runs / "brief" / "seed1" / "fold1" / "trials.csv")
    assert trials["chosen"].sum() == 1

    metric = {"tagged": "map", "rated": "ccc"}[name]
    board = pd.read_csv(study.results / "summary" / "leaderboard.csv").set_index("model")
    curves = pd.read_csv(study.results / "summary" / "robustness.csv").set_index("kind")
    assert curves.loc["unchanged", metric] == pytest.approx(board.loc["cnn", "mean"])
    assert curves.loc["noise", metric] < curves.loc["unchanged", metric]
    moved = pd.read_csv(study.results / "summary" / "transfer.csv")
    assert moved[metric].to_list() == pytest.approx([board.loc["cnn", "mean"]] * 2, abs=1e-4)


@pytest.mark.parametrize("model", ["cnn", "ridge"])
@pytest.mark.parametrize("name", ["tagged", "rated"])
def test_exported_models_give_the_values_of_the_task(name: str, model: str, request: pytest.FixtureRequest) -> None:
    study: Workflow = request.getfixturevalue(name)
    folder = study.results / "exported" / "tones" / model
    predictions = read_clip_table(study.results / "runs" / "tones" / model / "seed1" / "predictions.csv")
    own = predictions[predictions["fold"] == 1]
    card = (folder / "README.md").read_text()
    known = onnxruntime.InferenceSession(folder / "model.onnx").get_modelmeta().custom_metadata_map
    assert f"{len(own)} test clips of its fold" in card
    if name == "tagged":
        fitted = read_json(folder / "model.json")["fitted"]
        assert json.loads(known["thresholds"]) == fitted["thresholds"]
        assert f"{fitted['thresholds'][0]:.3f}" in card
        assert "mean average precision (%)" in card
    else:
        assert "numbers in the unit" not in known
        assert "standard deviation" in card
        assert "| mean absolute error |" in card
    if model == "cnn":
        clips = study.folder / "tones"
        sound = [soundfile.read(clips / Path(clip).with_suffix(".wav"), dtype="float32")[0] for clip in own["clip"]]
        found = run_onnx(folder / "model.onnx", sound)
        assert found == pytest.approx(own[json.loads(known["labels"])].to_numpy(), abs=1e-3)
        shutil.copyfile(clips / Path(own["clip"].iloc[0]).with_suffix(".wav"), folder / "sound.wav")
        printed = run_card(folder)
        assert all(f"{label}: " in printed for label in json.loads(known["labels"]))


def test_probes_of_an_encoder_learn_several_labels(workflow: Workflow) -> None:
    """A support vector machine, and an mlp with the focal loss and weights of labels, on a small wav2vec 2.0."""
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    layers = {"conv_dim": (16, 16), "conv_stride": (5, 4), "conv_kernel": (40, 20), "num_feat_extract_layers": 2}
    positions = {"num_conv_pos_embeddings": 4, "num_conv_pos_embedding_groups": 2}
    config = transformers.Wav2Vec2Config(**sizes, **layers, **positions, feat_extract_norm="layer")
    transformers.Wav2Vec2Model(config).save_pretrained(workflow.folder / "encoder")
    table = write_tones(workflow.folder / "tones")
    weighted = {"epochs": 30, "learning_rate": 0.01, "loss": "binary_focal", "class_weights": "inverse"}
    overlay = {
        "benchmark": {"datasets": ["tones"], "models": ["probe", "probe-mlp", "majority"], "seeds": [1]},
        "sources": {"tones": {"reader": "csv", "root": str(table.parent), "table": table.name, "labels": "label"}},
        "datasets": {"tones": {"source": "tones", "task": "multi-label", "split": SPLIT}},
        "features": {
            "own": {
                "front_end": "embedding",
                "features": "waveform",
                "model": {"family": "transformers", "pretrained": "encoder"},
            }
        },
        "models": {
            "probe": {"family": "svm", "features": "own", "kernel": "linear"},
            "probe-mlp": {"family": "mlp", "features": "own", "hidden": 32, "training": weighted},
            "majority": {"features": "own"},
        },
    }
    targets = ("results/summary/leaderboard.csv", "results/exported/tones/probe", "results/exported/tones/probe-mlp")
    workflow.run(*targets, "--cores", "2", "--configfile", workflow.overlay("probes", **overlay))
    scores = pd.read_csv(workflow.results / "summary" / "leaderboard.csv").set_index("model")["mean"]
    assert scores[["probe", "probe-mlp"]].min() > scores["majority"] + 0.1
