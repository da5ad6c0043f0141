"""A trained model as one ONNX file, which ONNX Runtime alone turns from sound into probabilities."""

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
from soundbench.export.graphs import Classifier, FeatureGraph, has_graph
from soundbench.features.normalisation import Normalisation
from soundbench.tasks.registry import trained_task

OPSET = 18
TOLERANCE = 1e-4  # of a probability

Description = dict[str, Any]


def input_of(description: Description, sample_rate: int | None, seconds: float) -> dict[str, Any]:
    """What the file takes: sound where the front-end can be inside it and the sample rate is known, else features.

    Args:
        sample_rate: of the clips where all have the same (Hz); asked for where the front-end keeps it.
        seconds: the longest clip of the source.
    """
    settings = description["front_end"]
    sample_rate = settings.get("sample_rate") or sample_rate
    if sample_rate is None or not has_graph(settings):
        return {"kind": "features", "shape": description["shape"]}
    seconds = description["recipe"].get("training", {}).get("crop") or settings.get("duration") or seconds
    return {"kind": "waveform", "sample_rate": sample_rate, "samples": round(seconds * sample_rate)}


def write_onnx(network: nn.Module, description: Description, taken: dict[str, Any], path: str | Path) -> None:
    """Write the graph ``(batch, samples)`` float32, one channel in [-1, 1], to ``probabilities`` ``(batch, classes)``.

    Sound may be of any length: as in training, it is cropped, or padded, to the length that the model knows. Where the
    front-end is not inside, the input is ``features`` ``(batch, bins, frames)``, not yet normalised.

    Args:
        taken: what :func:`input_of` returned.
    """
    sound = taken["kind"] == "waveform"
    features = None
    if sound:
        features = FeatureGraph(description["front_end"], taken["sample_rate"], tuple(description["shape"]))
    normalise = Normalisation(**description["normalisation"])
    model = Classifier(network.cpu(), normalise, features, trained_task(description)).eval()
    # Of two clips: the exporter takes a batch of one for a constant.
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
            output_names=["probabilities"],
            dynamic_shapes=(axes,),
            external_data=False,
            verbose=False,
        )
    assert program is not None  # as with dynamo it never is
    _describe(program.model, description, taken)
    with atomic_path(path) as temporary:
        program.save(str(temporary), external_data=False)


def _describe(model: Any, description: Description, taken: dict[str, Any]) -> None:
    """Store what a user of the file has to know, and remove the places in our code that torch stores with each node."""
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
    known = {"labels": description["labels"], "input": taken}
    known |= {key: description[key] for key in ("dataset", "model", "protocol", "seed", "fold")}
    model.metadata_props.clear()
    model.metadata_props.update({key: json.dumps(value, ensure_ascii=False) for key, value in known.items()})


def run_onnx(path: str | Path, inputs: list[np.ndarray]) -> np.ndarray:
    """The probabilities ``(clips, classes)`` of clips, one by one as they may differ in length."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return np.concatenate([session.run(None, {name: clip[None]})[0] for clip in inputs])


def check_onnx(found: np.ndarray, expected: np.ndarray, clips: list[str]) -> float:
    """The largest difference of probabilities.

    Raises:
        InputError: it is above :data:`TOLERANCE`; the clips are named.
    """
    differences = np.abs(found - expected).max(axis=1)
    if not differences.max() <= TOLERANCE:  # nor NaN
        wrong = [f"{clip}: {gap:.2g}" for clip, gap in zip(clips, differences, strict=True) if not gap <= TOLERANCE]
        raise InputError(wrong, f"ONNX Runtime's probabilities differ from PyTorch's by more than {TOLERANCE:g}:")
    return float(differences.max())
