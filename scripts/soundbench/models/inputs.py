"""Which features a family of models works with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from soundbench.features.settings import by_group, input_kind
from soundbench.models.encoders import FAMILY, front_end_problem
from soundbench.models.ensembles import trained_models
from soundbench.models.families import FAMILIES, takes

KINDS = {
    "spectrogram": "a spectrogram",
    "vector": "one vector per clip",
    "waveform": "the samples of clips",
}


def input_problems(where: str, model: dict[str, Any], features: str, front_end: dict[str, Any]) -> Iterator[str]:
    """Why a model does not work with the features of a front-end.

    Args:
        where: the key of the configuration that names the ``features``.
        model: its ``family`` and options.
    """
    family = model["family"]
    kind = input_kind(front_end)
    if takes(family, kind):
        if family == FAMILY and (problem := front_end_problem(model.get("configuration"), front_end)):
            yield f"{where}: {features} is {problem}"
        return
    needed = " or ".join(text for name, text in KINDS.items() if takes(family, name))
    others = ", ".join(name for name in FAMILIES.names if takes(name, kind))
    yield (
        f"{where}: {features} gives {KINDS[kind]}, but {family} needs {needed}; choose another entry, or one of the "
        f"families {others}"
    )


def transductive_models(models: Iterable[str], library: dict[str, Any]) -> list[str]:
    """Those of these ``models`` whose features, or those of a member, are normalised by group.

    Args:
        library: the entries ``features``, ``models`` and ``ensembles`` of the configuration, by name.
    """

    def reads_groups(model: str) -> bool:
        members = trained_models(library["ensembles"], [model])
        return any(by_group(library["features"][library["models"][name]["features"]]) for name in members)

    return [model for model in models if reads_groups(model)]
