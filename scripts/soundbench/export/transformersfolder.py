"""An exported model in the format of transformers, which ``pipeline("audio-classification")`` loads.

A family supports this with a function ``transformers_model(network)`` in its module, which returns the
``PreTrainedModel`` of the network. The feature extractor follows from the front-end.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from torch import nn

from soundbench.core.errors import InputError
from soundbench.models.description import Description
from soundbench.models.families import FAMILIES
from soundbench.models.registry import averages_predictions
from soundbench.tasks.registry import task_class
from soundbench.tasks.single_label import SingleLabel

TOLERANCE = 1e-3  # the largest allowed difference of a probability; transformers does not round features to float16
DEVIATIONS = 2  # the extractor of transformers divides by this multiple of its `std`


def has_transformers(description: Description) -> bool:
    """Whether transformers can compute the same: one AST on its own features, normalised by constants; one label."""
    front_end = description["front_end"]
    recipe = description["recipe"]
    offered = FAMILIES.defines(recipe["family"], "transformers_model") and not averages_predictions(recipe)
    single = task_class(description) is SingleLabel  # the pipeline of transformers has a softmax
    return single and offered and front_end["front_end"] == "ast" and front_end["normalise"] != "clip"


def write_transformers(network: nn.Module, description: Description, folder: Path) -> None:
    """Write ``config.json`` with the label names, ``preprocessor_config.json`` and ``model.safetensors``."""
    from transformers import ASTFeatureExtractor

    family = FAMILIES.load(description["recipe"]["family"])
    model = family.transformers_model(network)
    front_end = description["front_end"]
    model.config.id2label = dict(enumerate(description["labels"]))
    model.config.label2id = {label: number for number, label in enumerate(description["labels"])}
    model.config._name_or_path = ""  # it may be a folder of this machine
    model.save_pretrained(folder)
    extractor = ASTFeatureExtractor(
        sampling_rate=front_end["sample_rate"],
        num_mel_bins=front_end["n_mels"],
        max_length=description["shape"][1],
        mean=description["normalisation"]["mean"],
        std=description["normalisation"]["std"] / DEVIATIONS,
    )
    extractor.save_pretrained(folder)


def check_transformers(
    folder: Path, sound: list[np.ndarray], expected: np.ndarray, clips: list[str], description: Description
) -> None:
    """Compare the pipeline's probabilities of clips with the expected ones ``(clips, classes)``.

    Raises:
        InputError: they differ by more than :data:`TOLERANCE`.
    """
    from transformers import pipeline

    classify = pipeline("audio-classification", model=str(folder), device="cpu")
    labels = description["labels"]
    wrong = []
    for clip, samples, probabilities in zip(clips, sound, expected, strict=True):
        given = {"raw": samples, "sampling_rate": description["input"]["sample_rate"]}
        found = {row["label"]: row["score"] for row in classify(given, top_k=len(labels))}
        gap = np.abs([found[label] for label in labels] - probabilities).max()
        if not gap <= TOLERANCE:
            wrong.append(f"{clip}: {gap:.2g}")
    if wrong:
        raise InputError(wrong, f"transformers' probabilities differ from PyTorch's by more than {TOLERANCE:g}:")
