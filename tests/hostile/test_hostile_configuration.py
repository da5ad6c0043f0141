"""Configurations that are wrong, odd or hostile: each is refused with its key, or does no harm."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from helpers.library import configuration
from helpers.workflow import REPOSITORY
from soundbench.config.check import lay_over, read_configuration, read_numbers
from soundbench.core.errors import InputError

NAN = float("nan")
CNN = {"family": "cnn", "features": "logmel64", "training": {"epochs": 1}}
VIEW = {"source": "synthetic", "split": {"scheme": "official", "protocol": "nested"}}


def training(**settings: Any) -> dict[str, Any]:
    return {"models": {"cnn": {"training": settings}}}


def seeds(*values: Any) -> dict[str, Any]:
    return {"benchmark": {"seeds": list(values)}}


REFUSED = {
    "not a number": (training(learning_rate=NAN), "models.cnn.training.learning_rate: should be a finite number"),
    "infinite": (training(weight_decay=float("inf")), "models.cnn.training.weight_decay: should be a finite number"),
    "infinite where anything may stand": (
        {"models": {"resnet18": {"arguments": {"drop_rate": float("-inf")}}}},
        "models.resnet18.arguments.drop_rate: should be a finite number, but is -inf",
    ),
    "NaN in a front-end": ({"features": {"logmel64": {"fmin": NAN}}}, "features.logmel64.fmin: should be a finite"),
    "NaN in a range": (training(augment={"vtlp": [NAN, 1.1]}), "augment.vtlp.0: should be a finite number"),
    "2.0 epochs": (training(epochs=2.0), "models.cnn.training.epochs: should be of type integer, but is 2.0"),
    "2.0 classes": ({"sources": {"synthetic": {"classes": 2.0}}}, "sources.synthetic.classes: should be of type int"),
    "a label that is 007": (
        {"datasets": {"synthetic": {"keep": [7]}}},
        "datasets.synthetic.keep.0: should be of type string, but is 7; write it in quotation marks",
    ),
    "a label that is off": (
        {"datasets": {"synthetic": {"drop": [False]}}},
        "datasets.synthetic.drop.0: should be of type string, but is False; write it in quotation marks",
    ),
    "a seed that is 1.0": (seeds(1.0), "benchmark.seeds.0: should be of type integer, but is 1.0"),
    "a seed that is true": (seeds(True), "benchmark.seeds.0: should be of type integer, but is True"),
    "a rate that is 16000.0": ({"features": {"ast": {"sample_rate": 16000.0}}}, "features.ast.sample_rate: should be"),
    "seed 2**63": (seeds(2**63), "benchmark.seeds.0: 9223372036854775808 is too large; the largest number is 2**63"),
    "seed 10**400": (seeds(10**400), "is too large; the largest number is 2**63 - 1"),
    "epochs 2**70": (training(epochs=2**70), "models.cnn.training.epochs: 1180591620717411303424 is too large"),
    "a key that is a number": ({"models": {1: CNN}}, "models.1: the key 1 is not text; write it in quotation marks"),
    "a key that is true": (
        {"datasets": {"synthetic": {"merge": {True: ["class00"]}}}},
        "datasets.synthetic.merge.True: the key True is not text",
    ),
    "a date": (
        {"benchmark": {"metric": yaml.safe_load("2024-01-01")}},
        "benchmark.metric: should be text or a number, but is datetime.date(2024, 1, 1)",
    ),
    "NUL in a path": ({"sources": {"esc50": {"root": "/data\0"}}}, "sources.esc50.root: the text '/data\\x00' holds"),
    "half a character": (
        {"references": {"esc50-ast": {"label": "\ud800"}}},
        "references.esc50-ast.label: the text '\\ud800' holds control characters; remove them",
    ),
    "data set like a table": (
        {"datasets": {"scores.csv": VIEW}},
        "datasets.scores.csv: a name may not end in .csv, because names of result files end in it",
    ),
    "model like a figure": ({"models": {"costs.svg": CNN}}, "models.costs.svg: a name may not end in .svg"),
    "prediction like a page": (
        {"predict": {"a.html": {"recordings": ["x"], "model": {"dataset": "synthetic", "model": "cnn"}}}},
        "predict.a.html: a name may not end in .html",
    ),
    "source like the weights": (
        {"sources": {"weights": {"reader": "synthetic"}}},
        "sources.weights: this name is reserved",
    ),
    "transfer that leaves its folder": (
        {"transfer": {"../x": {"from": {"dataset": "synthetic", "model": "cnn"}, "to": "synthetic"}}},
        "transfer.../x: a name may hold letters, digits",
    ),
    "script in a folder": (
        {"pathvars": {"results": "</script><script>alert(1)"}},
        "pathvars.results: the folder </script><script>alert(1) may not hold < >",
    ),
    "wildcard in a folder": ({"pathvars": {"logs": "<results>/{x}"}}, "pathvars.logs: the folder <results>/{x} may"),
    "recordings of nobody": (
        {"sources": {"esc50": {"root": "~nobody-here/x"}}, "benchmark": {"datasets": ["esc10"]}},
        "sources.esc50.root: ~nobody-here/x: there is no such home directory",
    ),
    "home of nobody": ({"pathvars": {"results": "~nobody-here/x"}}, "~nobody-here/x: there is no such home directory"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_is_refused_with_its_key(case: str) -> None:
    change, message = REFUSED[case]
    with pytest.raises(InputError, match=re.escape(message)):
        configuration(**change)


def test_largest_seed_decides_all_that_is_drawn() -> None:
    import pandas as pd
    import torch

    from soundbench.augment.batch import OnlineAugmentation
    from soundbench.core.devices import prepare_process
    from soundbench.data.stratification import divide_groups
    from soundbench.tasks.single_label import SingleLabel

    def draws(seed: int) -> list[list[Any]]:
        prepare_process(seed, torch.get_num_threads())
        parts = divide_groups(pd.Series(range(40)), pd.DataFrame({"dog": [1] * 40}), [0.5, 0.5], seed)
        augment = OnlineAugmentation({"gain": 1.0}, SingleLabel(["cat", "dog"]), 1.0, seed)
        features, _ = augment(torch.zeros(4, 1, 2, 3), torch.tensor([0, 1, 0, 1]))
        return [torch.rand(9).tolist(), parts.tolist(), features.tolist()]

    largest = configuration(**seeds(2**63 - 1))["benchmark"]["seeds"][0]
    first = draws(largest)
    assert draws(largest) == first
    assert all(drawn != other for drawn, other in zip(first, draws(largest - 1), strict=True))


@pytest.mark.slow
def test_no_name_ends_like_a_file_that_the_workflow_makes() -> None:
    """Every ending of an output that stands beside, or is, the folder of a name is refused."""
    folders = {"rules": "*.smk", "scripts/soundbench/study": "*.py", "scripts/soundbench/report/pages": "registry.py"}
    files = [file for folder, pattern in folders.items() for file in (REPOSITORY / folder).glob(pattern)]
    text = "\n".join(file.read_text() for file in files)
    endings = {found[1] for found in re.finditer(r'"(?:<(?:results|resources)>)?/[^"]*[^"/](\.[a-z]+)"', text)}
    assert {".csv", ".svg", ".html", ".json"} <= endings
    for ending in sorted(endings - {".safetensors", ".wav"}):
        with pytest.raises(InputError, match=f"may not end in {re.escape(ending)}"):
            configuration(datasets={f"x{ending}": VIEW})


def test_home_directory_is_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    settings = read_configuration(REPOSITORY / "config", {"pathvars": {"results": "~/sb", "logs": "<results>/l"}})
    assert settings["pathvars"] == {"results": "/home/me/sb", "logs": "<results>/l"}


@pytest.mark.parametrize(
    ("given", "path", "expected"),
    [
        ({"models": {"cnn": {"training": {"epochs": "10"}}}}, "models.cnn.training.epochs", 10),
        ({"models": {"cnn": {"training": {"learning_rate": "1e-3"}}}}, "models.cnn.training.learning_rate", 0.001),
        ({"models": {"cnn": {"training": {"patience": "null"}}}}, "models.cnn.training.patience", None),
        ({"models": {"cnn": {"training": {"trainable": "3"}}}}, "models.cnn.training.trainable", 3),
        ({"benchmark": {"seeds": ["4", "5"]}}, "benchmark.seeds", [4, 5]),
        ({"datasets": {"synthetic": {"keep": ["1", "true"]}}}, "datasets.synthetic.keep", ["1", "true"]),
        ({"models": {"cnn": {"training": {"epochs": "2.0"}}}}, "models.cnn.training.epochs", "2.0"),
    ],
)
def test_numbers_on_the_command_line_are_numbers(given: dict[str, Any], path: str, expected: Any) -> None:
    """Snakemake hands on what is nested in ``--config`` as text."""
    value: Any = read_numbers(lay_over(configuration(), given), given)
    for key in path.split("."):
        value = value[key]
    assert value == expected
    assert type(value) is type(expected)
