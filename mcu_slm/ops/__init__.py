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
    add_n,
    arg_max,
    arg_min,
    assign_variable,
    average_pool_2d,
    batch_matmul,
    batch_to_space_nd,
    broadcast_args,
    broadcast_to,
    call_once,
    cast,
    ceil,
    concatenation,
    conv_2d,
    cumsum,
    depth_to_space,
    depthwise_conv_2d,
    dequantize,
    div,
    dynamic_update_slice,
    elu,
    embedding_lookup,
    equal,
    expand_dims,
    fill,
    floor,
    floor_div,
    floor_mod,
    fully_connected,
    gather,
    gather_nd,
    greater,
    greater_equal,
    hard_swish,
    l2_normalization,
    leaky_relu,
    less,
    less_equal,
    log_softmax,
    logical_and,
    logical_not,
    logical_or,
    logistic,
    max_pool_2d,
    maximum,
    mean,
    minimum,
    mirror_pad,
    mul,
    not_equal,
    pack,
    pad,
    padv2,
    prelu,
    quantize,
    read_variable,
    reduce_max,
    reduce_min,
    relu,
    relu6,
    reshape,
    resize_bilinear,
    resize_nearest_neighbor,
    reverse_v2,
    round,
    rsqrt,
    select_v2,
    shape,
    slice,
    softmax,
    space_to_batch_nd,
    space_to_depth,
    split,
    split_v,
    sqrt,
    square,
    squared_difference,
    squeeze,
    strided_slice,
    sub,
    sum,
    svdf,
    tanh,
    transpose,
    transpose_conv,
    unidirectional_sequence_lstm,
    unpack,
    var_handle,
    zeros_like,
)
from mcu_slm.ops.base import Arguments, Constant, NodeView, Operator, short_name
from mcu_slm.ops.fold import fold_nodes, refuse_unfolded
from mcu_slm.ops.support import support_of
from mcu_slm.ops.unavailable import UNAVAILABLE, refuse_unavailable

OPERATORS: dict[str, ModuleType] = {
    "ABS": abs,
    "ADD": add,
    "ADD_N": add_n,
    "ARG_MAX": arg_max,
    "ARG_MIN": arg_min,
    "ASSIGN_VARIABLE": assign_variable,
    "AVERAGE_POOL_2D": average_pool_2d,
    "BATCH_MATMUL": batch_matmul,
    "BATCH_TO_SPACE_ND": batch_to_space_nd,
    "BROADCAST_ARGS": broadcast_args,
    "BROADCAST_TO": broadcast_to,
    "CALL_ONCE": call_once,
    "CAST": cast,
    "CEIL": ceil,
    "CONCATENATION": concatenation,
    "CONV_2D": conv_2d,
    "CUMSUM": cumsum,
    "DEPTHWISE_CONV_2D": depthwise_conv_2d,
    "DEPTH_TO_SPACE": depth_to_space,
    "DEQUANTIZE": dequantize,
    "DIV": div,
    "DYNAMIC_UPDATE_SLICE": dynamic_update_slice,
    "ELU": elu,
    "EMBEDDING_LOOKUP": embedding_lookup,
    "EQUAL": equal,
    "EXPAND_DIMS": expand_dims,
    "FILL": fill,
    "FLOOR": floor,
    "FLOOR_DIV": floor_div,
    "FLOOR_MOD": floor_mod,
    "FULLY_CONNECTED": fully_connected,
    "GATHER": gather,
    "GATHER_ND": gather_nd,
    "GREATER": greater,
    "GREATER_EQUAL": greater_equal,
    "HARD_SWISH": hard_swish,
    "L2_NORMALIZATION": l2_normalization,
    "LEAKY_RELU": leaky_relu,
    "LESS": less,
    "LESS_EQUAL": less_equal,
    "LOGICAL_AND": logical_and,
    "LOGICAL_NOT": logical_not,
    "LOGICAL_OR": logical_or,
    "LOGISTIC": logistic,
    "LOG_SOFTMAX": log_softmax,
    "MAXIMUM": maximum,
    "MAX_POOL_2D": max_pool_2d,
    "MEAN": mean,
    "MINIMUM": minimum,
    "MIRROR_PAD": mirror_pad,
    "MUL": mul,
    "NOT_EQUAL": not_equal,
    "PACK": pack,
    "PAD": pad,
    "PADV2": padv2,
    "PRELU": prelu,
    "QUANTIZE": quantize,
    "READ_VARIABLE": read_variable,
    "REDUCE_MAX": reduce_max,
    "REDUCE_MIN": reduce_min,
    "RELU": relu,
    "RELU6": relu6,
    "RESHAPE": reshape,
    "RESIZE_BILINEAR": resize_bilinear,
    "RESIZE_NEAREST_NEIGHBOR": resize_nearest_neighbor,
    "REVERSE_V2": reverse_v2,
    "ROUND": round,
    "RSQRT": rsqrt,
    "SELECT_V2": select_v2,
    "SHAPE": shape,
    "SLICE": slice,
    "SOFTMAX": softmax,
    "SPACE_TO_BATCH_ND": space_to_batch_nd,
    "SPACE_TO_DEPTH": space_to_depth,
    "SPLIT": split,
    "SPLIT_V": split_v,
    "SQRT": sqrt,
    "SQUARE": square,
    "SQUARED_DIFFERENCE": squared_difference,
    "SQUEEZE": squeeze,
    "STRIDED_SLICE": strided_slice,
    "SUB": sub,
    "SUM": sum,
    "SVDF": svdf,
    "TANH": tanh,
    "TRANSPOSE": transpose,
    "TRANSPOSE_CONV": transpose_conv,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": unidirectional_sequence_lstm,
    "UNPACK": unpack,
    "VAR_HANDLE": var_handle,
    "ZEROS_LIKE": zeros_like,
}

__all__ = [
    "OPERATORS",
    "Arguments",
    "Constant",
    "Operator",
    "fold_graph",
    "parse_graph",
    "short_name",
]


def parse_graph(graph: Graph) -> tuple[Operator, ...]:
    """Return one operator per node, in order.

    Raises:
        UnsupportedOperatorError: An operator, type or option without a kernel.
        ModelError: A node that contradicts itself.
    """
    return tuple(_parse(NodeView(graph, node, index)) for index, node in enumerate(graph.nodes))


def fold_graph(graph: Graph) -> Graph:
    """Return the graph without the nodes whose results are known before the first input.

    Everything after the flatbuffer works on this graph; `parse_graph` expects it.

    Raises:
        ModelError: A node that contradicts itself.
        UnsupportedOperatorError: More to fold than the limit.
    """
    return fold_nodes(graph, OPERATORS)


def _parse(view: NodeView) -> Operator:
    if view.node.op in UNAVAILABLE:
        refuse_unavailable(view)
    module = OPERATORS.get(view.node.op)
    if module is None:
        raise UnsupportedOperatorError(
            view.where,
            f"operator {view.node.op} has no kernel here",
            f"one of {', '.join(sorted(OPERATORS))}",
            "Replace the operator in the model.",
        )
    support = support_of(module)
    refuse_unfolded(view, support)
    operator: Operator = module.parse(view)
    support.check(view, operator)
    for position in operator.activations:
        tensor = view.input(position)
        if tensor.is_variable:
            view.unsupported(f"{tensor.name} is a variable", "an activation or a constant")
    return operator
