"""Per-operator knowledge: one module per operator, and the table that names them all.

`parse_graph` turns every node of a graph into a frozen `Operator`; what the model needs and this
compiler lacks is refused by name.
"""

from __future__ import annotations

from types import ModuleType

from mcu_slm.errors import UnsupportedOperatorError
from mcu_slm.ir import Graph
from mcu_slm.ops import (
    add,
    average_pool_2d,
    batch_matmul,
    concatenation,
    conv_2d,
    depthwise_conv_2d,
    fully_connected,
    l2_normalization,
    max_pool_2d,
    mean,
    mul,
    reshape,
    rsqrt,
    softmax,
    split,
    sub,
    transpose,
)
from mcu_slm.ops.base import Arguments, Constant, NodeView, Operator, short_name

OPERATORS: dict[str, ModuleType] = {
    "ADD": add,
    "AVERAGE_POOL_2D": average_pool_2d,
    "BATCH_MATMUL": batch_matmul,
    "CONCATENATION": concatenation,
    "CONV_2D": conv_2d,
    "DEPTHWISE_CONV_2D": depthwise_conv_2d,
    "FULLY_CONNECTED": fully_connected,
    "L2_NORMALIZATION": l2_normalization,
    "MAX_POOL_2D": max_pool_2d,
    "MEAN": mean,
    "MUL": mul,
    "RESHAPE": reshape,
    "RSQRT": rsqrt,
    "SOFTMAX": softmax,
    "SPLIT": split,
    "SUB": sub,
    "TRANSPOSE": transpose,
}

__all__ = ["OPERATORS", "Arguments", "Constant", "Operator", "parse_graph", "short_name"]


def parse_graph(graph: Graph) -> tuple[Operator, ...]:
    """Return one operator per node, in order.

    Raises:
        UnsupportedOperatorError: An operator, type or option without a kernel.
        ModelError: A node that contradicts itself.
    """
    return tuple(_parse(NodeView(graph, node, index)) for index, node in enumerate(graph.nodes))


def _parse(view: NodeView) -> Operator:
    module = OPERATORS.get(view.node.op)
    if module is None:
        raise UnsupportedOperatorError(
            view.where,
            f"operator {view.node.op} has no kernel here",
            f"one of {', '.join(sorted(OPERATORS))}",
            "Replace the operator in the model.",
        )
    operator: Operator = module.parse(view)
    for position in operator.activations:
        tensor = view.input(position)
        if tensor.is_variable:
            view.unsupported(f"{tensor.name} is a variable", "an activation or a constant")
    return operator
