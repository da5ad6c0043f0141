"""What CONTRIBUTING says of extensions, done as it says: each is one file, and an entry uses it."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import soundfile
import yaml

from helpers.workflow import REPOSITORY, Workflow
from soundbench.config.check import lay_over
from soundbench.core.storage import read_json

BLOCK = re.compile(r"^```(python|yaml)\n# (\S+)\n(.*?)^```", re.M | re.S)
RUN = "results/runs/mine/mine/seed1/fold1/model.json"
RATE = 16000


def examples() -> tuple[dict[str, str], dict[str, Any]]:
    """The files that CONTRIBUTING shows, by path, and the entries of the library that use them."""
    files: dict[str, str] = {}
    entries: dict[str, Any] = {}
    for kind, path, text in BLOCK.findall((REPOSITORY / "CONTRIBUTING.md").read_text()):
        if kind == "python":
            files[path] = text
        else:
            entries = lay_over(entries, yaml.safe_load(text))
    return files, entries


@pytest.fixture
def extended(workflow: Workflow) -> Workflow:
    """A workflow with one extension of each kind, and recordings of two speakers for its reader."""
    files, entries = examples()
    for path, text in files.items():
        assert not (workflow.folder / path).exists()
        (workflow.folder / path).write_text(text)
    folder = workflow.folder / "recordings"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for label, level in (("loud", 0.5), ("soft", 0.05)):
        for speaker in ("ann", "bob"):
            for number in range(4):
                samples = level * rng.uniform(-1, 1, RATE // 2)
                soundfile.write(folder / f"{label}-{speaker}-{number:02}.wav", samples, RATE)
    entries["models"]["mine"]["training"]["epochs"] = 2
    workflow.overlay("mine", benchmark={"datasets": ["mine"], "models": ["mine"], "seeds": [1]}, **entries)
    return workflow


@pytest.mark.slow
def test_one_file_and_one_entry_are_enough(extended: Workflow) -> None:
    assert len(examples()[0]) == 5
    extended.run(RUN, "--cores", "2", "--configfile", "mine.yaml")
    description = read_json(extended.folder / RUN)
    assert description["labels"] == ["loud", "soft"]
    assert description["front_end"]["front_end"] == "energy"
    assert description["shape"][0] == 1
    assert description["examples"]["train"] == 16, "eight clips and their copies"
    assert description["parameters"] == 32 + 32 + 32 * 2 + 2
    assert list((extended.results / "augmented" / "mine" / "reversed").glob("*.flac"))
    # Only the jobs that use a file run again after it was edited.
    effect = extended.folder / "scripts/soundbench/augment/batch_effects/hiss.py"
    effect.write_text(effect.read_text().replace("deviation * torch", "2 * deviation * torch"))
    assert set(extended.planned(RUN, "--configfile", "mine.yaml")) == {"train_model"}


def test_their_keys_are_checked(extended: Workflow) -> None:
    extended.overlay(
        "wrong",
        sources={"mine": {"digits": 0}},
        features={"energy": {"hop_len": 3}},
        models={"mine": {"hiden": 8, "training": {"augment": {"hiss": -1}}}},
        augmentations={"reversed": {"steps": [{"effect": "reverse"}]}},
    )
    said = extended.run("--dry-run", "--configfile", "mine.yaml", "wrong.yaml", check=False).stdout
    for problem in (
        "sources.mine.digits: 0 is less than the minimum of 1",
        "features.energy.hop_len: unknown key; did you mean 'hop_length'?",
        "models.mine.hiden: unknown key; did you mean 'hidden'?",
        "models.mine.training.augment.hiss: -1 is less than the minimum of 0",
        "augmentations.reversed.steps.0.share: is missing",
    ):
        assert problem in said
