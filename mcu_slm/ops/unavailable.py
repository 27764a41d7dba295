"""Operators that TensorFlow Lite Micro itself cannot run in INT8, so that no compiler can match it.

A test asks the judge about each: when a later version can, that test fails and the entry goes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from mcu_slm.ops.base import NodeView

_BEFORE = "Compute it outside the model."


@dataclass(frozen=True)
class Unavailable:
    """Why the judge does not run an operator, and what to use instead."""

    reason: str
    remedy: str


def _float_only(remedy: str) -> Unavailable:
    return Unavailable("TensorFlow Lite Micro runs it in float32 only", remedy)


def _no_kernel(remedy: str) -> Unavailable:
    return Unavailable("TensorFlow Lite Micro has no kernel for it", remedy)


UNAVAILABLE: dict[str, Unavailable] = {
    "COS": _float_only(_BEFORE),
    "EXP": _float_only("Use LOGISTIC, SOFTMAX or ELU, which have INT8 kernels."),
    "GELU": _no_kernel("Use x * LOGISTIC(1.702 x), or HARD_SWISH."),
    "L2_POOL_2D": _float_only("Use AVERAGE_POOL_2D or MAX_POOL_2D."),
    "LOG": _float_only(_BEFORE),
    "NEG": _float_only("Use SUB from a constant 0, or MUL by a constant -1."),
    "ONE_HOT": _no_kernel("Use GATHER or EMBEDDING_LOOKUP with a constant identity matrix."),
    "POW": _no_kernel("Use MUL; for a square root, RSQRT."),
    "RANGE": _no_kernel("Export the numbers as a constant."),
    "REDUCE_PROD": _no_kernel("Export the product as a constant, or use MUL."),
    "RELU_0_TO_1": _no_kernel("Use MINIMUM and MAXIMUM with constants 1 and 0."),
    "RELU_N1_TO_1": _no_kernel("Fuse it into the layer before it as that layer's activation."),
    "SELECT": _no_kernel("Export SELECT_V2."),
    "SIGN": _no_kernel("Use GREATER and LESS with a constant 0."),
    "SIN": _float_only(_BEFORE),
    "TILE": _no_kernel("Use BROADCAST_TO, or CONCATENATION of the tensor with itself."),
    "TOPK_V2": _no_kernel("Use ARG_MAX, or choose from the model's output."),
    "WHERE": _no_kernel("Use SELECT_V2: the number of its results is fixed."),
}


def refuse_unavailable(view: NodeView) -> NoReturn:
    """Raise the error for an operator of the table."""
    found = UNAVAILABLE[view.node.op]
    view.unsupported(
        f"{view.node.op} has no INT8 kernel: {found.reason}",
        "an operator that TensorFlow Lite Micro runs in INT8",
        found.remedy,
    )
