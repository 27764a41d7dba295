"""The reductions of `tests.models.every_operator`."""

from __future__ import annotations

from mcu_slm.ir import GraphBuilder


def reducing_layers(b: GraphBuilder, x: int) -> int:
    """Return log softmax of x [1, T, C] less the sum, the maximum and the minimum of its row."""
    shape = b.shape(x)
    row = (*shape[:-1], 1)
    axis = b.tensor("row", (1,), "int32", data=[2])
    extremes = []
    for op in ("REDUCE_MAX", "REDUCE_MIN"):
        extremes.append(b.tensor(op.lower(), row, scale=0.03, zero_point=0))
        b.node(op, [x, axis], [extremes[-1]], keep_dims=True)
    total = b.tensor("total", row, scale=0.08, zero_point=3)
    b.node("SUM", [x, axis], [total], keep_dims=True)
    middle = b.tensor("centre", row, scale=0.06, zero_point=-4)
    b.node("ADD", extremes, [middle], fused_activation_function="NONE")
    offset = b.tensor("offset", row, scale=0.1, zero_point=1)
    b.node("ADD", [middle, total], [offset], fused_activation_function="NONE")
    y = b.tensor("without_offset", shape, scale=0.08, zero_point=0)
    b.node("SUB", [x, offset], [y], fused_activation_function="NONE")
    logarithm = b.tensor("logarithm", shape, scale=1 / 16, zero_point=127)
    b.node("LOG_SOFTMAX", [y], [logarithm])
    return logarithm
