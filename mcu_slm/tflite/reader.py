"""Flatbuffer bytes -> `ir.Graph`, checked before anything else sees them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mcu_slm.errors import ModelError, UnsupportedOperatorError
from mcu_slm.ir import Graph, Node, Quantization, Tensor
from mcu_slm.tflite.decode import Decoder
from mcu_slm.tflite.schema import OPERATORS, TENSOR_TYPES

MAX_TENSOR_BYTES = 1 << 30
MAX_RANK = 8
_NUMPY_TYPES = (
    "float32",
    "int32",
    "uint8",
    "int64",
    "bool",
    "int16",
    "int8",
    "uint32",
    "uint16",
    "float64",
)
_DAMAGED = "Export the model again."
_FIXED_SHAPE = "Export with a fixed batch of 1 and no empty dimension."


def read_file(path: Path) -> tuple[Graph, bytes]:
    """Return the graph and the bytes of a `.tflite` file.

    Raises:
        ModelError: No such file, unreadable, or not a sound model.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise ModelError(str(path), reason, "a .tflite file", "Check the path.") from error
    return read_model(raw, str(path)), raw


def read_model(raw: bytes, name: str = "model") -> Graph:
    """Return the graph of a flatbuffer.

    Raises:
        ModelError: The bytes are no sound model; the message names the tensor or operator.
        UnsupportedOperatorError: More than one subgraph, custom or unknown operators.
    """
    model = Decoder(raw, name).model()
    if model["version"] != 3:
        raise ModelError(name, f"file format version is {model['version']}", "3", _DAMAGED)
    if len(model["subgraphs"]) != 1:
        raise UnsupportedOperatorError(
            name,
            f"the model has {len(model['subgraphs'])} subgraphs",
            "exactly one",
            "Control flow and call-once initialisers are not supported: export plain inference.",
        )
    subgraph = model["subgraphs"][0]
    tensors = tuple(
        _tensor(name, index, fields, model["buffers"])
        for index, fields in enumerate(subgraph["tensors"])
    )
    nodes = tuple(
        _node(name, index, fields, model["operator_codes"], len(tensors))
        for index, fields in enumerate(subgraph["operators"])
    )
    graph = Graph(
        tensors,
        nodes,
        _indices(name, "inputs", subgraph["inputs"], len(tensors)),
        _indices(name, "outputs", subgraph["outputs"], len(tensors)),
        subgraph["name"] or "main",
        model["description"] or "",
        _metadata(model),
    )
    _check_not_empty(name, graph)
    _check_order(name, graph)
    return graph


def _tensor(name: str, index: int, fields: Mapping[str, Any], buffers: list[Any]) -> Tensor:
    label = fields["name"] or f"tensor {index}"
    where = f"{name}: tensor {index} ({label})"
    dtype = TENSOR_TYPES.get(fields["type"])
    if dtype is None:
        raise ModelError(where, f"unknown element type {fields['type']}", remedy=_DAMAGED)
    if fields["sparsity"] is not None:
        raise UnsupportedOperatorError(
            where, "sparse weights", "dense weights", "Export without sparsity."
        )
    shape = _shape(where, fields["shape"])
    quantization = _quantization(where, shape, fields["quantization"])
    if fields["buffer"] >= len(buffers):
        found = f"buffer {fields['buffer']} of {len(buffers)}"
        raise ModelError(where, found, "a buffer that exists", _DAMAGED)
    buffer = buffers[fields["buffer"]]
    if buffer["offset"] > 1:
        raise UnsupportedOperatorError(
            where, "data outside the flatbuffer", "data inside it", _DAMAGED
        )
    tensor = Tensor(label, shape, dtype, quantization, None, fields["is_variable"])
    raw = buffer["data"]
    if fields["buffer"] == 0 or raw is None or len(raw) == 0:
        return tensor
    return Tensor(
        label, shape, dtype, quantization, _data(where, tensor, raw), fields["is_variable"]
    )


def _shape(where: str, dimensions: npt.NDArray[np.int32] | None) -> tuple[int, ...]:
    shape = tuple(int(n) for n in dimensions) if dimensions is not None else ()
    if len(shape) > MAX_RANK:
        raise ModelError(where, f"rank {len(shape)}", f"at most {MAX_RANK}", _DAMAGED)
    if any(n < 0 for n in shape):
        raise ModelError(where, f"shape {list(shape)}", "dimensions of 1 and more", _FIXED_SHAPE)
    if math.prod(shape) > MAX_TENSOR_BYTES:
        raise ModelError(
            where, f"shape {list(shape)}", f"at most {MAX_TENSOR_BYTES:,} elements", _DAMAGED
        )
    return shape


def _quantization(
    where: str, shape: tuple[int, ...], fields: Mapping[str, Any] | None
) -> Quantization | None:
    if fields is None or fields["scale"] is None or len(fields["scale"]) == 0:
        return None
    scales = fields["scale"]
    zero_points = fields["zero_point"]
    if zero_points is None or len(zero_points) not in (1, len(scales)):
        found = (
            f"{len(scales)} scales, {0 if zero_points is None else len(zero_points)} zero points"
        )
        raise ModelError(where, found, "one zero point per scale", _DAMAGED)
    if not np.all(np.isfinite(scales)) or np.any(scales <= 0):
        bad = float(scales[~(np.isfinite(scales) & (scales > 0))][0])
        raise ModelError(where, f"scale is {bad!r}", "a finite number above 0", _DAMAGED)
    axis = int(fields["quantized_dimension"])
    if len(scales) > 1:
        # Some published files carry a quantised dimension that no axis fits; the operator decides
        # then.
        matching = [i for i, n in enumerate(shape) if n == len(scales)]
        if not matching:
            raise ModelError(
                where, f"{len(scales)} scales for shape {list(shape)}", "one per channel", _DAMAGED
            )
        axis = axis if axis in matching else matching[0]
    points = np.broadcast_to(zero_points, (len(scales),))
    return Quantization(tuple(float(s) for s in scales), tuple(int(z) for z in points), axis)


def _data(where: str, tensor: Tensor, raw: npt.NDArray[np.uint8]) -> npt.NDArray[Any]:
    if tensor.dtype not in _NUMPY_TYPES:
        raise UnsupportedOperatorError(
            where, f"constant of type {tensor.dtype}", "an integer type", ""
        )
    if len(raw) != tensor.byte_count:
        found = f"{len(raw):,} bytes of data for shape {list(tensor.shape)} {tensor.dtype}"
        raise ModelError(where, found, f"{tensor.byte_count:,}", _DAMAGED)
    dtype = np.dtype(tensor.dtype).newbyteorder("<")
    return np.frombuffer(raw, dtype).astype(tensor.dtype, copy=False).reshape(tensor.shape)


def _indices(
    where: str, field: str, values: npt.NDArray[np.int32] | None, count: int, optional: bool = False
) -> tuple[int, ...]:
    indices = tuple(int(i) for i in values) if values is not None else ()
    lowest = -1 if optional else 0
    for index in indices:
        if not lowest <= index < count:
            expected = f"a tensor number from {lowest} to {count - 1}"
            raise ModelError(f"{where}: {field}", f"tensor number {index}", expected, _DAMAGED)
    return indices


def _node(
    name: str, index: int, fields: Mapping[str, Any], codes: list[Any], tensor_count: int
) -> Node:
    where = f"{name}: operator {index}"
    if fields["opcode_index"] >= len(codes):
        found = f"operator code {fields['opcode_index']} of {len(codes)}"
        raise ModelError(where, found, "a code that exists", _DAMAGED)
    code = codes[fields["opcode_index"]]
    number = max(int(code["builtin_code"]), int(code["deprecated_builtin_code"]))
    if not 0 <= number < len(OPERATORS) or OPERATORS[number] == "CUSTOM":
        what = (
            f"custom operator {code['custom_code']!r}"
            if code["custom_code"]
            else f"operator code {number}"
        )
        raise UnsupportedOperatorError(
            where, what, "a built-in operator", "Export without custom operators."
        )
    return Node(
        OPERATORS[number],
        _indices(where, "inputs", fields["inputs"], tensor_count, optional=True),
        _indices(where, "outputs", fields["outputs"], tensor_count),
        _options(fields["builtin_options"]),
        int(code["version"]),
        _indices(where, "intermediates", fields["intermediates"], tensor_count, optional=True),
    )


def _options(union: tuple[str, Mapping[str, Any] | None] | None) -> dict[str, Any]:
    fields = union[1] if union else None
    return {
        key: tuple(value.tolist()) if isinstance(value, np.ndarray) else value
        for key, value in (fields or {}).items()
    }


def _metadata(model: Mapping[str, Any]) -> dict[str, bytes]:
    """Return metadata buffers by name; entries that point nowhere are not ours and are left out."""
    found = {}
    for entry in model["metadata"]:
        if entry["name"] and entry["buffer"] < len(model["buffers"]):
            data = model["buffers"][entry["buffer"]]["data"]
            found[entry["name"]] = b"" if data is None else data.tobytes()
    return found


def _check_not_empty(name: str, graph: Graph) -> None:
    """No operator reads or writes an empty tensor.

    LSTM layers name some as placeholders that only carry intermediate scales.
    """
    used = {*graph.inputs, *graph.outputs}
    for node in graph.nodes:
        used.update(node.inputs, node.outputs)
    for index in sorted(used - {-1}):
        tensor = graph.tensor(index)
        if 0 in tensor.shape:
            where = f"{name}: tensor {index} ({tensor.name})"
            found = f"shape {list(tensor.shape)}"
            raise ModelError(where, found, "dimensions of 1 and more", _FIXED_SHAPE)


def _check_order(name: str, graph: Graph) -> None:
    """Every tensor an operator reads is a constant, an input, or written by an earlier operator.

    None is written twice.
    """
    if not graph.inputs or not graph.outputs:
        raise ModelError(
            name, "the graph has no input or no output", "at least one of each", _DAMAGED
        )
    ready = {i for i, tensor in enumerate(graph.tensors) if tensor.data is not None}
    written = set(graph.inputs)
    for index, node in enumerate(graph.nodes):
        where = f"{name}: operator {index} ({node.op})"
        for tensor in node.inputs:
            if tensor >= 0 and tensor not in ready and tensor not in written:
                if graph.tensor(tensor).is_variable:
                    continue
                found = f"reads tensor {tensor} ({graph.tensor(tensor).name}) before it is written"
                raise ModelError(where, found, "operators in execution order", _DAMAGED)
        for tensor in node.outputs:
            if tensor in written or tensor in ready:
                found = f"writes tensor {tensor} ({graph.tensor(tensor).name}) a second time"
                raise ModelError(where, found, "each tensor written once", _DAMAGED)
            written.add(tensor)
    for tensor in graph.outputs:
        if tensor not in written and tensor not in ready:
            raise ModelError(name, f"output tensor {tensor} is never written", remedy=_DAMAGED)
