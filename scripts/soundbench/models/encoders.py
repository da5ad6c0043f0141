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
# The kinds of encoders by `model_type`, and the front-end whose features each takes.
FRONT_END_OF = {
    "clap_audio_model": "clap",
    "data2vec-audio": "waveform",
    "hubert": "waveform",
    "unispeech": "waveform",
    "unispeech-sat": "waveform",
    "wav2vec2": "waveform",
    "wavlm": "waveform",
    "whisper": "whisper",
}
KINDS = [*FRONT_END_OF]
# Settings of front-ends, and the keys of a feature extractor that hold the same.
EXTRACTED = {"n_mels": "feature_size", "fmin": "frequency_min", "fmax": "frequency_max"}
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
    if found.get("model_type") == "clap" and isinstance(found.get("audio_config"), dict):  # of sounds and texts
        found = found["audio_config"] | {"model_type": "clap_audio_model"}
    if problem := kind_problem(found.get("model_type")):
        raise InputError(f"{path}: {problem}")
    return {key: value for key, value in found.items() if key not in FOREIGN}


def kind_problem(kind: Any) -> str | None:
    """Why an encoder of a kind (``model_type`` in its configuration) is not supported; None if it is."""
    if kind in KINDS:
        return None
    advice = "; the family ast has this one" if kind == "audio-spectrogram-transformer" else ""
    return f"model_type: {kind!r} is not supported; these are: {', '.join(KINDS)}{advice}"


def front_end_problem(configuration: dict[str, Any] | None, front_end: dict[str, Any]) -> str | None:
    """Why an encoder does not work with the features of a front-end; None if it does.

    Args:
        configuration: of the encoder; None if it is not known yet.
        front_end: the settings of the front-end.
    """
    name = front_end["front_end"]
    kind = (configuration or {}).get("model_type")
    if kind is None and name not in FRONT_END_OF.values():
        wanted = " or ".join(dict.fromkeys(FRONT_END_OF.values()))
        return f"made by front_end: {name}, but encoders of transformers need front_end: {wanted}"
    if kind is not None and name != FRONT_END_OF[kind]:
        return f"made by front_end: {name}, but {kind} needs front_end: {FRONT_END_OF[kind]}"
    return None


def size_problems(folder: Path, configuration: dict[str, Any], front_end: dict[str, Any]) -> Iterator[str]:
    """The settings of a front-end that differ from those of the feature extractor in a folder, if it is there."""
    path = folder / EXTRACTOR
    extractor = read_mapping(path) if path.is_file() else {}
    rate = extractor.get("sampling_rate")
    given = front_end.get("sample_rate")
    if rate is not None and given != rate:
        yield f"{folder}: was trained on audio at {rate} Hz, but its front-end gives {given or 'any number of'} Hz"
    wanted = {key: extractor[name] for key, name in EXTRACTED.items() if name in extractor}
    if configuration["model_type"] == "whisper":
        wanted |= {"n_mels": configuration.get("num_mel_bins", 80)}
        wanted |= {"frames": 2 * configuration.get("max_source_positions", 1500)}
    if configuration["model_type"] == "clap_audio_model":
        wanted |= {"filters": "htk" if extractor.get("truncation", "rand_trunc") == "fusion" else "slaney"}
    if FRONT_END_OF[configuration["model_type"]] == "waveform" and "do_normalize" in extractor:
        wanted |= {"normalise": "clip" if extractor["do_normalize"] else "none"}
    for key, value in wanted.items():
        if key in front_end and front_end[key] != value:
            yield f"{folder}: needs {key}: {value} in its front-end, which has {front_end[key]}"


def encoder_problems(weights: Weights | None, family: str, front_end: dict[str, Any]) -> Iterator[str]:
    """The problems of weights that a model of a ``family`` starts from, with the features of a front-end.

    Weights of a run of this workflow have none.
    """
    if weights is None or weights.run or family != FAMILY:
        return
    folder = weights.file.parent
    try:
        configuration = read_configuration(folder)
        if problem := front_end_problem(configuration, front_end):
            yield f"{folder}: its features are {problem}"
        else:
            yield from size_problems(folder, configuration, front_end)
    except InputError as error:
        yield from error.problems
