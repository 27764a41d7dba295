"""`ir.Graph` -> flatbuffer bytes, legal for TensorFlow Lite Micro."""

from __future__ import annotations

from typing import Any

import numpy as np

from mcu_slm.ir import HANDLE, Graph, GraphBuilder, Node, Tensor
from mcu_slm.tflite.encode import encode_model
from mcu_slm.tflite.schema import OPERATOR_OPTIONS, OPERATORS, TENSOR_TYPES

_TYPE_CODES = {name: code for code, name in TENSOR_TYPES.items()}
_LARGEST_OLD_CODE = 127


def write_model(graph: Graph) -> bytes:
    """Return the `.tflite` bytes of a graph; equal graphs give equal bytes.

    Buffer 0 is empty by convention and stands for every tensor without constant data.
    """
    buffers: list[dict[str, Any]] = [{}]
    codes: dict[tuple[str, int], int] = {}
    graphs = [graph, *_initialiser(graph)]
    subgraphs = [_subgraph(each, buffers, codes) for each in graphs]
    metadata = []
    for name, content in graph.metadata.items():
        metadata.append({"name": name, "buffer": len(buffers)})
        buffers.append({"data": np.frombuffer(content, np.uint8)})
    return encode_model(
        {
            "version": 3,
            "description": graph.description,
            "operator_codes": [_operator_code(op, version) for op, version in codes],
            "subgraphs": subgraphs,
            "buffers": buffers,
            "metadata": metadata,
        }
    )


def _subgraph(
    graph: Graph, buffers: list[dict[str, Any]], codes: dict[tuple[str, int], int]
) -> dict[str, Any]:
    return {
        "name": graph.name,
        "tensors": [_tensor(tensor, buffers) for tensor in graph.tensors],
        "operators": [_operator(node, codes) for node in graph.nodes],
        "inputs": graph.inputs,
        "outputs": graph.outputs,
    }


def _initialiser(graph: Graph) -> list[Graph]:
    """Return the graph that assigns the start values, where there are some."""
    if not graph.start_values:
        return []
    builder = GraphBuilder(name="start_values")
    handles = (node for node in graph.nodes if node.op == "VAR_HANDLE")
    container = next((node.options.get("container") for node in handles), None)
    for name, value in graph.start_values.items():
        handle = builder.tensor(name, (), HANDLE)
        builder.node("VAR_HANDLE", [], [handle], container=container, shared_name=name)
        builder.node("ASSIGN_VARIABLE", [handle, builder.add(value)], [])
    return [builder.build([], [])]


def _tensor(tensor: Tensor, buffers: list[dict[str, Any]]) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "name": tensor.name,
        "shape": tensor.shape,
        "type": _TYPE_CODES[tensor.dtype],
        "buffer": 0,
        "is_variable": tensor.is_variable,
        "has_rank": True,
    }
    if tensor.data is not None:
        fields["buffer"] = len(buffers)
        raw = np.ascontiguousarray(tensor.data).astype(np.dtype(tensor.dtype).newbyteorder("<"))
        buffers.append({"data": np.frombuffer(raw.tobytes(), np.uint8)})
    if tensor.quantization is not None:
        fields["quantization"] = {
            "scale": tensor.quantization.scales,
            "zero_point": tensor.quantization.zero_points,
            "quantized_dimension": tensor.quantization.axis,
        }
    return fields


def _operator(node: Node, codes: dict[tuple[str, int], int]) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "opcode_index": codes.setdefault((node.op, node.version), len(codes)),
        "inputs": node.inputs,
        "outputs": node.outputs,
    }
    table = OPERATOR_OPTIONS.get(node.op)
    if table is not None:
        fields["builtin_options"] = (table, node.options)
    if node.intermediates:
        fields["intermediates"] = node.intermediates
    return fields


def _operator_code(op: str, version: int) -> dict[str, Any]:
    code = OPERATORS.index(op)
    return {
        "deprecated_builtin_code": min(code, _LARGEST_OLD_CODE),
        "builtin_code": code,
        "version": version,
    }
