"""Flatbuffer bytes -> `ir.Graph`, checked before anything else sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mcu_slm.errors import ModelError
from mcu_slm.ir import Graph, Node
from mcu_slm.tflite.decode import MAX_FILE_BYTES, Decoder
from mcu_slm.tflite.graph_rules import check_graph
from mcu_slm.tflite.memory_plan import check_memory_plan
from mcu_slm.tflite.model_rules import check_model, read_metadata
from mcu_slm.tflite.rules import printable, refuse, unsupported
from mcu_slm.tflite.schema import OPERATOR_OPTIONS, OPERATORS, TENSOR_TYPES
from mcu_slm.tflite.tensors import read_tensor
from mcu_slm.tflite.variable_rules import with_start_values


def read_file(path: Path) -> tuple[Graph, bytes]:
    """Return the graph and the bytes of a `.tflite` file.

    Raises:
        ModelError: No such file, unreadable, or not a sound model.
    """
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_FILE_BYTES + 1)  # whatever it is, memory stays bounded
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise ModelError(str(path), reason, "a .tflite file", "Check the path.") from error
    return read_model(raw, str(path)), raw


def read_model(raw: bytes, name: str = "model") -> Graph:
    """Return the graph of a flatbuffer.

    Raises:
        ModelError: The bytes are no sound model; the message names the tensor or operator, and
            `values["rule"]` the rule of `mcu_slm.tflite.rules`.
        UnsupportedOperatorError: Subgraphs that do more than initialise variables, custom or
            unknown operators.
    """
    model = Decoder(raw, name).model()
    check_model(name, model)
    metadata = read_metadata(name, model)
    graphs = []
    for number, subgraph in enumerate(model["subgraphs"]):
        where = f"{name}: subgraph {number}" if number else name
        graphs.append(_graph(where, model, subgraph))
        check_graph(where, graphs[-1], is_main=number == 0)
    check_memory_plan(name, replace(graphs[0], metadata=metadata), is_alone=len(graphs) == 1)
    return replace(with_start_values(name, graphs), metadata=metadata)


def _graph(name: str, model: Mapping[str, Any], subgraph: Mapping[str, Any]) -> Graph:
    """Return one subgraph whose tensor numbers all exist."""
    tensors = tuple(
        read_tensor(name, index, fields, model["buffers"])
        for index, fields in enumerate(subgraph["tensors"])
    )
    nodes = tuple(
        _node(name, index, fields, model["operator_codes"], len(tensors))
        for index, fields in enumerate(subgraph["operators"])
    )
    return Graph(
        tensors,
        nodes,
        _indices(name, "inputs", subgraph["inputs"], len(tensors)),
        _indices(name, "outputs", subgraph["outputs"], len(tensors)),
        subgraph["name"] or "main",
        model["description"] or "",
    )


def _indices(
    where: str, field: str, values: npt.NDArray[np.int32] | None, count: int, optional: bool = False
) -> tuple[int, ...]:
    indices = () if values is None else tuple(int(i) for i in values)
    lowest = -1 if optional else 0
    for index in indices:
        if not lowest <= index < count:
            expected = f"a tensor number from {lowest} to {count - 1}"
            refuse("tensor-index", f"{where}: {field}", f"tensor number {index}", expected)
    return indices


def _node(
    name: str, index: int, fields: Mapping[str, Any], codes: list[Any], tensor_count: int
) -> Node:
    where = f"{name}: operator {index}"
    if fields["opcode_index"] >= len(codes):
        found = f"operator code {fields['opcode_index']} of {len(codes)}"
        refuse("operator-code", where, found, "a code that exists")
    op, version = _operator(where, codes[fields["opcode_index"]])
    return Node(
        op,
        _indices(where, "inputs", fields["inputs"], tensor_count, optional=True),
        _indices(where, "outputs", fields["outputs"], tensor_count),
        _options(where, op, fields),
        version,
        _indices(where, "intermediates", fields["intermediates"], tensor_count, optional=True),
    )


def _operator(where: str, code: Mapping[str, Any]) -> tuple[str, int]:
    """Return name and version of an operator code."""
    number = max(int(code["builtin_code"]), int(code["deprecated_builtin_code"]))
    if not 0 <= number < len(OPERATORS) or OPERATORS[number] == "CUSTOM":
        custom = code["custom_code"]
        what = f"custom operator {printable(repr(custom))}" if custom else f"operator code {number}"
        remedy = "Export without custom operators."
        unsupported("operator-code", where, what, "a built-in operator", remedy)
    if code["version"] < 1:
        found = f"{OPERATORS[number]} version {code['version']}"
        refuse("operator-version", where, found, "1 or more")
    return OPERATORS[number], int(code["version"])


def _options(where: str, op: str, operator: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options; absent ones have defaults, another operator's would be misread."""
    if operator["custom_options"] is not None or operator["large_custom_options_offset"]:
        refuse("options", f"{where} ({op})", "custom options", "none for a built-in operator")
    union = operator["builtin_options"]
    if operator["builtin_options_2"] is not None:
        refuse("options", f"{where} ({op})", "options of a second kind", "those of the operator")
    if union is None:
        return {}
    name, fields = union
    expected = OPERATOR_OPTIONS.get(op)
    if expected not in (None, name):
        refuse("options", f"{where} ({op})", f"options of kind {name}", f"{expected}")
    options = {
        key: tuple(value.tolist()) if isinstance(value, np.ndarray) else value
        for key, value in (fields or {}).items()
    }
    bias_type = options.get("quantized_bias_type", 0)
    if bias_type not in TENSOR_TYPES:
        refuse("options", f"{where} ({op})", f"bias type {bias_type}", "a type of the format")
    return options
