"""The folder of an exported model: weights, description, ONNX file, model card and, if possible, transformers files."""

from __future__ import annotations

import logging
import shutil
from dataclasses import dataclass
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
from soundbench.evaluation.trained_model import TrainedModel
from soundbench.export.graphs import Classifier, FeatureGraph
from soundbench.export.modelcard import Evidence, model_card
from soundbench.export.onnxfile import check_onnx, input_of, run_onnx, write_onnx
from soundbench.export.transformersfolder import check_transformers, has_transformers, write_transformers
from soundbench.features.files import FeatureFiles
from soundbench.models.description import Description, features_shape
from soundbench.tasks.task import Task

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
    model = TrainedModel.load(folder)
    taken = model.description["input"]
    values = None
    if taken["kind"] == "waveform":
        values = FeatureGraph(model.description["front_end"], taken["sample_rate"], features_shape(model.description))
    return Classifier(model.network, model.normalise, values, model.task).eval()


def checked_clips(split: pd.DataFrame, fold: int, clips: pd.DataFrame, task: Task) -> pd.DataFrame:
    """At most :data:`CHECKED` evenly spaced test clips of a fold: ``clip``, the truth and ``path``."""
    tested = split[split[fold_column(fold)] == "test"][["clip", *task.truth_columns(split)]].merge(
        clips[["clip", "path"]], on="clip"
    )
    return tested.iloc[np.unique(np.linspace(0, len(tested) - 1, CHECKED).round().astype(int))]


@dataclass(frozen=True)
class Inputs:
    """The files that an export reads.

    Attributes:
        model: the weights; ``model.json`` and ``trained_on.txt`` are beside them.
        features: those of the data set's clips for this model.
        split: of the seed of the model.
        clips: the clip table of the source, and ``audit`` what its audit found.
        metrics: the records of all runs of the model on the data set, for the scores on the card.
        predictions: those of the same runs.
    """

    model: str
    features: FeatureFiles
    split: str
    clips: str
    metrics: list[str]
    predictions: list[str]
    audit: str


@dataclass(frozen=True)
class Checked:
    """Test clips on which the exported files must agree with the evaluation.

    Attributes:
        clips: with ``clip`` and ``path``.
        values: the features ``(bins, frames)`` of the clips, before normalisation.
        expected: the probabilities ``(clips, classes)`` of the evaluation.
    """

    clips: pd.DataFrame
    values: list[np.ndarray]
    expected: np.ndarray

    @classmethod
    def of(cls, model: TrainedModel, features: FeatureFiles, chosen: pd.DataFrame) -> Checked:
        """Predict the ``chosen`` clips with the model as the evaluation does."""
        examples = model.examples(features.array, read_clip_table(features.index), chosen)
        examples = examples.beginnings()  # an exported file takes one window
        values = examples.features(np.arange(len(examples))).astype(np.float32)
        return cls(chosen, list(values), model.predict(examples))

    def inputs(self, taken: dict[str, Any]) -> list[np.ndarray]:
        """What an exported file takes of each clip: samples ``(samples,)`` or features."""
        if taken["kind"] != "waveform":
            return self.values
        return [resample(*read_mono(path), taken["sample_rate"]) for path in self.clips["path"]]


def export_model(inputs: Inputs, data: dict[str, Any], threads: int, folder: str) -> None:
    """Write the folder of one trained model, and compare its files with the evaluation.

    Args:
        data: ``source, reader, url, split`` of the data set, for the description and the card.

    Raises:
        InputError: an exported file gives other probabilities than the evaluation; no file is written then.
    """
    prepare_process(0, threads)
    torch.backends.cudnn.allow_tf32 = False  # its rounding would look like differences of the export
    model = TrainedModel.load(Path(inputs.model).parent)
    clips = read_clip_table(inputs.clips)
    split = read_split(inputs.split)
    checked = Checked.of(model, inputs.features, checked_clips(split, model.fold, clips, model.task))
    description = described(model.description, data, clips)
    with atomic_folder(folder) as temporary:
        shutil.copyfile(inputs.model, temporary / "model.safetensors")
        shutil.copyfile(Path(inputs.model).with_name(TRAINED_ON), temporary / TRAINED_ON)
        write_json(temporary / "model.json", description)
        gap = write_networks(model, description, checked, temporary)
        evidence = Evidence.collect(description, clips, split, inputs.metrics, inputs.predictions, inputs.audit)
        write_text(temporary / "README.md", model_card(description, evidence, len(checked.clips), gap))


def described(description: Description, data: dict[str, Any], clips: pd.DataFrame) -> Description:
    """The description of an exported model: that of the training, with its data set and what its files take.

    Args:
        clips: the clip table of the source.
    """
    rates = set(clips["sample_rate"])
    taken = input_of(description, rates.pop() if len(rates) == 1 else None, float(clips["seconds"].max()))
    transformers = taken["kind"] == "waveform" and has_transformers(description)
    additions = {"data": data, "input": taken, "transformers": transformers}
    return shareable(description | additions) | {"labels": description["labels"]}  # a label may look like a path


def write_networks(model: TrainedModel, description: Description, checked: Checked, folder: Path) -> float:
    """Write the ONNX file and, if possible, the files for transformers; returns the largest difference of the former.

    Raises:
        InputError: one of them gives other probabilities than the evaluation.
    """
    taken = description["input"]
    names = list(checked.clips["clip"])
    write_onnx(model.network, description, taken, folder / "model.onnx")
    inputs = checked.inputs(taken)
    gap = check_onnx(run_onnx(folder / "model.onnx", inputs), checked.expected, names, model.task)
    logger.info("ONNX agrees with PyTorch on %d test clips; largest difference %.2g", len(names), gap)
    if description["transformers"]:
        write_transformers(model.network, description, folder / "transformers")
        check_transformers(folder / "transformers", inputs, checked.expected, names, description)
    return gap
