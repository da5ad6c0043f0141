"""Names of timm's models are checked before any job starts."""

from __future__ import annotations

from typing import Any

import pytest

from helpers.library import configuration
from soundbench.core.errors import InputError
from soundbench.models import timm_names
from soundbench.models.timm_names import name_problem

OWN = {"family": "timm", "name": "resnt18", "features": "logmel64", "training": {"epochs": 1}}
PROBLEM = "timm has no model resnt18; it has resnet18, "


def problems(model: str, **changes: Any) -> list[str]:
    with pytest.raises(InputError) as refused:
        configuration(**changes, benchmark={"models": [model]})
    return refused.value.problems


@pytest.mark.parametrize(
    "name", ["resnet18", "resnet18.a1_in1k", "vit_base_patch16_224", "xception", "tv_resnext50_32x4d"]
)
def test_models_of_timm_and_their_earlier_names_are_known(name: str) -> None:
    assert name_problem(name) is None


@pytest.mark.parametrize("name", ["resnt18", "ResNet", "hf-hub:me/mine", "x("])
def test_other_names_are_refused(name: str) -> None:
    assert str(name_problem(name)).startswith(f"timm has no model {name}")


def test_nothing_is_said_where_only_the_jobs_have_timm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timm_names, "find_spec", lambda _: None)
    name_problem.cache_clear()
    assert name_problem("resnt18") is None
    name_problem.cache_clear()


def test_selected_models_members_and_networks_of_embeddings_are_checked() -> None:
    [found] = problems("own", models={"own": OWN})
    assert found.startswith(f"models.own.name: {PROBLEM}")
    both = {"family": "ensemble", "members": ["own", "cnn"]}
    [found] = problems("both", models={"own": OWN, "both": both})
    assert found.startswith(f"models.own.name: {PROBLEM}")
    network = {"family": "timm", "name": "resnt18", "pretrained": "imagenet"}
    embedding = {"front_end": "embedding", "features": "ast", "model": network}
    probe = {"family": "linear", "features": "embedded", "training": {"epochs": 1}}
    [found] = problems("probe", models={"probe": probe}, features={"embedded": embedding})
    assert found.startswith(f"features.embedded.model.name: {PROBLEM}")
    configuration(models={"own": OWN}, benchmark={"models": ["cnn"]})
