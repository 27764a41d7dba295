"""Graphs of one element-wise operator, for cases of many operators."""

from __future__ import annotations

import numpy as np

from mcu_slm.ir import GraphBuilder
from tests.ops.case import Case, rng_of

Quantized = tuple[float, int]


def pair(
    op: str,
    name: str,
    shape1: tuple[int, ...],
    shape2: tuple[int, ...],
    *,
    scales: tuple[float, float, float] = (0.05, 0.03, 0.06),
    zero_points: tuple[int, int, int] = (4, -9, 2),
    activation: str | None = "NONE",
    constant: int = 0,
) -> Case:
    """An element-wise operator; `constant` 1 or 2 makes that operand a constant.

    `activation` is None for operators that have no such option.
    """
    rng, b = rng_of(op + name), GraphBuilder()
    operands, inputs = [], []
    for number, shape in ((1, shape1), (2, shape2)):
        data = rng.integers(-128, 128, shape) if constant == number else None
        scale, zero_point = scales[number - 1], zero_points[number - 1]
        operands.append(
            b.tensor(f"x{number}", shape, scale=scale, zero_point=zero_point, data=data)
        )
        if data is None:
            inputs.append(operands[-1])
    output = tuple(np.broadcast_shapes(shape1, shape2))
    y = b.tensor("y", output, scale=scales[2], zero_point=zero_points[2])
    options = {} if activation is None else {"fused_activation_function": activation}
    b.node(op, operands, [y], **options)
    return Case(name, b.build(inputs, [y]))


def unary(
    op: str,
    name: str,
    shape: tuple[int, ...],
    source: Quantized,
    target: Quantized,
    lowest: int = -128,
    **options: object,
) -> Case:
    """An operator of one activation that keeps the shape."""
    b = GraphBuilder()
    x = b.tensor("x", shape, scale=source[0], zero_point=source[1])
    y = b.tensor("y", shape, scale=target[0], zero_point=target[1])
    b.node(op, [x], [y], **options)
    return Case(name, b.build([x], [y]), lowest)
