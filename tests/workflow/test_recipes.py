"""Each recipe of ``config/recipes`` to its leaderboard, with few clips and epochs; real recordings where they are."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile
import transformers
import yaml
from safetensors.torch import save_file

from helpers.workflow import DATA, REPOSITORY, Workflow
from soundbench.data.readers.emodb import read
from soundbench.evaluation.ablation import ablation_steps

RECIPES = REPOSITORY / "config" / "recipes"
Config = dict[str, Any]

# What a person would do who tries a recipe: one split, few clips, an epoch or two.
TRIAL = {"split": {"scheme": "holdout", "folds": 1}, "limit": {"train": 10, "val": 10, "test": 10}}
EMOTIONS = {"happiness": "Celebration", "anger": "Excitement", "sadness": "Disappointment", "boredom": "Boring"}
# ESC-10's share of ESC-50's categories.
CATEGORIES = {
    "animals": ["dog", "rooster"],
    "natural_soundscapes_and_water": ["crackling_fire", "rain", "sea_waves"],
    "human_non_speech": ["crying_baby", "sneezing"],
    "interior_domestic": ["clock_tick"],
    "exterior_urban": ["chainsaw", "helicopter"],
}


def trial(recipe: Config, epochs: int = 1, library: tuple[str, ...] = ()) -> Config:
    """An overlay that makes a recipe small: its data sets, its own models and those it takes from the library."""
    models = [*recipe.get("models", {}), *library]
    return {
        "benchmark": {"seeds": [1]},
        "datasets": {name: copy.deepcopy(TRIAL) for name in recipe["benchmark"]["datasets"]},
        "models": {name: {"training": {"epochs": epochs}} for name in models},
    }


@pytest.fixture(scope="module")
def emodb_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A quarter of EmoDB."""
    if not (DATA / "emodb").is_dir():
        pytest.skip(f"no real recordings: {DATA / 'emodb'} is not there")
    root = tmp_path_factory.mktemp("emodb")
    for file in sorted((DATA / "emodb" / "wav").iterdir())[::4]:
        (root / file.name).symlink_to(file)
    return root


@pytest.fixture
def esc50_generated(tmp_path: Path) -> Path:
    """A third of the clips that ESC-50's table lists, as 0.25 s of noise."""
    table, rate = DATA / "esc50.csv", 16000
    if not table.exists():
        pytest.skip(f"no real table: {table} is not there")
    root = tmp_path / "esc50"
    for folder in ("audio", "meta"):
        (root / folder).mkdir(parents=True)
    clips = pd.read_csv(table).sort_values(["category", "fold", "filename"])[::3]
    clips.to_csv(root / "meta" / "esc50.csv", index=False)
    noise = np.random.default_rng(0)
    for name in clips["filename"]:
        soundfile.write(root / "audio" / name, 0.1 * noise.standard_normal(rate // 4), rate)
    return root


def reach_the_leaderboard(workflow: Workflow, name: str, overlay: Config, *figures: str) -> Path:
    """Run a recipe as far as its leaderboard and, where any of them are named, its figures; returns its results."""
    recipe = yaml.safe_load((RECIPES / name).read_text())
    reduced, results = workflow.overlay("reduced", **overlay), recipe["pathvars"]["results"]
    wanted = [f"{results}/summary/{file}" for file in ("leaderboard.csv", *(["figures"] if figures else []))]
    workflow.run(*wanted, "--cores", "2", "--configfile", f"config/recipes/{name}", reduced)
    board = pd.read_csv(workflow.folder / wanted[0])
    selected = recipe["benchmark"] | overlay["benchmark"]
    assert len(board) == len(selected["datasets"]) * len(selected["models"])
    assert board["mean"].between(-1, 1).all()  # a concordance can be negative
    for figure in figures:
        assert (workflow.folder / results / "summary" / "figures" / figure).stat().st_size > 1000
    return workflow.folder / results


def test_every_recipe_has_its_page() -> None:
    page = (RECIPES / "README.md").read_text()
    for file in RECIPES.glob("*.yaml"):
        assert f"## {file.stem}" in page
        assert f"config/recipes/{file.name}" in page


@pytest.mark.slow
def test_emotions_in_a_folder_of_ones_own(workflow: Workflow, emodb_root: Path, tmp_path: Path) -> None:
    """AST fine-tuned on four emotions: as they are, and two of the study's steps that merge and augment."""
    clips = read(emodb_root).iloc[::3]
    for row in clips[clips["label"].isin(EMOTIONS)].itertuples():
        folder = tmp_path / "emotions" / EMOTIONS[row.label]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{row.clip}.wav").symlink_to(row.path)
    sizes = {"hidden_size": 12, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 48}
    transformers.ASTForAudioClassification(
        transformers.ASTConfig(**sizes, num_labels=5, max_length=128)
    ).save_pretrained(tmp_path / "ast")
    overlay = trial(yaml.safe_load((RECIPES / "emotion-ast.yaml").read_text()))
    steps = ("emotions", "emotions-one-merged-augmented", "emotions-merged-augmented")
    overlay["benchmark"]["datasets"] = list(steps)
    overlay["sources"] = {"emotions": {"root": str(tmp_path / "emotions")}}
    overlay["features"] = {"ast": {"frames": 128}}
    overlay["models"]["ast-weighted"] |= {"pretrained": str(tmp_path / "ast"), "width": 12, "depth": 1, "heads": 2}
    results = reach_the_leaderboard(workflow, "emotion-ast.yaml", overlay, "all/ast-weighted/steps.svg")
    labels = {name: set(pd.read_csv(results / "splits" / name / "seed1.csv")["label"]) for name in steps}
    assert labels["emotions"] == set(EMOTIONS.values())
    assert labels["emotions-one-merged-augmented"] == {"positive", "Disappointment", "Boring"}
    assert labels["emotions-merged-augmented"] == {"positive", "negative"}
    copied = pd.read_csv(results / "augmented" / "emotions" / "pitchUp2.csv", dtype=str)
    asked = [name for name, emotion in EMOTIONS.items() if emotion in ("Disappointment", "Excitement")]
    assert len(copied) == clips["label"].isin(asked).sum()
    trained = json.loads((results / "runs" / steps[-1] / "ast-weighted" / "seed1" / "fold1" / "model.json").read_text())
    split = pd.read_csv(results / "splits" / steps[-1] / "seed1.csv")
    augmented = split["source_label"].isin(["Disappointment", "Excitement"]) & (split["fold1"] == "train")
    assert trained["examples"]["train"] == (split["fold1"] == "train").sum() + 3 * augmented.sum()


@pytest.mark.slow
def test_few_clips_and_epochs_for_a_compact_transformer(workflow: Workflow, esc50_generated: Path) -> None:
    """The study with ten clips held out, by its own settings on as many training clips."""
    overlay = {
        "benchmark": {"datasets": ["esc50-410"], "models": ["tinyast-brief"], "seeds": [1]},
        "sources": {"esc50": {"root": str(esc50_generated)}},
    }
    run = reach_the_leaderboard(workflow, "tinyast-esc50.yaml", overlay) / "runs" / "esc50-410" / "tinyast-brief"
    listed = pd.read_csv(run / "seed1" / "predictions.csv")
    assert listed["label"].nunique() == len(listed) == 10
    assert {"clip", "label", "predicted"} <= set(listed)
    assert len(set(listed) - {"clip", "fold", "label", "predicted"}) == 50
    trained = json.loads((run / "seed1" / "fold1" / "model.json").read_text())
    assert (trained["examples"]["train"], trained["epochs"]) == (400, 5)
    scores = json.loads((run / "seed1" / "metrics.json").read_text())["scores"]
    assert scores["uar"] == scores["accuracy"]  # a clip each of the classes that occur


@pytest.mark.slow
def test_attention_in_resnets_on_two_data_sets(workflow: Workflow, esc10_quarter: Path, emodb_root: Path) -> None:
    """Two of its models, with shallow networks and one effect, for the sake of time.

    tests/models/test_registry.py builds all of them.
    """
    overlay = trial(yaml.safe_load((RECIPES / "attention-resnets.yaml").read_text()), library=("cnn",))
    overlay["benchmark"]["models"] = ["cnn", "resnet50-cbam"]
    overlay["models"]["resnet50-cbam"]["name"] = "resnet10t"
    for view in overlay["datasets"].values():
        view["augment"] = [{"variants": ["pitchUp2"]}]
    overlay["sources"] = {"esc50": {"root": str(esc10_quarter)}, "emodb": {"root": str(emodb_root)}}
    reach_the_leaderboard(workflow, "attention-resnets.yaml", overlay, "ranks.svg")


def save_imagenet(path: Path) -> None:
    """Weights of the shape of ImageNet's, as timm's are published."""
    import timm

    save_file(timm.create_model("resnet18").state_dict(), path)


@pytest.mark.slow
def test_resnet_with_and_without_weights_to_start_from(workflow: Workflow, esc10_quarter: Path, tmp_path: Path) -> None:
    save_imagenet(tmp_path / "resnet18.safetensors")
    overlay = trial(yaml.safe_load((RECIPES / "resnet18-transfer.yaml").read_text()))
    overlay["sources"] = {"esc50": {"root": str(esc10_quarter)}}
    overlay["models"]["resnet18-imagenet"]["pretrained"] = str(tmp_path / "resnet18.safetensors")
    reach_the_leaderboard(workflow, "resnet18-transfer.yaml", overlay)


@pytest.mark.slow
def test_five_categories(workflow: Workflow, esc10_quarter: Path) -> None:
    overlay = trial(yaml.safe_load((RECIPES / "esc50-categories.yaml").read_text()), epochs=2)
    overlay["sources"] = {"esc50": {"root": str(esc10_quarter)}}
    overlay["datasets"]["esc50-categories"] |= {"merge": CATEGORIES}
    for model in overlay["models"].values():  # shallow, for the sake of time
        model["name"] = "resnet10t"
    drawn = [f"esc50-categories/{model}/samples.svg" for model in ("resnet18-masked", "densenet121-masked")]
    reach_the_leaderboard(workflow, "esc50-categories.yaml", overlay, *drawn)


@pytest.mark.slow
def test_kinds_of_models(workflow: Workflow, emodb_root: Path, tmp_path: Path) -> None:
    """On EmoDB alone, for the sake of time, with a small encoder in place of the pretrained one."""
    sizes = {"hidden_size": 12, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24}
    transformers.WavLMModel(
        transformers.WavLMConfig(**sizes, conv_dim=[4] * 7, num_conv_pos_embedding_groups=2)
    ).save_pretrained(tmp_path / "wavlm")
    overlay = trial(yaml.safe_load((RECIPES / "model-kinds.yaml").read_text()))
    overlay["benchmark"] |= {"datasets": ["emodb"], "models": ["svm", "cnn", "svm-and-cnn", "wavlm-svm"]}
    overlay["datasets"]["emodb"]["limit"] = {"train": 60, "val": 10, "test": 10}  # the svm needs several per class
    overlay["sources"] = {"emodb": {"root": str(emodb_root)}}
    overlay["models"] = {"cnn": {"training": {"epochs": 1}}}
    overlay["features"] = {"wavlm-embedding": {"model": {"pretrained": str(tmp_path / "wavlm")}}}
    reach_the_leaderboard(workflow, "model-kinds.yaml", overlay)


@pytest.mark.slow
def test_models_tuned_with_the_same_number_of_trials(workflow: Workflow, esc10_quarter: Path) -> None:
    """Two of its models and two trials, for the sake of time."""
    overlay = trial(yaml.safe_load((RECIPES / "tuned.yaml").read_text()), library=("cnn",))
    overlay["benchmark"] |= {"models": ["cnn", "svm"], "tune": {"trials": 2}}
    overlay["sources"] = {"esc50": {"root": str(esc10_quarter)}}
    results = reach_the_leaderboard(workflow, "tuned.yaml", overlay)
    for model in overlay["benchmark"]["models"]:
        table = pd.read_csv(results / "runs" / "esc10" / model / "seed1" / "fold1" / "trials.csv")
        assert table["trial"].tolist() == [1, 2]
        assert table["chosen"].sum() == 1


@pytest.mark.slow
def test_labels_and_numbers_of_mixtures(workflow: Workflow, esc10_quarter: Path) -> None:
    overlay = trial(yaml.safe_load((RECIPES / "mixtures.yaml").read_text()), library=("cnn",))
    overlay["sources"] = {"esc50": {"root": str(esc10_quarter)}, "mixtures": {"per_group": 4, "seconds": 3}}
    results = reach_the_leaderboard(workflow, "mixtures.yaml", overlay)
    split = pd.read_csv(results / "splits" / "mixture-labels" / "seed1.csv")
    assert split.groupby("group")["fold1"].nunique().max() == 1


@pytest.mark.slow
def test_the_same_models_in_two_precisions(workflow: Workflow, esc10_quarter: Path) -> None:
    overlay = trial(yaml.safe_load((RECIPES / "precision.yaml").read_text()))
    overlay["sources"] = {"esc50": {"root": str(esc10_quarter)}}
    del overlay["datasets"]["esc10-literature"]["limit"]["val"]  # nothing validates in that protocol
    results = reach_the_leaderboard(workflow, "precision.yaml", overlay)
    devices = pd.read_csv(results / "summary" / "scores.csv").set_index("model")["device"]
    in_bf16 = devices.str.endswith(" in bf16")
    assert in_bf16.to_dict() == {model: model.endswith("-bf16") for model in devices.index}


def settings_by_path(settings: Config, path: str = "") -> Config:
    """Nested settings as one mapping, such as ``{"training.epochs": 60}``."""
    found: Config = {}
    for key, value in settings.items():
        nested = isinstance(value, dict) and value  # {} switches an effect on
        found |= settings_by_path(value, f"{path}{key}.") if nested else {f"{path}{key}": value}
    return found


@pytest.mark.parametrize("name", ["ablation", "techniques"])
def test_each_step_of_an_ablation_changes_one_thing(name: str) -> None:
    """Also if the library changes the model that the recipe begins with."""
    recipe = yaml.safe_load((RECIPES / f"{name}.yaml").read_text())
    library = yaml.safe_load((REPOSITORY / "config" / "models.yaml").read_text())["models"]
    models = {model: settings_by_path((library | recipe["models"])[model]) for model in recipe["benchmark"]["models"]}
    models = {model: settings for model, settings in models.items() if settings["family"] != "ensemble"}
    for before, model in ablation_steps(recipe["report"]["ablation"], list(models)):
        changed = {path for path, value in models[model].items() if models[before].get(path) != value}
        assert models[before].keys() <= models[model].keys()
        assert 1 <= len(changed) <= 3, model
        assert all(path == "features" or path.startswith("training.") for path in changed)


@pytest.mark.slow
def test_techniques_one_at_a_time(workflow: Workflow, esc10_quarter: Path) -> None:
    """Two of them, for the sake of time."""
    overlay = trial(yaml.safe_load((RECIPES / "techniques.yaml").read_text()), library=("cnn-deep",))
    overlay["benchmark"] |= {"datasets": ["esc10"], "models": ["cnn-deep", "add-mixup", "add-average"]}
    overlay["sources"] = {"esc50": {"root": str(esc10_quarter)}}
    reach_the_leaderboard(workflow, "techniques.yaml", overlay, "ablation.svg")


@pytest.mark.slow
def test_published_networks_on_samples_by_three_rules(workflow: Workflow, esc10_quarter: Path) -> None:
    overlay = trial(yaml.safe_load((RECIPES / "replication.yaml").read_text()), epochs=2)
    overlay["sources"] = {"esc50": {"root": str(esc10_quarter)}}
    overlay["models"]["envnet-v2-tenth"]["hidden"] = 16
    overlay["models"]["acdnet-tenth"]["width"] = 2
    for model in overlay["models"].values():
        model["training"]["precision"] = "float32"  # bf16 takes minutes where the CPU has no instructions for it
    del overlay["datasets"]["esc10-literature"]["limit"]["val"]
    results = reach_the_leaderboard(workflow, "replication.yaml", overlay)
    files = ("config/recipes/replication.yaml", workflow.overlay("reduced", **overlay))
    workflow.run("results/replication/summary/epochs.csv", "--cores", "2", "--configfile", *files)
    table = pd.read_csv(results / "summary" / "epochs.csv").set_index(["dataset", "model"])
    assert len(table) == 4
    assert table["last_epoch"].eq(2).all()
    assert table.loc["esc10", "validation"].notna().all()
    assert table.loc["esc10-literature", "validation"].isna().all()
    assert (table["test"] >= table["last"]).all()
