"""Checkpoints of transformers on disk: which kinds of encoders are supported, and whether a front-end fits them.

This module works without torch, so that a configuration is checked before any job starts.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from soundbench.core.errors import InputError
from soundbench.core.storage import read_mapping
from soundbench.models.initial_weights import Weights

FAMILY = "transformers"
CONFIGURATION = "config.json"
EXTRACTOR = "preprocessor_config.json"  # of the feature extractor
# The kinds of encoders that take raw audio and share one structure: convolutions, a projection, attention blocks.
KINDS = ["data2vec-audio", "hubert", "unispeech", "unispeech-sat", "wav2vec2", "wavlm"]
# Keys that name files, other code or the head of the checkpoint; the encoder does not need them.
FOREIGN = ("_name_or_path", "architectures", "auto_map", "id2label", "label2id", "num_labels", "transformers_version")


def read_configuration(folder: Path) -> dict[str, Any]:
    """The configuration of the encoder that transformers saved to a folder.

    Raises:
        InputError: there is none, or it is of an encoder that is not supported.
    """
    path = folder / CONFIGURATION
    if not path.is_file():
        raise InputError(f"{folder}: holds no {CONFIGURATION}; name a folder that transformers saved an encoder to")
    found = read_mapping(path)
    if problem := kind_problem(found.get("model_type")):
        raise InputError(f"{path}: {problem}")
    return {key: value for key, value in found.items() if key not in FOREIGN}


def kind_problem(kind: Any) -> str | None:
    """Why an encoder of a kind (``model_type`` in its configuration) is not supported; None if it is."""
    if kind in KINDS:
        return None
    advice = "; the family ast has this one" if kind == "audio-spectrogram-transformer" else ""
    return f"model_type: {kind!r} is not an encoder of raw audio that is supported: {', '.join(KINDS)}{advice}"


def rate_problem(folder: Path, front_end: dict[str, Any]) -> str | None:
    """Why the sample rate of a front-end does not fit the feature extractor in a folder; None if it fits, or the folder
    states no rate.

    Args:
        front_end: the settings of the front-end.
    """
    path = folder / EXTRACTOR
    wanted = read_mapping(path).get("sampling_rate") if path.is_file() else None
    given = front_end.get("sample_rate")
    if wanted is None or given == wanted:
        return None
    return f"{folder}: was trained on audio at {wanted} Hz, but its front-end gives {given or 'any number of'} Hz"


def encoder_problems(weights: Weights | None, family: str, front_end: dict[str, Any]) -> Iterator[str]:
    """The problems of weights that a model of a ``family`` starts from, with the features of a front-end.

    Weights of a run of this workflow have none.
    """
    if weights is None or weights.run:
        return
    folder = weights.file.parent
    try:
        if family == FAMILY:
            read_configuration(folder)
        if problem := rate_problem(folder, front_end):
            yield problem
    except InputError as error:
        yield from error.problems
