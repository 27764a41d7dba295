"""Operators of two int8 operands that broadcast, matrix products among them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tests.prove.draft import Draft, Quantized, Value, Wanted
from tests.prove.numbers import MOST_ELEMENTS, Shape

ACTIVATIONS = ("NONE", "NONE", "RELU", "RELU6", "RELU_N1_TO_1")

_MOST_LOOPS = 4
"""Groups of neighbouring axes that operands walk alike, in the kernels."""


def loops(first: Shape, second: Shape) -> int:
    """Return how many groups of neighbouring axes two operands walk alike."""
    rank = max(len(first), len(second))
    groups: list[tuple[bool, bool]] = []
    for n, m in zip(
        (1,) * (rank - len(first)) + first, (1,) * (rank - len(second)) + second, strict=True
    ):
        moves = (n > 1, m > 1)
        if any(moves) and groups[-1:] != [moves]:
            groups.append(moves)
    return len(groups)


def partner_shape(d: Draft, shape: Shape, *, most_axes: int = 6) -> Shape:
    """Return a shape that broadcasts with `shape`, equal ones where that has more axes."""
    if d.chance(0.4) or len(shape) > most_axes:
        return shape
    other = [n if d.chance(0.6) else 1 for n in shape]
    if d.chance(0.3):
        grown = [
            d.between(2, 5) if n == 1 and d.chance(0.5) else m
            for n, m in zip(shape, other, strict=True)
        ]
        result = np.broadcast_shapes(shape, tuple(grown))
        if np.prod(result) <= MOST_ELEMENTS:
            other = grown
    if d.chance(0.3):
        del other[: d.between(0, len(other))]
    return tuple(other) if loops(shape, tuple(other)) <= _MOST_LOOPS else shape


def operands(
    d: Draft, *, alike: bool = False, most_axes: int = 6, wanted: Wanted = lambda _: True
) -> tuple[list[int], list[Quantized], Shape]:
    """Return two `wanted` operands with their quantisation, and the shape of the result."""
    first = d.take(wanted=wanted)
    if d.chance(0.05):
        return [first.number] * 2, [first.quantized] * 2, first.shape
    shape = partner_shape(d, first.shape, most_axes=most_axes)
    other, quantized = d.like(
        shape, first.quantized if alike else None, first.number, wanted=wanted
    )
    numbers, quantizations = [first.number, other], [first.quantized, quantized]
    if d.chance(0.3):
        numbers.reverse()
        quantizations.reverse()
    return numbers, quantizations, tuple(np.broadcast_shapes(first.shape, shape))


def added(d: Draft, op: str) -> None:
    """ADD and SUB: twice the larger scale over the output's stays below 2^20."""
    numbers, quantizations, shape = operands(d)
    (scale1, zero_point1), (scale2, zero_point2) = quantizations
    larger, sign = max(scale1, scale2), 1 if op == "ADD" else -1
    middle = -(scale1 * zero_point1 + sign * scale2 * zero_point2) / larger
    target = d.output_quantized(larger, 128.0, middle, 2.0**18)
    activation = d.pick(ACTIVATIONS)
    output = d.output(op, shape, target, activation in {"RELU", "RELU6"})
    d.node(op, numbers, [output], fused_activation_function=activation)


def product_of(zero_points: Sequence[int]) -> tuple[float, float]:
    """Return middle and usual distance of a product of two noisy operands."""
    first, second = zero_points
    return float(first * second), 73.0 * (abs(first) + abs(second) + 60)


def multiplied(d: Draft, op: str) -> None:
    numbers, quantizations, shape = operands(d)
    unit = quantizations[0][0] * quantizations[1][0]
    activation = d.pick(ACTIVATIONS)
    middle, usual = product_of([zero_point for _, zero_point in quantizations])
    output = d.output(op, shape, d.output_quantized(unit, usual, middle))
    d.node(op, numbers, [output], fused_activation_function=activation)


def extremum(d: Draft, op: str) -> None:
    """MAXIMUM and MINIMUM: one quantisation throughout."""
    numbers, quantizations, shape = operands(d, alike=True)
    d.node(op, numbers, [d.output(op, shape, quantizations[0])])


def squared_difference(d: Draft, op: str) -> None:
    """A square of up to 2^15 steps is rescaled in 32 bits; the judge broadcasts four axes."""
    numbers, quantizations, shape = operands(d, most_axes=4)
    unit = (2.0 * max(scale for scale, _ in quantizations)) ** 2 / 2.0**14
    target = d.output_quantized(unit, 5000.0 * 2**12, 5000.0 * 2**12, 1.9)
    d.node(op, numbers, [d.output(op, shape, target)])


def prelu(d: Draft, op: str) -> None:
    numbers, quantizations, shape = operands(d)
    (scale, zero_point), (slope, _) = quantizations
    target = d.output_quantized(scale, 100.0, -zero_point, min(2.0**23, 2.0**15 / slope))
    d.node(op, numbers, [d.output(op, shape, target)])


def _batches(d: Draft, batches: Shape) -> Shape:
    """Return batches of a right side that broadcast with those of the left one."""
    other = [
        d.between(1, 3) if n == 1 and d.chance(0.2) else n if d.chance(0.6) else 1 for n in batches
    ]
    return tuple(other[d.between(0, len(other)) if d.chance(0.2) else 0 :])


def batch_matmul(d: Draft, op: str) -> None:
    left = d.take(range(2, 6))
    rows, depth = left.shape[-2:]
    squares = left.count // min(rows, depth) * max(rows, depth)
    if d.chance(0.15) and len(left.shape) == 3 and squares <= MOST_ELEMENTS:
        _with_itself(d, op, left)
        return
    adj_x, adj_y = d.chance(0.4), d.chance(0.5)
    rows, depth = left.shape[-2:][::-1] if adj_x else left.shape[-2:]
    batches = _batches(d, left.shape[:-2])
    joint = np.broadcast_shapes(left.shape[:-2], batches)
    columns = d.between(1, max(1, min(9, MOST_ELEMENTS // max(int(np.prod(joint)) * rows, 1))))
    matrix = (columns, depth) if adj_y else (depth, columns)
    right, (scale, zero_point) = d.like((*batches, *matrix))
    middle, usual = product_of([left.zero_point, zero_point])
    target = d.output_quantized(left.scale * scale, usual * depth**0.5, middle * depth)
    output = d.output(op, (*joint, rows, columns), target)
    d.node(
        op, [left.number, right], [output],
        adj_x=adj_x, adj_y=adj_y, asymmetric_quantize_inputs=False,
    )  # fmt: skip


def _with_itself(d: Draft, op: str, left: Value) -> None:
    """Add x x^T, or x^T x."""
    adj_x = d.chance(0.5)
    rows, depth = left.shape[-2:][::-1] if adj_x else left.shape[-2:]
    middle, usual = product_of([left.zero_point] * 2)
    target = d.output_quantized(left.scale**2, usual * depth**0.5, middle * depth)
    output = d.output(op, (*left.shape[:-2], rows, rows), target)
    d.node(
        op, [left.number] * 2, [output],
        adj_x=adj_x, adj_y=not adj_x, asymmetric_quantize_inputs=False,
    )  # fmt: skip


MAKERS = {
    "ADD": added,
    "BATCH_MATMUL": batch_matmul,
    "MAXIMUM": extremum,
    "MINIMUM": extremum,
    "MUL": multiplied,
    "PRELU": prelu,
    "SQUARED_DIFFERENCE": squared_difference,
    "SUB": added,
}
