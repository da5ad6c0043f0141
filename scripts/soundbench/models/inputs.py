"""Which features a family of models works with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from soundbench.features.settings import input_kind
from soundbench.models.families import FAMILIES, takes

KINDS = {
    "spectrogram": "a spectrogram",
    "vector": "one vector per clip",
    "waveform": "the samples of clips",
}


def input_problems(where: str, family: str, features: str, front_end: dict[str, Any]) -> Iterator[str]:
    """Why a family does not work with the features of a front-end.

    Args:
        where: the key of the configuration that names the ``features``.
    """
    kind = input_kind(front_end)
    if takes(family, kind):
        return
    needed = " or ".join(text for name, text in KINDS.items() if takes(family, name))
    others = ", ".join(name for name in FAMILIES.names if takes(name, kind))
    yield (
        f"{where}: {features} gives {KINDS[kind]}, but {family} needs {needed}; choose another entry, or one of the "
        f"families {others}"
    )
