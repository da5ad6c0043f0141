"""The path patterns of all files; ``<results>`` and similar names are path variables of Snakemake."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any

FETCHED = "<resources>/{source}/fetched.json"
CLIPS = "<results>/clips/{source}.csv"
MEASURES = "<results>/measures/{source}.csv"
LANDMARKS = "<results>/measures/{source}.npz"
NOTES = "<results>/measures/{source}.json"
INSPECTED = "<results>/shards/measures/{source}/{shard}.csv"
INSPECTED_LANDMARKS = "<results>/shards/measures/{source}/{shard}.npz"
AUDIT = "<results>/audit/{dataset}.csv"
CLIP_FIGURES = "<results>/explore/{dataset}/figures"
CONFOUNDS = "<results>/confounds/{dataset}.csv"
OVERLAP = "<results>/overlaps/{dataset}/{source}.csv"
NOISE_OVERLAP = "<results>/overlaps/{dataset}/noise/{variant}.csv"
SPLIT = "<results>/splits/{dataset}/seed{seed}.csv"

COPIES = "<results>/augmented/{source}/{variant}.csv"
COPIED_AUDIO = "<results>/augmented/{source}/{variant}"
COPIES_SHARD = "<results>/shards/augmented/{source}/{variant}/{shard}.csv"
COPIED_AUDIO_SHARD = "<results>/shards/augmented/{source}/{variant}/{shard}"
FEATURES = "<results>/features/{source}/{features}/{variant}.npy"
FEATURE_INDEX = "<results>/features/{source}/{features}/{variant}.csv"
FEATURE_SHARD = "<results>/shards/features/{source}/{features}/{variant}/{shard}.npy"
FEATURE_INDEX_SHARD = "<results>/shards/features/{source}/{features}/{variant}/{shard}.csv"
WEIGHTS = "<resources>/weights/{model}.json"
EMBEDDING_WEIGHTS = "<resources>/weights/features/{features}.json"

RUN = "<results>/runs/{dataset}/{model}/seed{seed}"
FOLD = RUN + "/fold{fold}"
MODEL = FOLD + "/model.safetensors"
DESCRIPTION = FOLD + "/model.json"
TRAINED_ON = FOLD + "/trained_on.txt"
HISTORY = FOLD + "/history.csv"
EPOCH_WEIGHTS = FOLD + "/epochs.zip"
EPOCH_SCORES = FOLD + "/epochs.csv"
TRIALS = FOLD + "/trials.csv"
PREDICTIONS = RUN + "/predictions.csv"
METRICS = RUN + "/metrics.json"
EXPLANATIONS = RUN + "/explanations.npz"
EVALUATED = "<results>/evaluated"

EXPORTED = "<results>/exported/{dataset}/{model}"
PERTURBED_FEATURES = "<results>/robustness/{dataset}/{features}.npy"
PERTURBED_INDEX = "<results>/robustness/{dataset}/{features}.csv"
PERTURBED_PREDICTIONS = "<results>/robustness/{dataset}/{model}/seed{seed}.csv"
TRANSFER_PREDICTIONS = "<results>/transfer/{transfer}/predictions.csv"
TRANSFER_SCORES = "<results>/transfer/{transfer}/scores.csv"
PREDICTED = "<results>/predictions/{prediction}/predictions.csv"
SUMMARY = "<results>/summary"
TABLE = SUMMARY + "/{table}.csv"
FIGURES = SUMMARY + "/figures"
LANDING = SUMMARY + "/report.rst"
STUDY = SUMMARY + "/study.yaml"


def one_of(names: Iterable[str]) -> str:
    """A wildcard constraint that allows only these names."""
    return "|".join(map(re.escape, names)) or "(?!)"


def fill(pattern: str, **values: Any) -> list[str]:
    """``pattern`` for every combination of the ``values``, each one value or several; other wildcards do not change.

    The last value varies fastest, as in Snakemake's ``expand``.
    """
    names = [name for name in values if f"{{{name}}}" in pattern]
    several = [_as_sequence(values[name]) for name in names]
    return [_replaced(pattern, zip(names, chosen, strict=True)) for chosen in product(*several)]


def _as_sequence(value: Any) -> Sequence[Any]:
    return [value] if isinstance(value, str | int) else list(value)


def _replaced(pattern: str, pairs: Iterable[tuple[str, Any]]) -> str:
    for name, value in pairs:
        pattern = pattern.replace(f"{{{name}}}", str(value))
    return pattern
