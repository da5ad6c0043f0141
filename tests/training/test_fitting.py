"""Classifiers of scikit-learn: fitted, stored and used in the place of networks."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace as Wildcards
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from helpers.library import configuration, front_end
from helpers.runs import RUN, write_several
from helpers.untrained import write_sound
from soundbench.core.errors import InputError
from soundbench.core.integrity import read_split
from soundbench.core.storage import read_clip_table, read_json, write_csv, write_json
from soundbench.evaluation import folds
from soundbench.evaluation.folds import evaluate_model
from soundbench.evaluation.trained_model import TrainedModel
from soundbench.export.onnxfile import check_onnx, input_of, run_onnx, write_onnx
from soundbench.features.clip_features import clip_features
from soundbench.features.files import FeatureFiles
from soundbench.features.normalisation import Normalisation
from soundbench.inference.classifier import Classifier, Options
from soundbench.models.families import FAMILIES, is_fitted
from soundbench.models.fitted import (
    ESTIMATOR,
    FittedClassifier,
    decisions,
    from_state,
    parameter_count,
    softmax,
    to_state,
)
from soundbench.models.saved import load_model
from soundbench.study.export import ExportInputs
from soundbench.study.study import Study
from soundbench.tasks.multi_label import MultiLabel
from soundbench.training import fitting
from soundbench.training.examples import Examples
from soundbench.training.inputs import Inputs
from soundbench.training.job import train_model
from soundbench.training.run import Execution, Outputs

FITTED = [family for family in FAMILIES.names if is_fitted(family)]
SMALL: dict[str, Any] = {"random_forest": {"trees": 20}, "gradient_boosting": {"rounds": 20, "smallest_leaf": 2}}
FEW: dict[str, Any] = {"gradient_boosting": {"rounds": 8}}


def recipe(family: str, **changes: Any) -> dict[str, Any]:
    """A recipe of a family with its defaults."""
    defaults = {key: setting["default"] for key, setting in FAMILIES.settings(family).items()}
    return {"family": family} | defaults | SMALL.get(family, {}) | changes


def fit_several(folder: Path, family: str, task: str, label: str | None = None) -> Path:
    """Fit a family to clips with two labels, or with two numbers, each; all training clips may have one ``label``."""
    several = write_several(folder)
    if label is not None:
        split = pd.read_csv(several / f"{task}.csv", keep_default_na=False)
        write_csv(several / f"{task}.csv", split.assign(label=split["label"].where(split["fold1"] != "train", label)))
    made = front_end(front_end="logmel", n_mels=16)
    run = replace(
        RUN, model=family, recipe=recipe(family, **FEW.get(family, {})), source="made-up", front_end=made, task=task
    )
    features = FeatureFiles(str(several / "several.npy"), str(several / "index.csv"))
    inputs = Inputs(features, str(several / f"{task}.csv"), str(several / "measures.csv"))
    train_model(run, inputs, Outputs(folder / "run"), Execution(1, 60))
    return folder / "run"


def trained(folder: Path, made_up: Path, family: str, protocol: str = "nested", **changes: Any) -> Path:
    made = front_end(front_end="logmel", n_mels=16)
    run = replace(
        RUN, model=family, recipe=recipe(family, **changes), protocol=protocol, source="made-up", front_end=made
    )
    features = FeatureFiles(str(made_up / "features.npy"), str(made_up / "index.csv"))
    inputs = Inputs(features, str(made_up / f"{protocol}.csv"), str(made_up / "measures.csv"))
    train_model(run, inputs, Outputs(folder), Execution(1, 60))
    return folder


@pytest.mark.parametrize("family", FITTED)
def test_same_seed_same_bytes_and_a_folder_as_every_model_has(family: str, made_up: Path, tmp_path: Path) -> None:
    one = trained(tmp_path / "one", made_up, family)
    two = trained(tmp_path / "two", made_up, family)
    assert (one / "model.safetensors").read_bytes() == (two / "model.safetensors").read_bytes()
    descriptions = [read_json(folder / "model.json") for folder in (one, two)]
    for description in descriptions:
        del description["measured"]
    assert descriptions[0] == descriptions[1]
    assert descriptions[0]["epochs"] == 1
    assert descriptions[0]["examples"] == {"train": 20, "val": 10}
    assert descriptions[0]["parameters"] > 0
    network, _ = load_model(one)
    values = network(torch.from_numpy(np.load(made_up / "features.npy")).float()[:, None]).softmax(dim=1)
    assert torch.allclose(values.sum(dim=1), torch.ones(40))
    truth = torch.arange(40) % 2
    correct = (values.argmax(dim=1) == truth).float().mean()
    assert correct == 0.5 if family == "majority" else correct > 0.8


@pytest.mark.parametrize("family", ["svm", "random_forest"])
def test_evaluation_reads_it_as_a_network(family: str, made_up: Path, tmp_path: Path) -> None:
    folder = trained(tmp_path / "run", made_up, family, "literature")
    features = FeatureFiles(str(made_up / "features.npy"), str(made_up / "index.csv"))
    names = ("predictions.csv", "metrics.json", "explanations.npz")
    outputs = folds.Outputs(*(str(tmp_path / name) for name in names))
    evaluate_model([str(folder)], features, str(made_up / "literature.csv"), 1, outputs)
    metrics = read_json(tmp_path / "metrics.json")
    assert metrics["scores"]["accuracy"] >= 0.8
    assert metrics["folds"][0]["epochs"] == 1


def test_finished_run_is_not_fitted_again(made_up: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained(tmp_path / "run", made_up, "svm")
    monkeypatch.setattr(fitting, "_fit", lambda *_: pytest.fail("fitted again"))
    trained(tmp_path / "run", made_up, "svm")
    with pytest.raises(pytest.fail.Exception, match="fitted again"):
        trained(tmp_path / "run", made_up, "svm", cost=2.0)


def test_each_value_is_standardised_by_training_clips_alone(made_up: Path, tmp_path: Path) -> None:
    folder = trained(tmp_path / "run", made_up, "svm")
    network, description = load_model(folder)
    features = np.load(made_up / "features.npy").astype(np.float32)[:20].reshape(20, -1)
    normalisation = description["normalisation"]
    values = (features - normalisation["mean"]) / normalisation["std"]
    scaler = network.fitted.named_steps["standardise"]
    assert scaler.mean_ == pytest.approx(values.mean(axis=0), abs=1e-4)
    assert scaler.n_samples_seen_ == 20


def test_class_weights_count_every_class_the_same() -> None:
    values = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    targets = np.array([0] * 36 + [1] * 4)
    weighted = fitting._fit(replace(RUN, recipe=recipe("logistic")), values, targets)
    plain = fitting._fit(replace(RUN, recipe=recipe("logistic", class_weights="none")), values, targets)
    assert weighted.predict_proba(values)[:, 1].mean() == pytest.approx(0.5, abs=0.05)
    assert plain.predict_proba(values)[:, 1].mean() == pytest.approx(0.1, abs=0.02)


def test_calibration_changes_no_label_and_divides_no_group(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    targets = np.arange(120) % 3
    groups = (np.arange(120) // 12).astype(str)
    values = (rng.normal(size=(120, 5)) + targets[:, None]).astype(np.float32)
    chosen: list[np.ndarray] = []

    def fitted(training: np.ndarray) -> Any:
        chosen.append(training)
        return fitting._fit(replace(RUN, recipe=recipe("svm")), values[training], targets[training])

    scale = fitting._calibrated(fitted, values, targets, groups)
    assert len(chosen) == 5
    for training in chosen:
        held_out = np.setdiff1d(np.arange(120), training)
        assert not set(groups[training]) & set(groups[held_out])
    pipeline = fitted(np.arange(120))
    network = FittedClassifier(pipeline, 3, scale)
    found = network(torch.from_numpy(values)[:, None, :, None]).argmax(dim=1)
    assert (found.numpy() == decisions(pipeline, values).argmax(axis=1)).all()
    assert 0.05 < scale < 50


@pytest.mark.parametrize("clips", [4, 6, 10])  # one, two and three of each label, and one more label in the first
def test_few_clips_are_enough_to_calibrate(clips: int) -> None:
    targets = np.arange(clips) % (4 if clips == 4 else 3)
    values = (np.random.default_rng(0).normal(size=(clips, 5)) + targets[:, None]).astype(np.float32)

    def fitted(training: np.ndarray) -> Any:
        return fitting._fit(replace(RUN, recipe=recipe("svm")), values[training], targets[training])

    assert 0.01 < fitting._calibrated(fitted, values, targets, None) < 100


@pytest.mark.parametrize("family", ["svm", "ridge"])
def test_a_class_of_one_recording_does_not_prevent_calibration(family: str) -> None:
    """Cross-validation then has a part without training clips of the class."""
    targets = np.array([0] * 37 + [1] * 3)
    values = (np.random.default_rng(0).normal(size=(40, 5)) + targets[:, None]).astype(np.float32)
    groups = np.repeat(list("abcde"), 8)
    run = replace(RUN, recipe=recipe(family))
    pipeline, scale = fitting._classifier(run, values, targets, groups)
    assert pipeline.classes_.tolist() == [0, 1]
    assert scale in fitting.SCALES


def test_label_without_training_clips_has_no_probability() -> None:
    values = np.eye(4, dtype=np.float32)
    pipeline = fitting._fit(replace(RUN, recipe=recipe("logistic")), values, np.array([0, 2, 0, 2]))
    found = FittedClassifier(pipeline, 3)(torch.from_numpy(values)[:, None, :, None]).softmax(dim=1)
    assert found[:, 1].max() < 1e-6
    assert softmax(np.array([[1.0, 1.0]])).tolist() == [[0.5, 0.5]]


def test_more_neighbours_than_training_clips(made_up: Path, tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"models\.knn\.neighbours: 21 neighbours are too many; this fold has 20 training clips"
    ):
        trained(tmp_path / "run", made_up, "knn", neighbours=21)
    assert not list((tmp_path / "run").glob("model.*"))


class _Harmful:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return print, ("code of the file was run",)


def test_file_of_somebody_else_runs_no_code(made_up: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = trained(tmp_path / "run", made_up, "majority")
    import pickle

    from skops.io import dumps

    state = load_file(folder / "model.safetensors")
    for data in (pickle.dumps(_Harmful()), dumps(Path("/etc/passwd")), b"nothing"):
        damaged = state | {ESTIMATOR: torch.frombuffer(bytearray(data), dtype=torch.uint8)}
        save_file(damaged, folder / "model.safetensors")
        with pytest.raises(InputError, match=r"model\.safetensors: (cannot be read by skops|holds objects)"):
            load_model(folder)
    assert "code of the file" not in capsys.readouterr().out
    with pytest.raises(InputError, match="holds no fitted classifier"):
        from_state({"weight": torch.zeros(1)}, "classifier", 2, Path("model.safetensors"))


def test_tree_that_leads_out_of_itself_is_refused(made_up: Path, tmp_path: Path) -> None:
    import io
    import zipfile

    folder = trained(tmp_path / "run", made_up, "gradient_boosting")
    state = load_file(folder / "model.safetensors")
    archive = zipfile.ZipFile(io.BytesIO(state[ESTIMATOR].numpy().tobytes()))
    changed = io.BytesIO()
    with zipfile.ZipFile(changed, "w") as other:
        for name in archive.namelist():
            content = archive.read(name)
            if name.endswith(".npy"):
                array = np.load(io.BytesIO(content))
                if array.dtype.names and "left" in array.dtype.names:
                    array["left"] = 10**6
                    stored = io.BytesIO()
                    np.save(stored, array)
                    content = stored.getvalue()
            other.writestr(name, content)
    data = torch.frombuffer(bytearray(changed.getvalue()), dtype=torch.uint8)
    save_file(state | {ESTIMATOR: data}, folder / "model.safetensors")
    with pytest.raises(InputError, match="a tree whose nodes are not in it"):
        load_model(folder)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (
            {"family": "cnn", "features": "functionals", "training": {"epochs": 1}},
            "features: functionals gives one vector",
        ),
        ({"family": "cnn", "features": "logmel64"}, "training: is missing"),
        ({"family": "svm", "features": "functionals", "training": {"epochs": 1}}, "training.epochs: unknown key"),
        ({"family": "svm", "features": "functionals", "pretrained": "imagenet"}, "pretrained: leave it out; svm is"),
        ({"family": "svm", "features": "functionals", "cost": 0}, "cost: 0 is less than or equal to the minimum of 0"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_starts(model: dict[str, Any], expected: str) -> None:
    with pytest.raises(InputError) as refusal:
        configuration(models={"own": model})
    assert [problem for problem in refusal.value.problems if f"models.own.{expected}" in problem], (
        refusal.value.problems
    )


def test_no_network_starts_from_it_or_embeds_with_it() -> None:
    start = {"family": "linear", "features": "functionals", "training": {"epochs": 1}}
    start["pretrained"] = "results/runs/esc10/svm/seed1/fold1"
    with pytest.raises(InputError, match="a model of the family svm has no weights to start from"):
        configuration(models={"own": start}, benchmark={"datasets": ["synthetic"], "models": ["own"]})
    embedding = {"front_end": "embedding", "features": "ast", "model": {"family": "svm", "pretrained": "/nowhere"}}
    with pytest.raises(InputError, match=r"features\.own\.model\.family: svm is not a network"):
        configuration(features={"own": embedding})


def test_no_network_starts_from_several_networks_or_embeds_with_them(tmp_path: Path) -> None:
    """Of a run of the workflow, and of a folder elsewhere."""
    several = {"training": {"average": "predictions", "checkpoints": 3, "keep": "last", "patience": None}}
    chosen = {"datasets": ["synthetic"], "models": ["own"]}
    start = {"family": "cnn", "features": "logmel64", "training": {"epochs": 1}}
    for folder in ("results/runs/esc10/cnn/seed1/fold1", str(tmp_path)):
        refused = f"models.own.pretrained: {folder}: holds the networks of several epochs"
        with pytest.raises(InputError, match=re.escape(refused)):
            configuration(models={"cnn": several, "own": start | {"pretrained": folder}}, benchmark=chosen)
        (tmp_path / "model.safetensors").touch()
        write_json(tmp_path / "model.json", {"recipe": {"family": "cnn"} | several, "sources": ["else"]})
    probe = {"family": "svm", "features": "own"}
    embedding = {"front_end": "embedding", "model": {"pretrained": "results/runs/esc10/cnn/seed1/fold1"}}
    with pytest.raises(InputError, match=r"features\.own\.model\.pretrained: .* several epochs"):
        configuration(features={"own": embedding}, models={"cnn": several, "own": probe}, benchmark=chosen)


def test_history_is_one_row(made_up: Path, tmp_path: Path) -> None:
    folder = trained(tmp_path / "run", made_up, "logistic")
    header, row = (folder / "history.csv").read_text().splitlines()
    assert header == "epoch,train_loss,train_accuracy,val_loss,val_accuracy"
    assert json.loads(row.split(",")[2]) == 1.0


@pytest.mark.parametrize("family", [name for name in FITTED if not FAMILIES.constant(name, "WITHOUT_ONNX")])
def test_onnx_gives_the_same_probabilities(family: str, made_up: Path, tmp_path: Path) -> None:
    network, description = load_model(trained(tmp_path / "run", made_up, family))
    taken = input_of(description, 22050, 1.0)
    assert taken == {"kind": "features", "shape": [16, 20]}
    write_onnx(network, description, taken, tmp_path / "model.onnx")
    features = np.load(made_up / "features.npy").astype(np.float32)[20:]
    normalise = Normalisation(**description["normalisation"])
    expected = network(normalise(torch.from_numpy(features)).unsqueeze(1)).softmax(dim=1).numpy()
    assert np.abs(run_onnx(tmp_path / "model.onnx", list(features)) - expected).max() < 1e-4


@pytest.mark.parametrize("weights", ["distance", "uniform"])
def test_onnx_finds_the_training_clips_of_neighbours(weights: str, made_up: Path, tmp_path: Path) -> None:
    """A training clip has no distance from itself, so that nothing else counts where weights follow distances."""
    noise = np.random.default_rng(1).normal(1000, 100, (40, 16, 20)).astype(np.float16)  # neighbours of both classes
    np.save(made_up / "features.npy", noise)
    network, description = load_model(trained(tmp_path / "run", made_up, "knn", weights=weights))
    write_onnx(network, description, input_of(description, 22050, 1.0), tmp_path / "model.onnx")
    features = noise.astype(np.float32)[:20]
    values = Normalisation(**description["normalisation"])(torch.from_numpy(features)).unsqueeze(1)
    expected = network(values).softmax(dim=1).numpy()
    assert np.abs(run_onnx(tmp_path / "model.onnx", list(features)) - expected).max() < 1e-5


def test_what_has_no_onnx_form_is_not_exported() -> None:
    settings = configuration(benchmark={"datasets": ["synthetic"], "models": ["svm", "majority"]})
    exports = ExportInputs(Study(settings))
    assert exports.folders("{dataset}/{model}")(None) == ["synthetic/svm"]
    with pytest.raises(InputError, match="gradient-boosting cannot be exported: skl2onnx does not convert it"):
        exports.of_fold("fold{fold}")(Wildcards(dataset="synthetic", model="gradient-boosting"))


@pytest.mark.slow
def test_recordings_are_predicted_from_vectors(tmp_path: Path) -> None:
    """Each window of a recording is one vector, as each clip is in training."""
    settings = front_end(front_end="functionals", f0=None, n_mfcc=4, duration=0.5)
    sound = write_sound(tmp_path / "sound.wav", 0.5, 16000)
    vector = clip_features(sound, settings)
    values = vector.T.numpy() + np.random.default_rng(0).normal(size=(8, len(vector))).astype(np.float32)
    pipeline = fitting._fit(replace(RUN, recipe=recipe("svm")), values, np.arange(8) % 2)
    network = FittedClassifier(pipeline, 2)
    save_file(to_state(network), tmp_path / "model.safetensors")
    names = {"labels": ["even", "odd"], "shape": [values.shape[1], 1], "normalisation": {"mean": 0.0, "std": 1.0}}
    write_json(tmp_path / "model.json", names | {"front_end": settings, "recipe": recipe("svm")})
    longer = write_sound(tmp_path / "longer.wav", 1.0, 16000, seed=9)
    (found,) = Classifier([str(tmp_path)]).predict([str(longer)], Options(), threads=1)
    assert not found.problem
    assert found.windows == 3
    (one,) = Classifier([str(tmp_path)]).predict([str(sound)], Options(), threads=1)
    expected = network(vector[None, None]).exp()[0]
    assert one.probabilities == pytest.approx(expected.numpy(), abs=1e-3)


def test_parameters_are_what_is_learned_from_labels() -> None:
    values = np.random.default_rng(0).normal(size=(30, 7))
    labels = np.arange(30) % 3
    for classifier, expected in ((DummyClassifier(strategy="prior"), 3), (RidgeClassifier(), 3 * 7 + 3)):
        pipeline = Pipeline([("standardise", StandardScaler()), ("classify", classifier)]).fit(values, labels)
        assert parameter_count(pipeline) == expected
        assert parameter_count([pipeline, pipeline]) == 2 * expected


REGRESSORS = [family for family in FITTED if FAMILIES.defines(family, "build_regressor")]
SEVERAL = [*[(family, "multi-label") for family in FITTED], *[(family, "regression") for family in REGRESSORS]]


@pytest.mark.parametrize(("family", "task"), SEVERAL)
def test_each_label_and_each_number_is_fitted_by_itself(family: str, task: str, tmp_path: Path) -> None:
    folder = fit_several(tmp_path, family, task)
    model = TrainedModel.load(folder)
    split = read_split(tmp_path / f"{task}.csv")
    clips = model.with_role(split, "val", "test")
    index = read_clip_table(tmp_path / "index.csv")
    values = model.predict(model.examples(tmp_path / "several.npy", index, clips))
    scores = model.task.scores(model.task.table(clips[model.task.truth_columns(clips)], values))
    if family == "majority":
        training = model.with_role(split, "train")
        assert values == pytest.approx(np.tile(model.task.baseline(training), (len(clips), 1)), rel=1e-5)
    else:
        assert scores[{"multi-label": "map", "regression": "pearson"}[task]] > 0.6
    assert read_json(folder / "model.json")["parameters"] > 0
    if FAMILIES.constant(family, "WITHOUT_ONNX"):
        return
    taken = input_of(model.description, 22050, 1.0)
    write_onnx(model.network, model.description, taken, tmp_path / "model.onnx")
    features = np.load(tmp_path / "several.npy").astype(np.float32)
    chosen = list(features[index.set_index("clip")["row"].loc[clips["clip"]]])
    assert check_onnx(run_onnx(tmp_path / "model.onnx", chosen), values, list(clips["clip"]), model.task) < 1e-4


@pytest.mark.parametrize("label", ["high;low", ""])
def test_all_training_clips_may_have_the_same_labels(label: str, tmp_path: Path) -> None:
    """As networks train on such a fold too."""
    model = TrainedModel.load(fit_several(tmp_path, "svm", "multi-label", label))
    clips = model.with_role(read_split(tmp_path / "multi-label.csv"), "test")
    values = model.predict(model.examples(tmp_path / "several.npy", read_clip_table(tmp_path / "index.csv"), clips))
    assert values == pytest.approx(np.full((len(clips), 2), float(bool(label))), abs=1e-6)


def test_a_label_of_all_training_clips_or_of_none_is_constant(tmp_path: Path) -> None:
    several = write_several(tmp_path)
    split = pd.read_csv(several / "multi-label.csv", keep_default_na=False)
    training = split["fold1"] == "train"
    split["label"] = split["label"].where(~training, split["label"].where(split["label"] == "high", "") + ";always")
    split["label"] = split["label"].str.strip(";")
    examples = Examples((np.zeros((20, 1, 1)),), np.zeros(20), np.arange(20), torch.zeros(20, 3))
    task = MultiLabel(["always", "high", "low"])
    examples = replace(examples, targets=torch.from_numpy(task.encode(split[training])))
    values = np.load(several / "several.npy").astype(np.float32)[:20].reshape(20, -1)
    network = fitting.FITTED_BY["classifiers"](replace(RUN, recipe=recipe("svm")), values, examples, task)
    odds = network(torch.from_numpy(values)[:, None, :, None])
    assert (odds[:, 0].sigmoid() > 1 - 1e-6).all()
    assert (odds[:, 2].sigmoid() < 1e-6).all()
    assert odds[:, 1].std() > 0.1
    with pytest.raises(InputError, match="holds 3 fitted pipelines, which do not fit the 2 labels"):
        from_state(to_state(network), "classifiers", 2, Path("model.safetensors"))
