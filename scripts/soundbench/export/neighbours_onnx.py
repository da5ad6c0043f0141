"""The mean of the nearest training clips as nodes of an ONNX graph: skl2onnx 1.20 gives all neighbours one weight."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto

from soundbench.export.onnx_graph import Graph

NEAREST = 1e-6  # distance, before its reciprocal is taken


def add_neighbours(graph: Graph, pipeline: Any, values: str, name: str) -> str:
    """Add a fitted classifier or regressor of nearest neighbours with its standardisation.

    Of training clips that are equally far, ONNX Runtime may take others than scikit-learn.

    Args:
        values: the name of its input ``(batch, values)``.
        name: the beginning of the names of all that is added.

    Returns:
        The name of its output: shares of the classes that it knows, or numbers, ``(batch, outputs)``.
    """
    scaler = pipeline.named_steps["standardise"]
    estimator = pipeline.named_steps["classify"]
    known = np.asarray(estimator._fit_X, dtype=float)
    targets = estimator._y.reshape(len(known), -1)
    if hasattr(estimator, "classes_"):
        targets = np.eye(len(estimator.classes_))[targets[:, 0]]
    clips = graph.constant(f"{name}axis", np.array([1]))
    centred = graph.add("Sub", [values, graph.constant(f"{name}mean", scaler.mean_)], f"{name}centred")
    own = graph.add("Div", [centred, graph.constant(f"{name}deviation", scaler.scale_)], f"{name}own")
    # The square of a distance is the sum of both squares, minus twice the product. In float32, a training clip would
    # have a distance from itself, and other clips would count too.
    own = graph.add("Cast", [own], f"{name}double", to=TensorProto.DOUBLE)
    product = graph.add("MatMul", [own, graph.constant(f"{name}known", -2 * known.T, double=True)], f"{name}product")
    squares = graph.constant(f"{name}squares", (known**2).sum(axis=1), double=True)
    own_squares = graph.add("ReduceSumSquare", [own, clips], f"{name}own_squares")
    both = graph.add("Sum", [product, squares, own_squares], f"{name}both")
    squared = graph.add("Max", [both, graph.constant(f"{name}least", NEAREST**2, double=True)], f"{name}squared")
    exact = graph.add("Sqrt", [squared], f"{name}exact")
    count = graph.constant(f"{name}count", np.array([estimator.n_neighbors]))
    graph.add("TopK", [exact, count], f"{name}nearest_exact", f"{name}rows", largest=0)
    graph.add("Cast", [f"{name}nearest_exact"], f"{name}nearest", to=TensorProto.FLOAT)
    power = graph.constant(f"{name}power", -1.0 if estimator.weights == "distance" else 0.0)
    weights = graph.add("Pow", [f"{name}nearest", power], f"{name}weights")
    shares = graph.add("Div", [weights, graph.add("ReduceSum", [weights, clips], f"{name}total")], f"{name}shares")
    wide = graph.add("Unsqueeze", [shares, graph.constant(f"{name}last", np.array([2]))], f"{name}wide")
    found = graph.add("Gather", [graph.constant(f"{name}targets", targets), f"{name}rows"], f"{name}found")
    parts = graph.add("Mul", [found, wide], f"{name}parts")
    return graph.add("ReduceSum", [parts, clips], f"{name}sum", keepdims=0)
