"""Fitted classifiers and regressors as one ONNX graph; all but those of neighbours are converted by skl2onnx."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx.compose
from onnx import TensorProto, helper

from soundbench.export.neighbours_onnx import add_neighbours
from soundbench.export.onnx_graph import DOMAIN, Graph
from soundbench.features.normalisation import Normalisation
from soundbench.models.fitted import FittedClassifier, FittedHead, FittedOutputs
from soundbench.tasks.task import Task


def fitted_graph(
    network: FittedClassifier | FittedOutputs, normalise: Normalisation, task: Task, shape: tuple[int, int], opset: int
) -> onnx.ModelProto:
    """The graph ``features`` ``(batch, bins, frames)`` float32 to the task's values ``(batch, outputs)``."""
    graph = Graph(opset)
    centred = graph.add("Sub", ["features", graph.constant("mean", normalise.mean)], "centred")
    normalised = graph.add("Div", [centred, graph.constant("deviation", normalise.std)], "normalised")
    values = graph.add("Flatten", [normalised], "values")
    if isinstance(network, FittedClassifier):
        _add_classifier(graph, network.fitted, network.head, values, task.values_name)
    elif task.fitted_by == "classifiers":
        _add_classifiers(graph, network, values, task)
    else:
        _add_regressors(graph, network, values, task)
    given = helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", *shape])
    found = helper.make_tensor_value_info(task.values_name, TensorProto.FLOAT, ["batch", len(task.labels)])
    return graph.complete(given, found)


def _convert(graph: Graph, pipeline: Any, values: str, name: str) -> str:
    """Add a fitted pipeline; returns the name of its output: probabilities, decision values or numbers."""
    from skl2onnx import to_onnx

    estimator = pipeline.named_steps["classify"]
    if hasattr(estimator, "kneighbors"):
        return add_neighbours(graph, pipeline, values, name)
    options = {}
    if hasattr(estimator, "classes_"):
        decided = not hasattr(estimator, "predict_proba")
        options = {id(estimator): {"zipmap": False} | ({"raw_scores": True} if decided else {})}
    example = np.zeros((1, estimator.n_features_in_), np.float32)
    model = to_onnx(pipeline, example, options=options, target_opset={"": graph.opset, DOMAIN: 3})
    converted = onnx.compose.add_prefix(model, name).graph
    graph.add("Identity", [values], converted.input[0].name)
    graph.nodes += converted.node
    graph.constants += converted.initializer
    return str(converted.output[-1].name)  # the first one of a classifier is its decision


def _add_classifier(graph: Graph, pipeline: Any, head: FittedHead, values: str, output: str) -> str:
    """Add a fitted classifier; its output has probabilities of all ``head.classes``."""
    known = head.classifier.classes_
    scores = _convert(graph, pipeline, values, f"{output}_")
    if not hasattr(head.classifier, "predict_proba"):
        # Of two classes there may be one decision value only.
        scale = graph.constant(f"{output}_scale", head.scale * np.eye(len(known)))
        scaled = graph.add("MatMul", [scores, scale], f"{output}_scaled")
        scores = graph.add("Softmax", [scaled], f"{output}_known", axis=-1)
    places = graph.constant(f"{output}_places", np.eye(head.classes)[known])
    return graph.add("MatMul", [scores, places], output)


def _add_classifiers(graph: Graph, network: FittedOutputs, values: str, task: Task) -> None:
    """Add a classifier per label; the second of its two classes is that a clip has the label."""
    second = graph.constant("second", [[0], [1]])
    columns = []
    for number, (pipeline, scale) in enumerate(zip(network.fitted, network.head.scales, strict=True)):
        head = FittedHead(pipeline.named_steps["classify"], 2, scale)
        both = _add_classifier(graph, pipeline, head, values, f"label{number}")
        columns.append(graph.add("MatMul", [both, second], f"label{number}_present"))
    graph.add("Concat", columns, task.values_name, axis=1)


def _add_regressors(graph: Graph, network: FittedOutputs, values: str, task: Task) -> None:
    """Add a regressor per standardised number, and give the numbers their units."""
    columns = [_convert(graph, each, values, f"number{number}_") for number, each in enumerate(network.fitted)]
    standardised = graph.add("Concat", columns, "standardised", axis=1)
    scaled = graph.add("Mul", [standardised, graph.constant("units", task.units)], "scaled")
    graph.add("Add", [scaled, graph.constant("means", task.fitted["mean"])], task.values_name)
