"""Sources and views whose keys do not fit each other: found before anything starts, all at once."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from helpers.workflow import REPOSITORY
from soundbench.config.check import check_configuration
from soundbench.core.errors import InputError


@pytest.fixture
def config() -> dict[str, Any]:
    """The configuration as shipped."""
    merged: dict[str, Any] = {}
    for name in ("datasets", "augmentations", "features", "models", "references", "config"):
        merged |= yaml.safe_load((REPOSITORY / "config" / f"{name}.yaml").read_text())
    return copy.deepcopy(merged)


def problems(config: dict[str, Any], **views: Any) -> list[str]:
    config["datasets"] |= views
    config["benchmark"]["datasets"] = list(views)
    with pytest.raises(InputError) as refused:
        check_configuration(config)
    return refused.value.problems


def view(source: str = "synthetic", scheme: str = "official", protocol: str = "nested", **keys: Any) -> dict[str, Any]:
    """A view on a source; what a split has besides goes there."""
    split = {"scheme": scheme, "protocol": protocol}
    split |= {key: keys.pop(key) for key in ("folds", "parts", "test_ratio", "val_ratio") if key in keys}
    return {"source": source, "split": split, **keys}


def test_impossible_folds_and_ratios_are_named_together(config: dict[str, Any]) -> None:
    assert problems(
        config,
        a=view(scheme="kfold", folds=2),
        b=view(scheme="leave-one-group-out"),
        c=view(scheme="holdout", test_ratio=0.6, val_ratio=0.5),
        d=view(scheme="holdout", folds=5),
        e=view(scheme="holdout", test_ratio=1.5),
        f=view(scheme="kfold", test_ratio=0.1),
        g=view(scheme="kfolds"),
    ) == [
        "datasets.a.split.folds: the nested protocol needs 3 folds (train, validate, test) or more",
        "datasets.b.split.folds: is missing",
        "datasets.c.split: the ratios leave -0.1 of the clips to train on; their sum should be below 1",
        "datasets.d.split.folds: should be 1, but is 5. A holdout has one fold.",
        "datasets.e.split.test_ratio: 1.5 is greater than or equal to the maximum of 1",
        "datasets.f.split.test_ratio: unknown key; known: crossing_groups, duplicates, folds, protocol, scheme",
        "datasets.g.split.scheme: 'kfolds' is not one of its values; did you mean 'kfold'?",
    ]


def test_two_kinds_of_groups_that_no_fold_keeps_apart_are_named(config: dict[str, Any]) -> None:
    both = ["speaker", "text"]
    assert problems(
        config,
        a=view(scheme="kfold", group=both),
        b=view(scheme="crossed", group=both, parts=[5, 2], folds=5),
        c=view(scheme="crossed", group=["speaker"], parts=[2, 4], folds=8),
        d=view(scheme="crossed", group=both, folds=4),
        e=view(scheme="kfold", group=[*both, "room"]),
    ) == [
        "datasets.a.group: two columns need split.scheme: crossed; name one column, or use that scheme",
        "datasets.b.split.folds: should be 10, one fold per pair of the 5 × 2 parts",
        "datasets.c.group: the scheme crossed needs two columns of the clips, such as [speaker, text]",
        "datasets.c.split.parts: the nested protocol needs 3 parts of the first column or more",
        "datasets.d.split.parts: is missing",
        "datasets.e.group: holds 3; name at most 2",
    ]


def test_a_holdout_is_one_fold_and_literature_needs_no_validation(config: dict[str, Any]) -> None:
    config["datasets"] |= {
        "once": view(scheme="holdout"),
        "twice": view(scheme="kfold", protocol="literature", folds=2),
        "most": view(scheme="holdout", protocol="literature", test_ratio=0.5, val_ratio=0.5),
    }
    resolved = check_configuration(config)["datasets"]
    honest = {"crossing_groups": [], "duplicates": "fail"}
    once = view(scheme="holdout", folds=1, test_ratio=0.2, val_ratio=0.2)["split"]
    assert resolved["once"]["split"] == once | honest


def test_views_that_contradict_themselves_are_named_together(config: dict[str, Any]) -> None:
    assert problems(
        config,
        a=view(merge={"x": ["rain", "wind"], "y": ["wind"]}),
        b=view(keep=["rain", "wind"], drop=["wind", "dog"], merge={"x": ["dog", "bird"]}),
        c=view(protocol="literature", limit={"val": 5}),
        d=view(limit={"trian": 5, "test": 0}),
        e=view(merge={"x": "rain"}),
    ) == [
        "datasets.a.merge: wind is merged into two labels",
        "datasets.b.drop: dog is dropped, but also kept or merged",
        "datasets.b.drop: wind is dropped, but also kept or merged",
        "datasets.b.merge: bird is not among the labels to keep",
        "datasets.c.limit.val: the literature protocol has no validation clips",
        "datasets.d.limit.test: 0 is less than the minimum of 1",
        "datasets.d.limit.trian: unknown key; did you mean 'train'?",
        "datasets.e.merge.x: should be of type list, but is 'rain'; write [rain]",
    ]


def test_sources_that_come_from_nowhere_are_named_together(config: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "clips.csv").touch()
    (tmp_path / "clips.zip").touch()
    here = {name: str(tmp_path / name) for name in ("clips.csv", "clips.zip", "none")}
    sources = {
        "a": {"reader": "esc50"},
        "b": {"reader": "folder"},
        "c": {"reader": "folder", "root": here["none"]},
        "d": {"reader": "folder", "root": here["clips.csv"]},
        "e": {"reader": "csv", "root": str(tmp_path)},
        "f": {"reader": "csv", "root": here["clips.zip"]},
        "g": {"reader": "emodb", "url": "http://127.0.0.1/", "checksum": "7771e4b9"},
        "fine": {"reader": "csv", "root": here["clips.csv"]},
        "fine-too": {"reader": "folder", "root": here["clips.zip"]},
    }
    config["sources"] |= sources
    found = problems(config, **{name: view(name, "kfold") for name in sources})
    assert [problem.split(":")[0] for problem in found] == [
        "sources.a.root",
        "sources.b.root",
        "sources.c.root",
        "sources.d.root",
        "sources.e.root",
        "sources.f.root",
        "sources.g.checksum",
    ]
    assert "or give the address of an archive with url" in found[0]
    assert "is missing" in found[1]
    assert "does not exist" in found[2]
    assert "neither a folder nor a .zip" in found[3]


def test_recordings_that_are_not_fetched_are_asked_for_with_their_address_and_licence(config: dict[str, Any]) -> None:
    given = [name for name in config["datasets"] if "homepage" in config["sources"].get(name, {})]
    assert set(given) == {"ravdess", "crema-d", "tess", "gtzan", "speech-commands", "urbansound8k"}
    config["benchmark"]["datasets"] = given
    with pytest.raises(InputError) as refused:
        check_configuration(config)
    ask = "name the folder or the .zip with these recordings, which are not fetched; they are published at"
    assert refused.value.problems == sorted(
        f"sources.{name}.root: {ask} {source['homepage']} (licence: {source['license']})"
        for name, source in config["sources"].items()
        if name in given
    )


def test_patterns_that_cannot_work_are_named_together(config: dict[str, Any], tmp_path: Path) -> None:
    root = str(tmp_path)
    config["sources"] |= {
        "a": {"reader": "pattern", "root": root, "pattern": "(?P<label>[a-z]+", "ignore": "*"},
        "b": {"reader": "pattern", "root": root, "pattern": "(?P<group>.*)", "codes": {"labels": {"x": "y"}}},
        "c": {
            "reader": "pattern",
            "root": root,
            "pattern": "(?P<part>.)(?P<label>.)(?P<path>.)",
            "lists": {"test": "a.txt"},
        },
        "d": {"reader": "csv", "root": root, "columns": {"path": "file"}},
    }
    found = problems(config, **{name: view(name, "kfold") for name in "abcd"})
    made = "no part may be named {}, because the workflow makes a column of this name"
    assert [problem.split(" (missing")[0] for problem in found] == [
        "sources.a.ignore: is not a regular expression (nothing to repeat at position 0)",
        "sources.a.pattern: is not a regular expression",
        "sources.b.codes.labels: the pattern has no part named labels; it has group",
        "sources.b.pattern: needs a part named label, such as (?P<label>[a-z]+)",
        f"sources.c.pattern: {made.format('part')}",
        f"sources.c.pattern: {made.format('path')}",
        "sources.d.columns.label: is missing",
        "sources.d.columns: needs `table`, the table's path in the folder `root`",
        f"sources.d.root: {root} is not a table; with reader csv, root is the table itself",
    ]


def test_every_other_view_of_the_library_can_be_run_without_a_copy_of_its_recordings(config: dict[str, Any]) -> None:
    given = {name for name, source in config["sources"].items() if "homepage" in source}
    config["benchmark"]["datasets"] = [
        name for name, entry in config["datasets"].items() if entry["source"] not in given
    ]
    resolved = check_configuration(config)
    views = resolved["datasets"]
    assert {"esc50", "esc50-literature", "esc10", "esc10-literature", "esc50-categories", "emodb"} <= set(views)
    for name, entry in views.items():
        literature = views.get(f"{name}-literature")
        if literature:
            assert entry["split"]["protocol"] == "nested"
            assert literature == entry | {"split": entry["split"] | {"protocol": "literature"}}
