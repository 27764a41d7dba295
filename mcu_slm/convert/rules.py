"""The rules under which TFLM, LiteRT's reference kernels and our C agree in every bit.

1. Linear layers are CONV_2D: FULLY_CONNECTED is requantised differently by LiteRT.
2. Every scale has at most 12 mantissa bits, so that products of two are exact in float32.
3. Operators with a fixed output scale have exactly that one.
4. No float tensor, no operator whose integer arithmetic differs between runtimes. The one
   exception is UNIDIRECTIONAL_SEQUENCE_LSTM, where LiteRT's gates are computed differently: there
   TFLM and our C agree, and TFLM decides.

And limits of the runtime: a CONCATENATION joins at most ten tensors, all of one scale; an LSTM's
hidden state has the scale of its output.
"""

from __future__ import annotations

from mcu_slm.errors import ModelError
from mcu_slm.ir import Graph, Node, Tensor
from mcu_slm.quant import (
    HIDDEN_SCALE,
    LOG_SOFTMAX_SCALE,
    LOG_SOFTMAX_ZERO_POINT,
    SOFTMAX_SCALE,
    SOFTMAX_ZERO_POINT,
    TANH_SCALE,
    TANH_ZERO_POINT,
    snap_scale,
)

MAX_CONCATENATED = 10

FIXED_OUTPUTS = {
    "LOG_SOFTMAX": (LOG_SOFTMAX_SCALE, LOG_SOFTMAX_ZERO_POINT),
    "SOFTMAX": (SOFTMAX_SCALE, SOFTMAX_ZERO_POINT),
    "TANH": (TANH_SCALE, TANH_ZERO_POINT),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": (HIDDEN_SCALE, 0),
}
ALLOWED_OPERATORS = frozenset(
    {
        "ABS",
        "ADD",
        "BATCH_MATMUL",
        "CAST",
        "CONCATENATION",
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "GATHER",
        "LOG_SOFTMAX",
        "MEAN",
        "MUL",
        "QUANTIZE",
        "RESHAPE",
        "REVERSE_V2",
        "SLICE",
        "SOFTMAX",
        "STRIDED_SLICE",
        "TANH",
        "TRANSPOSE",
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
    }
)
_REMEDY = "This is a fault of the converter; please report it with the project file."


def check_rules(graph: Graph) -> None:
    """Check a graph that our converter wrote.

    Raises:
        ModelError: A rule is broken; the message names the tensor.
    """
    for node in graph.nodes:
        _check_operator(graph, node)
    for tensor in graph.tensors:
        _check_tensor(tensor)
    for index in (*graph.inputs, *graph.outputs):
        tensor = graph.tensor(index)
        if tensor.dtype != "int8":
            _fail(tensor, f"is {tensor.dtype}", "int8 inputs and outputs")


def _check_operator(graph: Graph, node: Node) -> None:
    output = graph.tensor(node.outputs[0])
    if node.op not in ALLOWED_OPERATORS:
        expected = f"one of {', '.join(sorted(ALLOWED_OPERATORS))}"
        _fail(output, f"comes from {node.op}", expected)
    if node.op in FIXED_OUTPUTS:
        scale, zero_point = FIXED_OUTPUTS[node.op]
        q = output.quantization
        if q is None or (q.scale, q.zero_point) != (scale, zero_point):
            found = "none" if q is None else f"{q.scale!r}, zero point {q.zero_point}"
            _fail(
                output, f"has scale {found}", f"{scale!r}, zero point {zero_point} after {node.op}"
            )
    if node.op == "CONCATENATION":
        _check_concatenation(graph, node, output)
    if node.op == "UNIDIRECTIONAL_SEQUENCE_LSTM":
        _check_states(graph, node, output)


def _check_concatenation(graph: Graph, node: Node, output: Tensor) -> None:
    if len(node.inputs) > MAX_CONCATENATED:
        _fail(output, f"joins {len(node.inputs)} tensors", f"at most {MAX_CONCATENATED}")
    for index in node.inputs:
        part = graph.tensor(index)
        if part.quantization != output.quantization:
            _fail(part, "has another scale than what it is joined to", f"that of {output.name}")


def _check_states(graph: Graph, node: Node, output: Tensor) -> None:
    hidden, cell = (graph.tensor(node.inputs[i]) for i in (18, 19))
    if hidden.quantization != output.quantization:
        _fail(hidden, "has another scale than the output of its layer", f"that of {output.name}")
    for state, dtype in ((hidden, "int8"), (cell, "int16")):
        if not state.is_variable or state.dtype != dtype:
            _fail(state, f"is {state.dtype}, variable: {state.is_variable}", f"{dtype}, variable")


def _check_tensor(tensor: Tensor) -> None:
    # A cell state, see `_check_states`, or an empty tensor that tells the scale of a gate's sums.
    if tensor.dtype == "int16" and (tensor.is_variable or tensor.element_count == 0):
        return
    if tensor.dtype not in ("int8", "int32"):
        _fail(tensor, f"has type {tensor.dtype}", "int8 or int32")
    if tensor.dtype != "int8":
        return
    if tensor.quantization is None:
        _fail(tensor, "has no scale", "a scale per tensor or channel")
        return
    for scale in tensor.quantization.scales:
        if scale != snap_scale(scale):
            _fail(tensor, f"has scale {scale!r}", f"12 mantissa bits, as {snap_scale(scale)!r}")


def _fail(tensor: Tensor, found: str, expected: str) -> None:
    raise ModelError(tensor.name, found, expected, _REMEDY)
