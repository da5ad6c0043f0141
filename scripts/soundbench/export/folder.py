"""The folder of an exported model: weights, description, ONNX file, model card and, if possible, transformers files."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from soundbench.core.devices import prepare_process
from soundbench.core.integrity import read_split
from soundbench.core.storage import atomic_folder, read_clip_table, write_json, write_text
from soundbench.data.audio import read_mono, resample
from soundbench.data.schemes import fold_column
from soundbench.data.trained_on import TRAINED_ON
from soundbench.export.graphs import Classifier, FeatureGraph
from soundbench.export.modelcard import Evidence, model_card
from soundbench.export.onnxfile import check_onnx, input_of, run_onnx, write_onnx
from soundbench.export.transformersfolder import check_transformers, has_transformers, write_transformers
from soundbench.features.normalisation import Normalisation
from soundbench.models.description import crop_of
from soundbench.models.saved import load_model
from soundbench.tasks.registry import trained_task
from soundbench.tasks.task import Task
from soundbench.training.batches import load_examples
from soundbench.training.values import predict_values

logger = logging.getLogger(__name__)

CHECKED = 32  # test clips on which the exported files must agree with the evaluation


def shareable(value: Any) -> Any:
    """A description without paths on this machine: only the last name of each path is kept."""
    if isinstance(value, dict):
        return {key: shareable(part) for key, part in value.items()}
    if isinstance(value, list):
        return [shareable(part) for part in value]
    if isinstance(value, str) and (Path(value).is_absolute() or value.startswith(("~", "file:"))):
        return Path(value).name
    return value


def load_classifier(folder: str | Path) -> nn.Module:
    """An exported model in PyTorch; it maps samples ``(batch, samples)`` to probabilities ``(batch, classes)``.

    The samples are one channel in [-1, 1] at the rate that ``model.json`` states under ``input``. If ``input`` states
    ``features`` instead, the model takes features ``(batch, bins, frames)``.
    """
    network, description = load_model(folder)
    taken = description["input"]
    values = None
    if taken["kind"] == "waveform":
        values = FeatureGraph(description["front_end"], taken["sample_rate"], tuple(description["shape"]))
    return Classifier(network, Normalisation(**description["normalisation"]), values, trained_task(description)).eval()


def checked_clips(split: pd.DataFrame, fold: int, clips: pd.DataFrame, task: Task) -> pd.DataFrame:
    """At most :data:`CHECKED` evenly spaced test clips of a fold: ``clip``, the truth and ``path``."""
    tested = split[split[fold_column(fold)] == "test"][["clip", *task.truth_columns(split)]].merge(
        clips[["clip", "path"]], on="clip"
    )
    return tested.iloc[np.unique(np.linspace(0, len(tested) - 1, CHECKED).round().astype(int))]


def export_model(
    *,
    model: str,
    features: str,
    index: str,
    split: str,
    clips: str,
    metrics: list[str],
    predictions: list[str],
    audit: str,
    data: dict[str, Any],
    threads: int,
    folder: str,
) -> None:
    """Write the folder of one trained model, and compare its files with the evaluation.

    Args:
        model: the weights; ``model.json`` and ``trained_on.txt`` are beside them.
        features, index: the features of the data set's clips for this model, and their index.
        metrics, predictions: those of all runs of the model on the data set, for the scores on the card.
        data: ``source, reader, url, split`` of the data set, for the description and the card.

    Raises:
        InputError: an exported file gives other probabilities than the evaluation; no file is written then.
    """
    prepare_process(0, threads)
    torch.backends.cudnn.allow_tf32 = False  # its rounding would look like differences of the export
    network, description = load_model(Path(model).parent)
    source = read_clip_table(clips)
    parts = read_split(split)
    task = trained_task(description)
    checked = checked_clips(parts, description["fold"], source, task)
    examples = load_examples(features, read_clip_table(index), checked, task, crop_of(description))
    examples = examples.beginnings()  # an exported file takes one window
    expected = predict_values(network, examples, Normalisation(**description["normalisation"]), task)
    rates = set(source["sample_rate"])
    taken = input_of(description, rates.pop() if len(rates) == 1 else None, float(source["seconds"].max()))
    sound = taken["kind"] == "waveform"
    additions = {"data": data, "input": taken, "transformers": sound and has_transformers(description)}
    labels = {"labels": description["labels"]}  # a label may look like a path
    description = shareable(description | additions) | labels
    with atomic_folder(folder) as temporary:
        shutil.copyfile(model, temporary / "model.safetensors")
        shutil.copyfile(Path(model).with_name(TRAINED_ON), temporary / TRAINED_ON)
        write_json(temporary / "model.json", description)
        write_onnx(network, description, taken, temporary / "model.onnx")
        values = examples.features(np.arange(len(examples))).astype(np.float32)
        inputs = clip_inputs(checked["path"], taken) if sound else list(values)
        gap = check_onnx(run_onnx(temporary / "model.onnx", inputs), expected, list(checked["clip"]))
        logger.info("ONNX agrees with PyTorch on %d test clips; largest difference %.2g", len(checked), gap)
        if description["transformers"]:
            write_transformers(network, description, temporary / "transformers")
            check_transformers(temporary / "transformers", inputs, expected, checked["clip"], description)
        evidence = Evidence.collect(description, source, parts, metrics, predictions, audit)
        write_text(temporary / "README.md", model_card(description, evidence, len(checked), gap))


def clip_inputs(paths: pd.Series, taken: dict[str, Any]) -> list[np.ndarray]:
    """The samples ``(samples,)`` of files, at the sample rate of the exported model."""
    return [resample(*read_mono(path), taken["sample_rate"]) for path in paths]
