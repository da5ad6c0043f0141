"""A fitted classifier as an ONNX graph, converted by skl2onnx."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx.compose
from onnx import TensorProto, helper, numpy_helper

from soundbench.features.normalisation import Normalisation
from soundbench.models.fitted import FittedClassifier

DOMAIN = "ai.onnx.ml"


def fitted_graph(
    network: FittedClassifier, normalise: Normalisation, shape: tuple[int, int], opset: int
) -> onnx.ModelProto:
    """The graph ``features`` ``(batch, bins, frames)`` float32 to ``probabilities`` ``(batch, classes)``."""
    from skl2onnx import to_onnx

    pipeline = network.pipeline
    classifier = pipeline.named_steps["classify"]
    decided = not hasattr(classifier, "predict_proba")
    options = {"zipmap": False} | ({"raw_scores": True} if decided else {})
    example = np.zeros((1, classifier.n_features_in_), np.float32)
    model = to_onnx(pipeline, example, options={id(classifier): options}, target_opset={"": opset, DOMAIN: 3})
    model = onnx.compose.add_prefix(model, "classifier_")
    graph = model.graph
    values = graph.input[0].name
    scores = graph.output[1].name
    del graph.output[:]
    del graph.input[:]
    before = [
        helper.make_node("Sub", ["features", "mean"], ["centred"]),
        helper.make_node("Div", ["centred", "deviation"], ["normalised"]),
        helper.make_node("Flatten", ["normalised"], [values]),
    ]
    after = []
    if decided:
        # Of two classes there may be one decision value only.
        after.append(helper.make_node("MatMul", [scores, "scale"], ["scaled"]))
        after.append(helper.make_node("Softmax", ["scaled"], ["known"], axis=-1))
        scores = "known"
    after.append(helper.make_node("MatMul", [scores, "places"], ["probabilities"]))
    nodes = [*before, *graph.node, *after]
    del graph.node[:]
    graph.node.extend(nodes)
    for name, array in _constants(network, normalise).items():
        graph.initializer.append(numpy_helper.from_array(array.astype(np.float32), name))
    graph.input.append(helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", *shape]))
    classes = network.head.classes
    graph.output.append(helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", classes]))
    onnx.checker.check_model(model)
    return model


def _constants(network: FittedClassifier, normalise: Normalisation) -> dict[str, Any]:
    known = network.head.classifier.classes_
    places = np.zeros((len(known), network.head.classes))
    places[np.arange(len(known)), known] = 1
    return {
        "mean": np.array(normalise.mean),
        "deviation": np.array(normalise.std),
        "scale": network.head.scale * np.eye(len(known)),
        "places": places,
    }
