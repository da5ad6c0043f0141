"""The vectors of several front-ends in one."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from helpers.library import configuration, front_end
from helpers.workflow import Workflow
from soundbench.core.errors import InputError
from soundbench.data.audio import resample, write_audio
from soundbench.features.front_ends import FRONT_ENDS, part_names
from soundbench.features.settings import feature_bins, input_kind

RATE = 22050
SAMPLES = np.random.default_rng(0).standard_normal(RATE).astype(np.float32)


def joined(*parts: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"front_end": "concatenated", "parts": list(parts), **changes}


@pytest.mark.slow
def test_the_vector_has_the_values_of_every_part() -> None:
    parts: list[dict[str, Any]] = [
        {"front_end": "functionals", "f0": None},
        {"front_end": "texture", "sample_rate": 8000},
    ]
    settings = front_end(**joined(*parts))
    found = FRONT_ENDS.load("concatenated").compute(SAMPLES, RATE, settings)
    assert found.shape == (feature_bins(settings), 1)
    expected = []
    for part in parts:
        own = front_end(**part)
        samples = resample(SAMPLES, RATE, own["sample_rate"])
        expected.append(FRONT_ENDS.load(own["front_end"]).compute(samples, own["sample_rate"], own))
    assert torch.equal(found, torch.cat(expected))


def test_every_front_end_that_gives_a_vector_of_samples_can_be_a_part() -> None:
    assert {"functionals", "opensmile", "rocket", "texture"} <= set(part_names())
    assert not {"concatenated", "embedding", "logmel"} & set(part_names())
    assert input_kind(front_end(**joined({"front_end": "texture"}, {"front_end": "rocket"}))) == "vector"


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        (joined({"front_end": "texture"}), "features.own.parts: holds 1; name at least 2"),
        (joined({"front_end": "texture"}, {"front_end": "logmel"}), "features.own.parts.1.front_end: 'logmel' is not"),
        (joined({"front_end": "texture"}, {"bands": 3}), "features.own.parts.1.front_end: is missing"),
        (
            joined({"front_end": "texture", "band": 3}, {"front_end": "rocket"}),
            "features.own.parts.0.band: unknown key",
        ),
        (
            joined({"front_end": "texture"}, {"front_end": "functionals", "n_mfcc": 65}),
            "features.own.parts.1.n_mfcc: 65 is larger than the number of mel filters",
        ),
        (
            joined({"front_end": "texture", "trim": True}, {"front_end": "rocket"}),
            "features.own.parts.0.trim: has no effect on a part; set it for the whole",
        ),
        (joined({"front_end": "texture"}, {"front_end": "rocket"}, sample_rate=16000), "features.own.sample_rate: "),
    ],
)
def test_what_does_not_fit_is_named(entry: dict[str, Any], problem: str) -> None:
    with pytest.raises(InputError) as raised:
        configuration(features={"own": entry})
    assert any(found.startswith(problem) for found in raised.value.problems), raised.value.problems


@pytest.mark.slow
def test_a_network_on_two_vectors_reaches_the_leaderboard_and_predicts(workflow: Workflow) -> None:
    texture, rocket = {"front_end": "texture", "bands": 8}, {"front_end": "rocket", "n_mels": 8, "kernels": 1}
    overlay = workflow.overlay(
        "own",
        sources={"synthetic": {"classes": 3, "recordings": 1, "takes": 2, "seconds": 0.5, "sample_rate": 16000}},
        benchmark={"datasets": ["synthetic"], "models": ["joined", "joined-ridge"], "seeds": [1]},
        features={"both": joined(texture, rocket)},
        models={
            "joined": {"family": "mlp", "features": "both", "training": {"epochs": 3}},
            "joined-ridge": {"family": "ridge", "features": "both"},
        },
        predict={"again": {"recordings": ["sounds"], "model": {"dataset": "synthetic", "model": "joined", "seed": 1}}},
    )
    (workflow.folder / "sounds").mkdir()
    write_audio(workflow.folder / "sounds" / "own.wav", 0.1 * SAMPLES, RATE)
    workflow.run("all", "predict", "--cores", "2", "--configfile", overlay)
    board = pd.read_csv(workflow.results / "summary" / "leaderboard.csv")
    assert set(board["model"]) == {"joined", "joined-ridge"}
    trained = json.loads((workflow.results / "runs/synthetic/joined/seed1/fold1/model.json").read_text())
    assert [part["front_end"] for part in trained["front_end"]["parts"]] == ["texture", "rocket"]
    assert len(pd.read_csv(workflow.results / "predictions" / "again" / "predictions.csv")) == 1
