"""What an operator module says about results that are known before the first input.

All shapes of a model are fixed, so SHAPE is a constant, and so is everything that exporters compute
from it. A module whose operator takes part in that has a `FOLD`; `mcu_slm.ops.fold` applies it. The
arithmetic is the judge's: of the same width, with the same rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, TypeAlias

import numpy as np
import numpy.typing as npt

from mcu_slm.ir import Tensor
from mcu_slm.ops.base import NodeView, Operator

Array: TypeAlias = npt.NDArray[Any]

CLAMPS: dict[str, tuple[float | None, float | None]] = {
    "NONE": (None, None),
    "RELU": (0, None),
    "RELU6": (0, 6),
    "RELU_N1_TO_1": (-1, 1),
}
"""Bounds of the fused activations for numbers that are not quantised."""


@dataclass(frozen=True)
class Fold:
    """How a node with known inputs becomes constants.

    `types` are those of the input at position `subject` that the judge computes with; `evaluate`
    returns one array per output; `shape_only` marks operators that read no values.
    """

    types: tuple[str, ...]
    evaluate: Callable[[NodeView], Sequence[Array]]
    subject: int = 0
    shape_only: bool = False


def value(view: NodeView, position: int) -> Array:
    """Return the data of an input that the pass found to be constant."""
    data = view.input(position).data
    if data is None:
        view.fail(f"input {position} is computed at run time", "a constant")
    return data


def values(view: NodeView) -> list[Array]:
    """Return the data of all inputs."""
    return [value(view, position) for position in range(len(view.node.inputs))]


def element_wise(
    function: Callable[..., Any], inputs: int, *, clamped: bool = False
) -> Callable[[NodeView], Sequence[Array]]:
    """Return the evaluation of a NumPy function of operands of one type, with broadcasting.

    Args:
        function: From arrays to an array.
        inputs: How many operands there are.
        clamped: Whether the operator has a fused activation.
    """

    def evaluate(view: NodeView) -> Sequence[Array]:
        view.expect_count((inputs,))
        operands = values(view)
        types = {operand.dtype.name for operand in operands}
        view.require(len(types) == 1, f"operands of types {sorted(types)}", "one type")
        expect_broadcast(view, [view.input(position) for position in range(inputs)])
        with np.errstate(all="ignore"):
            result = np.asarray(function(*operands))
        return [clamp(view, result) if clamped else result]

    return evaluate


def expect_broadcast(view: NodeView, operands: Sequence[Tensor]) -> None:
    """Check, before anything is computed, that shapes broadcast to that of the output."""
    shapes = [tensor.shape for tensor in operands]
    output = view.output().shape
    try:
        fits = np.broadcast_shapes(*shapes) == output
    except ValueError:
        fits = False
    view.require(fits, f"shapes {shapes}, output shape {output}", "one that they broadcast to")


def clamp(view: NodeView, result: Array) -> Array:
    """Return numbers that are not quantised after the fused activation."""
    name = view.option("fused_activation_function", "NONE")
    if name not in CLAMPS:
        view.unsupported(f"fused activation {name}", f"one of {', '.join(CLAMPS)}")
    low, high = (None if end is None else result.dtype.type(end) for end in CLAMPS[name])
    if low is not None:  # compared as the judge does: -0.0 and what is not a number stay
        result = np.where(result < low, low, result)
    return result if high is None else np.where(result > high, high, result)


def by_reference(parse: Callable[[NodeView], Operator]) -> Callable[[NodeView], Sequence[Array]]:
    """Return the evaluation of an operator that moves elements of any type without a change."""

    def evaluate(view: NodeView) -> Sequence[Array]:
        operator = parse(view)
        sources = [value(view, position)[None] for position in operator.activations]
        return [array[0] for array in operator.reference(sources)]

    return evaluate


def only_folded(view: NodeView, fold: Fold) -> NoReturn:
    """Raise the error for an operator without a kernel, whose inputs are of no type to fold."""
    tensor = view.input(fold.subject)
    view.unsupported(
        f"{tensor.name} has type {tensor.dtype}",
        f"constants of type {' or '.join(fold.types)}: {view.node.op} has no kernel here",
        "Compute this outside the model.",
    )
