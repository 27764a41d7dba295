"""Per-operator knowledge: one module per operator, and the table that names them all.

`parse_graph` turns every node of a graph into a frozen `Operator`; what the model needs and this
compiler lacks is refused by name.
"""

from __future__ import annotations

from types import ModuleType

from mcu_slm.errors import UnsupportedOperatorError
from mcu_slm.ir import Graph
from mcu_slm.ops import (
    abs,
    add,
    average_pool_2d,
    batch_matmul,
    batch_to_space_nd,
    broadcast_to,
    concatenation,
    conv_2d,
    depth_to_space,
    depthwise_conv_2d,
    dequantize,
    elu,
    embedding_lookup,
    expand_dims,
    fully_connected,
    gather,
    hard_swish,
    l2_normalization,
    leaky_relu,
    log_softmax,
    logistic,
    max_pool_2d,
    maximum,
    mean,
    minimum,
    mul,
    pack,
    pad,
    padv2,
    prelu,
    quantize,
    reduce_max,
    reduce_min,
    relu,
    relu6,
    reshape,
    resize_bilinear,
    resize_nearest_neighbor,
    reverse_v2,
    rsqrt,
    slice,
    softmax,
    space_to_batch_nd,
    space_to_depth,
    split,
    split_v,
    squared_difference,
    squeeze,
    strided_slice,
    sub,
    sum,
    tanh,
    transpose,
    transpose_conv,
    unidirectional_sequence_lstm,
    unpack,
)
from mcu_slm.ops.base import Arguments, Constant, NodeView, Operator, short_name

OPERATORS: dict[str, ModuleType] = {
    "ABS": abs,
    "ADD": add,
    "AVERAGE_POOL_2D": average_pool_2d,
    "BATCH_MATMUL": batch_matmul,
    "BATCH_TO_SPACE_ND": batch_to_space_nd,
    "BROADCAST_TO": broadcast_to,
    "CONCATENATION": concatenation,
    "CONV_2D": conv_2d,
    "DEPTHWISE_CONV_2D": depthwise_conv_2d,
    "DEPTH_TO_SPACE": depth_to_space,
    "DEQUANTIZE": dequantize,
    "ELU": elu,
    "EMBEDDING_LOOKUP": embedding_lookup,
    "EXPAND_DIMS": expand_dims,
    "FULLY_CONNECTED": fully_connected,
    "GATHER": gather,
    "HARD_SWISH": hard_swish,
    "L2_NORMALIZATION": l2_normalization,
    "LEAKY_RELU": leaky_relu,
    "LOGISTIC": logistic,
    "LOG_SOFTMAX": log_softmax,
    "MAXIMUM": maximum,
    "MAX_POOL_2D": max_pool_2d,
    "MEAN": mean,
    "MINIMUM": minimum,
    "MUL": mul,
    "PACK": pack,
    "PAD": pad,
    "PADV2": padv2,
    "PRELU": prelu,
    "QUANTIZE": quantize,
    "REDUCE_MAX": reduce_max,
    "REDUCE_MIN": reduce_min,
    "RELU": relu,
    "RELU6": relu6,
    "RESHAPE": reshape,
    "RESIZE_BILINEAR": resize_bilinear,
    "RESIZE_NEAREST_NEIGHBOR": resize_nearest_neighbor,
    "REVERSE_V2": reverse_v2,
    "RSQRT": rsqrt,
    "SLICE": slice,
    "SOFTMAX": softmax,
    "SPACE_TO_BATCH_ND": space_to_batch_nd,
    "SPACE_TO_DEPTH": space_to_depth,
    "SPLIT": split,
    "SPLIT_V": split_v,
    "SQUARED_DIFFERENCE": squared_difference,
    "SQUEEZE": squeeze,
    "STRIDED_SLICE": strided_slice,
    "SUB": sub,
    "SUM": sum,
    "TANH": tanh,
    "TRANSPOSE": transpose,
    "TRANSPOSE_CONV": transpose_conv,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": unidirectional_sequence_lstm,
    "UNPACK": unpack,
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
