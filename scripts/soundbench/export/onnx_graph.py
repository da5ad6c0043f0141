"""An ONNX graph that is made node by node."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

DOMAIN = "ai.onnx.ml"
IR_VERSION = 8  # of ONNX 1.13, which has opset 18: a runtime may know no newer one


@dataclass
class Graph:
    """A graph that is being made: its nodes in their order, and its constants."""

    opset: int
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[TensorProto] = field(default_factory=list)

    def add(self, operation: str, inputs: list[str], *outputs: str, **attributes: Any) -> str:
        """Add a node; returns the name of its first output."""
        self.nodes.append(helper.make_node(operation, inputs, outputs, **attributes))
        return outputs[0]

    def constant(self, name: str, values: Any, *, double: bool = False) -> str:
        """Add a constant, in float32 (or float64: ``double``) or, of whole numbers, in int64; returns its name."""
        whole = isinstance(values, np.ndarray) and values.dtype.kind == "i"
        kind = np.int64 if whole else np.float64 if double else np.float32
        self.constants.append(numpy_helper.from_array(np.asarray(values, kind), name))
        return name

    def complete(self, given: onnx.ValueInfoProto, found: onnx.ValueInfoProto) -> onnx.ModelProto:
        """The checked model, from one input to one output."""
        graph = helper.make_graph(self.nodes, "fitted", [given], [found], self.constants)
        versions = [helper.make_opsetid("", self.opset), helper.make_opsetid(DOMAIN, 3)]
        model = helper.make_model(graph, opset_imports=versions, ir_version=IR_VERSION)
        onnx.checker.check_model(model)
        return model
