"""A trained model as one ONNX file that computes probabilities from sound with ONNX Runtime alone."""

from __future__ import annotations

import json
import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from soundbench.core.errors import InputError
from soundbench.core.storage import atomic_path
from soundbench.export.fitted_onnx import fitted_graph
from soundbench.export.graphs import Classifier, FeatureGraph, has_graph
from soundbench.features.normalisation import Normalisation
from soundbench.models.description import Description, features_shape
from soundbench.models.families import is_fitted
from soundbench.models.fitted import FittedClassifier, FittedOutputs
from soundbench.tasks.registry import trained_task
from soundbench.tasks.task import Task

OPSET = 18
TOLERANCE = 1e-4  # the largest allowed difference of a probability, or of a number in units of its deviation


def input_of(description: Description, sample_rate: int | None, seconds: float) -> dict[str, Any]:
    """The input of the file: sound if the file can hold the front-end and the sample rate is known, otherwise features.

    Args:
        sample_rate: the sample rate of all clips (Hz), None if they differ; it is used if the front-end keeps it.
        seconds: the length of the longest clip of the source.
    """
    settings = description["front_end"]
    sample_rate = settings.get("sample_rate") or sample_rate
    if sample_rate is None or is_fitted(description["recipe"]["family"]) or not has_graph(settings):
        return {"kind": "features", "shape": description["shape"]}
    seconds = description["recipe"].get("training", {}).get("crop") or settings.get("duration") or seconds
    return {"kind": "waveform", "sample_rate": sample_rate, "samples": round(seconds * sample_rate)}


def write_onnx(network: nn.Module, description: Description, taken: dict[str, Any], path: str | Path) -> None:
    """Write the graph ``(batch, samples)`` float32, one channel in [-1, 1], to the task's values ``(batch, outputs)``:
    ``probabilities``, or ``numbers`` in the unit of the source.

    Sound may have any length; as in training, it is cropped or padded to the length that the model takes. If the file
    does not hold the front-end, the input is ``features`` ``(batch, bins, frames)`` before normalisation.

    Args:
        taken: the result of :func:`input_of`.
    """
    if isinstance(network, FittedClassifier | FittedOutputs):
        _write_fitted(network, description, taken, path)
        return
    sound = taken["kind"] == "waveform"
    features = None
    if sound:
        features = FeatureGraph(description["front_end"], taken["sample_rate"], features_shape(description))
    normalise = Normalisation(**description["normalisation"])
    task = trained_task(description)
    model = Classifier(network.cpu(), normalise, features, task).eval()
    # The example has two clips, because the exporter would treat a batch of one as a constant.
    example = torch.zeros(2, taken["samples"]) if sound else torch.zeros(2, *taken["shape"])
    axes = {0: torch.export.Dim.DYNAMIC} | ({1: torch.export.Dim.DYNAMIC} if sound else {})
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # about torch's own code
        logging.getLogger("onnxscript").setLevel(logging.WARNING)
        program = torch.onnx.export(
            model,
            (example,),
            dynamo=True,
            opset_version=OPSET,
            input_names=["samples" if sound else "features"],
            output_names=[task.values_name],
            dynamic_shapes=(axes,),
            external_data=False,
            verbose=False,
        )
    assert program is not None  # as with dynamo it never is
    _describe(program.model, description, taken)
    with atomic_path(path) as temporary:
        program.save(str(temporary), external_data=False)


def _write_fitted(
    network: FittedClassifier | FittedOutputs, description: Description, taken: dict[str, Any], path: str | Path
) -> None:
    normalise = Normalisation(**description["normalisation"])
    model = fitted_graph(network, normalise, trained_task(description), tuple(taken["shape"]), OPSET)
    model.producer_name = "soundbench"
    for key, value in _properties(description, taken).items():
        model.metadata_props.add(key=key, value=value)
    with atomic_path(path) as temporary:
        Path(temporary).write_bytes(model.SerializeToString())


def _properties(description: Description, taken: dict[str, Any]) -> dict[str, str]:
    """What a user of the file needs, each as JSON."""
    task = trained_task(description)
    known = {"labels": task.labels, "task": task.name, "input": taken} | task.decision
    known |= {key: description[key] for key in ("dataset", "model", "protocol", "seed", "fold")}
    return {key: json.dumps(value, ensure_ascii=False) for key, value in known.items()}


def _describe(model: Any, description: Description, taken: dict[str, Any]) -> None:
    """Store what a user of the file needs, and remove the positions in the source code that torch stores per node."""
    for graph in (model.graph, *model.functions.values()):
        graph.metadata_props.clear()
        for node in graph.all_nodes():
            node.metadata_props.clear()
            node.doc_string = None
            for value in node.outputs:
                value.metadata_props.clear()
    for value in (*model.graph.inputs, *model.graph.initializers.values()):
        value.metadata_props.clear()
    model.producer_name = "soundbench"
    model.metadata_props.clear()
    model.metadata_props.update(_properties(description, taken))


def run_onnx(path: str | Path, inputs: list[np.ndarray]) -> np.ndarray:
    """The values ``(clips, outputs)`` of clips, computed one by one because their lengths may differ."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return np.concatenate([session.run(None, {name: clip[None]})[0] for clip in inputs])


def check_onnx(found: np.ndarray, expected: np.ndarray, clips: list[str], task: Task) -> float:
    """The largest difference of values, in :attr:`Task.units`.

    Raises:
        InputError: it is above :data:`TOLERANCE`; naming the clips.
    """
    differences = (np.abs(found - expected) / task.units).max(axis=1)
    if not differences.max() <= TOLERANCE:  # nor NaN
        wrong = [f"{clip}: {gap:.2g}" for clip, gap in zip(clips, differences, strict=True) if not gap <= TOLERANCE]
        raise InputError(wrong, f"ONNX Runtime's {task.values_name} differ from PyTorch's by more than {TOLERANCE:g}:")
    return float(differences.max())
