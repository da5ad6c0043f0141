"""Every data set of the library and of the recipes, split by its own settings, from clip tables of the real size."""

from __future__ import annotations

from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from helpers.library import configuration, no_findings
from helpers.workflow import DATA, REPOSITORY
from soundbench.core.storage import read_clip_table, write_csv
from soundbench.data.copies import training_copies, variant_names
from soundbench.data.index import read_clips
from soundbench.data.readers.synthetic import FOLDS, SOUNDS
from soundbench.data.splits import fold_column, split_clips
from soundbench.study.study import without

Config = dict[str, Any]

RECIPES = {path.stem: yaml.safe_load(path.read_text()) for path in (REPOSITORY / "config" / "recipes").glob("*.yaml")}
TABLES = ("synthetic", "esc50", "emodb")  # the sources whose real tables are here; tests/data imitates the others
LIBRARY = [
    name
    for name, view in yaml.safe_load((REPOSITORY / "config" / "datasets.yaml").read_text())["datasets"].items()
    if view["source"] in TABLES
]
# Mixtures are made of recordings; `test_labels_and_numbers_of_mixtures` splits them.
CASES = [("library", name) for name in LIBRARY] + [
    (recipe, name)
    for recipe, config in sorted(RECIPES.items())
    for name in dict.fromkeys([*config["benchmark"]["datasets"], *config.get("datasets", {})])
    if config.get("datasets", {}).get(name, {}).get("source") != "mixtures"
]
# EmoDB's utterances stand for a folder of emotions; three of its emotions are left out.
EMOTIONS = {"happiness": "Celebration", "anger": "Excitement", "sadness": "Disappointment", "boredom": "Boring"}


def real(name: str) -> Path:
    if not (DATA / name).exists():
        pytest.skip(f"no real recordings: {DATA / name} is not there")
    return DATA / name


@cache
def recipe_config(recipe: str) -> Config:
    """The checked configuration of the library with a recipe over it."""
    changes = dict(RECIPES.get(recipe, {}))
    if "emotions" in changes.get("sources", {}):  # the user's folder has to exist
        changes["sources"] = {"emotions": {"reader": "folder", "root": str(REPOSITORY)}}
    return configuration(**changes)


def synthetic_clips(settings: Config) -> pd.DataFrame:
    """The clips that the workflow would write, without their audio."""
    labels, numbers = sorted(SOUNDS)[: settings["classes"]], range(settings["recordings"])
    rows = [
        (f"{label}-{fold}-{number}-{take}", label, f"{label}-{fold}-{number}", fold)
        for label, fold, number, take in product(labels, range(1, FOLDS + 1), numbers, range(settings["takes"]))
    ]
    return pd.DataFrame(rows, columns=["clip", "label", "group", "fold"])


def read_source(source: str, settings: Config, folder: Path) -> pd.DataFrame:
    """The clips of a source of the library or of a recipe, from real tables and file names; their audio is not read."""
    options = without(settings, "on_bad_clip", "homepage", "license", "shards")
    match source:
        case "synthetic":
            return synthetic_clips(settings)
        case "esc50":
            (folder / "meta").mkdir(exist_ok=True)
            (folder / "meta" / "esc50.csv").symlink_to(real("esc50.csv"))
            return read_clips(options, folder)
        case "emodb":
            return read_clips(options, real("emodb"))
        case _:
            utterances = read_clips({"reader": "emodb"}, real("emodb"))
            return utterances[utterances["label"].isin(EMOTIONS)].replace({"label": EMOTIONS})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sources")


def split_view(case: tuple[str, str], seed: int, folder: Path) -> tuple[pd.DataFrame, Config]:
    """The split table of a data set, and its entry with every default."""
    recipe, name = case
    config = recipe_config(recipe)
    view = config["datasets"][name]
    clips = folder / f"{view['source']}.csv"
    if not clips.exists():
        (folder / view["source"]).mkdir(exist_ok=True)
        write_csv(clips, read_source(view["source"], config["sources"][view["source"]], folder / view["source"]))
    split_clips(clips, no_findings(folder / "audit.csv"), name, view, seed, folder / "split.csv")
    return read_clip_table(folder / "split.csv"), view


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids="/".join)
def test_every_data_set_splits_by_its_own_settings(case: tuple[str, str], folder: Path) -> None:
    recipe = RECIPES.get(case[0], {"benchmark": {"seeds": [1, 2, 3]}})
    for seed in recipe["benchmark"]["seeds"]:
        split, view = split_view(case, seed, folder)
        limit = view.get("limit", {})
        for fold in range(1, view["split"]["folds"] + 1):
            column = split[fold_column(fold)]
            trained = split[column == "train"]
            assert set(trained["label"]) == set(split["label"])
            assert len(trained) <= limit.get("train", len(split))
            assert 0 < (column == "test").sum() <= limit.get("test", len(split))
            assert column.eq("val").any() == (view["split"]["protocol"] == "nested")
        copies = training_copies(split[split["fold1"] == "train"], view["augment"], seed)
        assert set(copies["variant"]) == set(variant_names(view["augment"]))


def test_ten_clips_of_esc50_are_held_out(folder: Path) -> None:
    split, _ = split_view(("tinyast-esc50", "esc50-410"), 1, folder)
    parts = split.groupby("fold1")["label"].agg(["size", "nunique"])
    assert parts.loc["train"].tolist() == [400, 50]
    assert parts.loc["test"].tolist() == [10, 10]


STEPS = {
    "emotions": ([], []),
    "emotions-one-merged": (["Celebration", "Excitement"], []),
    "emotions-one-augmented": ([], ["Disappointment"]),
    "emotions-one-merged-augmented": (["Celebration", "Excitement"], ["Disappointment"]),
    "emotions-merged": (["Boring", "Celebration", "Disappointment", "Excitement"], []),
    "emotions-augmented": ([], ["Disappointment", "Excitement"]),
    "emotions-merged-augmented": (
        ["Boring", "Celebration", "Disappointment", "Excitement"],
        ["Disappointment", "Excitement"],
    ),
}


def test_steps_of_the_emotion_study(folder: Path) -> None:
    """Which of the folder's labels each step merges, and the clips of which it augments."""
    assert list(STEPS) == RECIPES["emotion-ast"]["benchmark"]["datasets"]
    for name, (merged, augmented) in STEPS.items():
        split, view = split_view(("emotion-ast", name), 1, folder)
        own = split.get("source_label", split["label"])
        assert sorted(set(own[own != split["label"]])) == merged, name
        trained = split["fold1"] == "train"
        copies = training_copies(split[trained], view["augment"], seed=1)
        parents = own.set_axis(split["clip"]).loc[copies["clip"].unique()]
        assert sorted(set(parents)) == augmented, name
        assert len(parents) == (trained & own.isin(augmented)).sum(), name


def test_baseline_of_the_attention_study() -> None:
    """Ten epochs, and for all models the rate of the files."""
    config = recipe_config("attention-resnets")
    models = {name: config["models"][name] for name in config["benchmark"]["models"]}
    assert models["cnn"]["training"]["epochs"] == 10
    assert {config["features"][model["features"]]["sample_rate"] for model in models.values()} == {None}


def test_optimiser_of_the_compact_transformer() -> None:
    training = recipe_config("tinyast-esc50")["models"]["tinyast-brief"]["training"]
    assert (training["optimizer"], training["weight_decay"], training["epochs"]) == ("adam", 0, 5)
