"""Writes ONNX graphs: nodes one after the other, and weights in the precision that was asked for."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from code_t5.export import quantization

PRECISIONS = ("float32", "int8", "int4")
# ONNX Runtime's own operators.
MICROSOFT = "com.microsoft"
# `SimplifiedLayerNormalization` is ONNX Runtime's, in ONNX's domain.
OPSETS = {"": 17, MICROSOFT: 1}
# Multiplies 8-bit inputs with the weights (`accuracy_level` of MatMulNBits); 0 would use float32.
_INT8_INPUTS = 4


class GraphBuilder:
    """A graph that is being written. Values are told by their names, which are made up here."""

    def __init__(self, name: str):
        self._name = name
        self._nodes: list[onnx.NodeProto] = []
        self._weights: list[onnx.TensorProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []
        self._count = 0

    def input(self, name: str, dtype: int, shape: Sequence[int | str]) -> str:
        """Args: shape: numbers, and names of sizes that are not known."""
        self._inputs.append(helper.make_tensor_value_info(name, dtype, list(shape)))
        return name

    def output(self, value: str, name: str, dtype: int, shape: Sequence[int | str]) -> None:
        self._nodes.append(helper.make_node("Identity", [value], [name], f"{self._name}/{name}"))
        self._outputs.append(helper.make_tensor_value_info(name, dtype, list(shape)))

    def constant(self, array: np.ndarray | float | Sequence[int], dtype: type = np.float32) -> str:
        name = self._new("constant")
        self._weights.append(numpy_helper.from_array(np.asarray(array, dtype), name))
        return name

    def op(self, kind: str, *inputs: str, outputs: int = 1, domain: str = "", **attributes: Any) -> Any:
        """Adds a node; "" for an input that is left out.

        Returns:
          The name of its output, or a list of them where `outputs` is more than one.
        """
        names = [self._new(kind) for _ in range(outputs)]
        self._nodes.append(helper.make_node(kind, list(inputs), names, self._new("node"), domain=domain, **attributes))
        return names[0] if outputs == 1 else names

    def linear(self, value: str, weight: np.ndarray, precision: str) -> str:
        """The product of float32 [..., inputs] and a weight [inputs, outputs].

        Args:
          precision: "float32"; "dynamic" for 7-bit weights by column and 8-bit inputs, which is quickest for many
            rows; "int8" or "int4" for weights in blocks, which is quickest for one.
        """
        if precision == "float32":
            return self.op("MatMul", value, self.constant(weight))
        if precision == "dynamic":
            found = quantization.columns(weight)
            scales = self.constant(found.scales)
            return self.op(
                "DynamicQuantizeMatMul", value, self.constant(found.values, np.int8), scales, domain=MICROSOFT
            )
        bits = {"int8": 8, "int4": 4}[precision]
        made = quantization.blocks(weight, bits)
        return self.op(
            "MatMulNBits", value, self.constant(made.values, np.uint8), self.constant(made.scales.ravel()),
            domain=MICROSOFT, K=weight.shape[0], N=weight.shape[1], bits=bits, block_size=quantization.BLOCK,
            accuracy_level=_INT8_INPUTS,
        )  # fmt: skip

    def rows_of(self, table: np.ndarray, ids: str, precision: str) -> str:
        """The rows of a table [rows, columns] at some ids, in 8 bits where anything is quantised."""
        if precision == "float32":
            return self.op("Gather", self.constant(table), ids)
        found = quantization.rows(table)
        values = self.op("Cast", self.op("Gather", self.constant(found.values, np.int8), ids), to=TensorProto.FLOAT)
        return self.op("Mul", values, self.op("Gather", self.constant(found.scales[:, None]), ids))

    def model(self) -> onnx.ModelProto:
        """The finished model, checked."""
        graph = helper.make_graph(self._nodes, self._name, self._inputs, self._outputs, self._weights)
        opsets = [helper.make_opsetid(domain, version) for domain, version in OPSETS.items()]
        # The version of the file format that ONNX Runtime 1.16 and later read.
        return helper.make_model(graph, producer_name="code_t5", opset_imports=opsets, ir_version=8)

    def _new(self, kind: str) -> str:
        self._count += 1
        return f"{kind}_{self._count}"
