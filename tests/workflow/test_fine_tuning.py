"""The real workflow, where a model starts from a run on another source, or from published weights."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from helpers.workflow import TINY, Workflow
from soundbench.core.storage import read_json
from soundbench.models.saved import load_model

ARGUMENTS = ("--cores", "2", "--configfile", "tuning.yaml")
TUNED, PUBLISHED = (f"results/runs/synthetic/{model}/seed1/fold1/model.safetensors" for model in ("tuned", "published"))
TRAINING = {"epochs": 1, "trainable": "head"}


@pytest.fixture
def tuning(workflow: Workflow) -> Workflow:
    """A small source to train on before, with one class more, and two models that start from other weights."""
    sources, features = TINY["sources"], TINY["features"]
    before = {"source": "before", "split": {"scheme": "official", "protocol": "nested"}}
    run = "<results>/runs/before/cnn/seed2/fold3"
    models = TINY["models"] | {
        "tuned": {"family": "cnn", "width": 4, "features": "logmel64", "pretrained": run, "training": TRAINING},
        "published": TINY["models"]["resnet10t"] | {"pretrained": "imagenet", "training": TRAINING},
    }
    workflow.overlay(
        "tuning",
        benchmark={"datasets": ["synthetic"], "models": ["tuned", "published"], "seeds": [1]},
        sources=sources | {"before": sources["synthetic"] | {"reader": "synthetic", "classes": 4, "seed": 1}},
        datasets={"before": before},
        features=features,
        models=models,
    )
    return workflow


def test_run_to_start_from_is_made_first_and_published_weights_are_fetched(tuning: Workflow) -> None:
    planned = tuning.planned(TUNED, PUBLISHED, "--configfile", "tuning.yaml")
    assert (planned["train_model"], planned["fetch_weights"]) == (3, 1)


def test_same_source_is_refused_before_anything_starts(tuning: Workflow) -> None:
    text = (tuning.folder / "tuning.yaml").read_text()
    (tuning.folder / "tuning.yaml").write_text(text.replace("runs/before/", "runs/synthetic/"))
    said = tuning.run("--dry-run", *ARGUMENTS, check=False)
    assert said.returncode != 0
    assert re.search(r"models\.tuned\.pretrained: .*was trained on synthetic", said.stdout)


@pytest.mark.slow
def test_fine_tuned_from_a_run_on_another_source(tuning: Workflow) -> None:
    tuning.run(TUNED, *ARGUMENTS)
    before = tuning.results / "runs" / "before" / "cnn" / "seed2" / "fold3"
    states = [load_file(path) for path in (before / "model.safetensors", tuning.folder / TUNED)]
    assert [len(state["classifier.bias"]) for state in states] == [4, 3]
    body = [name for name in states[0] if not name.startswith("classifier")]
    assert all(torch.equal(states[0][name], states[1][name]) for name in body)
    folder = (tuning.folder / TUNED).parent
    assert read_json(folder / "model.json")["sources"] == ["before", "synthetic"]
    shutil.rmtree(before)
    network, _ = load_model(folder)  # needs what is in its own folder, and nothing else
    assert torch.equal(network.state_dict()["classifier.bias"], states[1]["classifier.bias"])


@pytest.mark.slow
def test_published_weights_brought_by_hand(tuning: Workflow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without network the job says what to put where; put there, it is what training starts from."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "empty"))
    said = tuning.run(PUBLISHED, *ARGUMENTS, check=False)
    assert said.returncode != 0
    instructions = re.search(
        r"Download (https://\S+/model\.safetensors) elsewhere, put it into (\S+) and run again", said.stdout
    )
    assert instructions
    import timm

    state = timm.create_model("resnet10t").state_dict()
    folder = tuning.folder / instructions[2]
    folder.mkdir(parents=True)
    save_file(state, folder / "model.safetensors")
    tuning.run(PUBLISHED, *ARGUMENTS)
    trained = load_file(tuning.folder / PUBLISHED)
    first = next(name for name in state if state[name].ndim == 4)
    assert torch.equal(trained[first], state[first].sum(dim=1, keepdim=True))
    assert torch.equal(trained["layer4.0.bn1.running_mean"], state["layer4.0.bn1.running_mean"])
