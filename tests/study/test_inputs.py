"""Inputs and parameters of rules, as functions of the configuration."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace as Wildcards

import pytest
from snakemake.io import expand

from helpers.library import configuration
from helpers.workflow import REPOSITORY
from soundbench.core.errors import InputError
from soundbench.data.files import files_state
from soundbench.study import paths
from soundbench.study.augmentation import AugmentationInputs
from soundbench.study.data import DataInputs
from soundbench.study.export import ExportInputs
from soundbench.study.features import FeatureInputs
from soundbench.study.prediction import PredictionInputs
from soundbench.study.robustness import RobustnessInputs
from soundbench.study.runs import SelectedRuns
from soundbench.study.study import Study
from soundbench.study.training import TrainingInputs
from soundbench.study.transfer import TransferInputs

JOINED = {"front_end": "concatenated", "parts": [{"front_end": "functionals"}, {"front_end": "texture"}]}
COPIES = {"augment": [{"variants": ["noisy", "pitchUp2"]}]}


def study(resolve: object = str, **changes: object) -> Study:
    return Study(configuration(**changes), resolve)


@pytest.mark.parametrize("values", [{"fold": range(1, 4)}, {"dataset": "one", "model": ["a", "b"], "seed": [1, 2]}])
def test_patterns_are_filled_as_snakemake_does(values: dict[str, object]) -> None:
    assert paths.fill(paths.HISTORY, **values) == expand(paths.HISTORY, **values, allow_missing=True)


def test_a_value_without_a_wildcard_repeats_nothing() -> None:
    assert paths.fill(paths.METRICS, dataset="one", model="cnn", seed=1, fold=range(1, 6)) == [
        "<results>/runs/one/cnn/seed1/metrics.json"
    ]


def test_no_pattern_is_repeated() -> None:
    patterns = [value for name, value in vars(paths).items() if name.isupper()]
    assert len(patterns) == len(set(patterns)) > 20


def test_training_reads_features_of_the_clips_and_of_their_copies() -> None:
    found = study(datasets={"synthetic": COPIES})
    augmentation = AugmentationInputs(found)
    training = TrainingInputs(found, FeatureInputs(found, augmentation))
    files = training.files(Wildcards(dataset="synthetic", model="cnn", seed="1", fold="2"))
    folder = "<results>/features/synthetic/logmel64"
    assert files["features"] == f"{folder}/orig.npy"
    assert files["variants"] == [f"{folder}/noisy.npy", f"{folder}/pitchUp2.npy"]
    assert files["variant_indexes"] == [f"{folder}/noisy.csv", f"{folder}/pitchUp2.csv"]
    assert files["weights"] == files["embedding"] == []


def test_published_weights_are_a_list_that_is_fetched() -> None:
    found = study()
    features = FeatureInputs(found, AugmentationInputs(found))
    training = TrainingInputs(found, features)
    assert training.files(Wildcards(dataset="synthetic", model="ast"))["weights"] == ["<resources>/weights/ast.json"]
    assert features.embedding_weights("ast-embedding") == ["<resources>/weights/features/ast-embedding.json"]


def test_own_recordings_are_watched_and_an_archive_is_unpacked(tmp_path: Path) -> None:
    (tmp_path / "dog").mkdir()
    archive = tmp_path / "sounds.zip"
    archive.touch()
    sources = {
        "mine": {"reader": "folder", "root": str(tmp_path)},
        "packed": {"reader": "esc50", "root": str(archive)},
    }
    data = DataInputs(study(sources=sources))
    mine, packed = Wildcards(source="mine"), Wildcards(source="packed")
    assert data.source_files(mine) == [str(tmp_path), str(tmp_path / "dog")]
    assert data.source_root(mine, [str(tmp_path)]) == str(tmp_path)
    assert data.source_files(packed) == paths.FETCHED
    assert data.own_archive(packed) == [str(archive)]
    assert data.source_root(packed, ["results/sources/packed/fetched.json"]) == "results/sources/packed/recordings"


def test_only_finished_runs_are_read_where_gaps_are_shown(tmp_path: Path) -> None:
    done = tmp_path / "runs" / "synthetic" / "cnn" / "seed1"
    done.mkdir(parents=True)
    (done / "metrics.json").touch()
    changes = {
        "benchmark": {"datasets": ["synthetic"], "models": ["cnn", "resnet18"], "seeds": [1]},
        "report": {"missing": "show"},
    }
    found = study(lambda path: path.replace("<results>", str(tmp_path)), **changes)
    runs = SelectedRuns(found)
    assert runs.of(paths.METRICS)(Wildcards()) == ["<results>/runs/synthetic/cnn/seed1/metrics.json"]
    assert runs.has("synthetic", "cnn")
    assert not runs.has("synthetic", "resnet18")
    transfer = {"away": {"from": {"dataset": "synthetic", "model": "resnet18"}, "to": "synthetic"}}
    assert not TransferInputs(found, runs, DataInputs(found)).of_entries("{transfer}")(Wildcards()), transfer


def test_epochs_are_evaluated_of_models_that_have_them() -> None:
    mean = {"family": "cnn", "features": "logmel64", "training": {"epochs": 4, "keep": "last"}}
    mean["training"] |= {"average": "predictions", "checkpoints": 2}
    selected = {"datasets": ["synthetic"], "models": ["cnn", "svm", "mean"], "seeds": [1]}
    runs = SelectedRuns(study(models={"mean": mean}, benchmark=selected | {"every_epoch": True}))
    assert runs.networks == ["cnn"]
    assert SelectedRuns(study(models={"mean": mean}, benchmark=selected)).networks == []


def test_wildcards_choose_among_the_selected_runs() -> None:
    selected = {"datasets": ["esc10", "emodb"], "models": ["cnn", "resnet18"], "seeds": [1, 2]}
    runs = SelectedRuns(study(benchmark=selected))
    assert len(runs.of(paths.METRICS)(Wildcards())) == 2 * 2 * 2
    assert len(runs.of(paths.HISTORY)(Wildcards(dataset="emodb"))) == 2 * 2 * 10
    assert runs.of(paths.METRICS)(Wildcards(dataset="esc10", model="cnn")) == [
        "<results>/runs/esc10/cnn/seed1/metrics.json",
        "<results>/runs/esc10/cnn/seed2/metrics.json",
    ]
    assert runs.splits(Wildcards()) == ["<results>/splits/esc10/seed1.csv", "<results>/splits/emodb/seed1.csv"]


def robustness_inputs(found: Study) -> RobustnessInputs:
    return RobustnessInputs(found, SelectedRuns(found), FeatureInputs(found, AugmentationInputs(found)))


def test_modules_of_joined_front_ends_are_those_of_all_parts() -> None:
    found = study(features={"joined": JOINED}, robustness={"noise": [10]})
    folder = "soundbench.features.front_ends"
    expected = [f"{folder}.{name}" for name in ("concatenated", "functionals", "texture")]
    assert FeatureInputs(found, AugmentationInputs(found)).front_end_modules("joined") == expected
    assert robustness_inputs(found).modules(Wildcards(features="joined"))[:3] == expected


def test_robustness_is_evaluated_only_where_levels_are_given() -> None:
    without = study()
    assert robustness_inputs(without).evaluated() == []
    given = study(robustness={"noise": [10]})
    inputs = robustness_inputs(given)
    assert inputs.evaluated() == given.selected["datasets"]
    assert inputs.perturbations == [("noise", 10)]


def test_the_first_seed_is_exported_unless_another_is_named() -> None:
    inputs = ExportInputs(study(export={"fold": 2}))
    wildcards = Wildcards(dataset="synthetic", model="cnn")
    assert inputs.of_fold(paths.MODEL)(wildcards) == "<results>/runs/{dataset}/{model}/seed1/fold2/model.safetensors"


def test_export_has_the_members_of_ensembles_and_names_what_it_leaves_out(caplog: pytest.LogCaptureFixture) -> None:
    ensembles = {
        "both": {"family": "ensemble", "members": ["cnn", "resnet18"]},
        "several": {"family": "ensemble", "members": ["alexnet"], "runs": 2},
    }
    selected = {"datasets": ["synthetic"], "models": ["gradient-boosting", "both", "several", "cnn"]}
    found = ExportInputs(study(models=ensembles, benchmark=selected))
    folders = [paths.fill(paths.EXPORTED, dataset="synthetic", model=model)[0] for model in ("cnn", "resnet18")]
    assert found.folders(paths.EXPORTED)(Wildcards()) == folders
    assert "gradient-boosting: skl2onnx does not convert it" in caplog.text
    assert "several: an ensemble is not a single network" in caplog.text


def test_export_of_nothing_is_refused() -> None:
    found = ExportInputs(study(benchmark={"models": ["majority", "gradient-boosting"]}))
    with pytest.raises(InputError, match="None of the selected models can be exported") as raised:
        found.folders(paths.EXPORTED)(Wildcards())
    assert len(raised.value.problems) == 2


def test_export_refuses_an_ensemble_that_is_named_by_its_folder() -> None:
    found = study(models={"both": {"family": "ensemble", "members": ["cnn", "resnet18"]}})
    inputs = ExportInputs(found).checked(FeatureInputs(found, AugmentationInputs(found)).of_model)
    assert "features" in inputs(Wildcards(dataset="synthetic", model="cnn"))
    with pytest.raises(InputError, match="both cannot be exported: an ensemble is not a single network"):
        inputs(Wildcards(dataset="synthetic", model="both"))


def test_predicting_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="names no recordings"):
        PredictionInputs(study()).pages("{prediction}.html")(Wildcards())


def test_a_recording_to_predict_that_is_overwritten_in_place_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    recording = tmp_path / "known" / "dog" / "a.wav"
    recording.parent.mkdir(parents=True)
    (tmp_path / "list.csv").write_text("label,path\ndog,known/dog/a.wav\n")
    (tmp_path / "home.csv").write_text("path\n~/known/dog/a.wav\n")
    places = {"folder": "known", "pattern": "known*", "list": "list.csv", "home": "home.csv"}
    predict = {name: {"recordings": [str(tmp_path / place)]} for name, place in places.items()}
    model = {"dataset": "synthetic", "model": "cnn"}
    inputs = PredictionInputs(study(predict={name: entry | {"model": model} for name, entry in predict.items()}))

    def digests(content: str) -> dict[str, list[str]]:
        recording.write_text(content)
        files_state.cache_clear()
        return {name: inputs.recording_digests(Wildcards(prediction=name)) for name in places}

    before, after = digests("a"), digests("longer")
    assert all(len(before[name]) == len(after[name]) == 1 for name in places)
    assert all(before[name] != after[name] for name in places)


def test_rules_ask_for_files_of_training_only_of_trained_models() -> None:
    """An ensemble has neither a history nor explanations."""
    rules = "\n".join(path.read_text() for path in (REPOSITORY / "rules").glob("*.smk"))
    assert "runs.of_trained(paths.EXPLANATIONS)" in rules
    assert re.findall(r"runs\.of\([^)]*paths\.(?:HISTORY|EXPLANATIONS)\b", rules) == []
