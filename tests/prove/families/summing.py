"""Sums of many tensors, running sums, and the place of the largest or smallest element."""

from __future__ import annotations

import math

from tests.prove.draft import Draft, Value

_LARGEST_REAL = 2.0**18
"""Twice the real multiplier stays below 2^20, as for ADD."""

_FAR = 120
"""A zero point from which sums of the other end reach 16 times 255 steps: they wrap."""


def add_n(d: Draft, op: str) -> None:
    """Two to a few tensors; or so many, mostly of one, that the judge's 32 bits wrap around."""
    many = d.chance(0.3)
    first = d.take(wanted=lambda v: not many or abs(v.zero_point) > _FAR)
    operands = d.between(18, 24) if many else d.between(2, 5)
    numbers = [first.number]
    while len(numbers) < operands:
        again = d.chance(0.9 if many else 0.15)
        numbers.append(first.number if again else d.like(first.shape, first.quantized)[0])
    d.rng.shuffle(numbers)
    middle = -first.zero_point * (operands + 1)
    usual = 100.0 * math.sqrt(operands)
    target = d.output_quantized(first.scale, usual, middle, _LARGEST_REAL)
    d.node(op, numbers, [d.output(op, first.shape, target)])


def cumsum(d: Draft, op: str) -> None:
    source = d.take(range(1, 7))
    rank = len(source.shape)
    axis = d.between(-rank, rank - 1)
    count = source.shape[axis]
    middle = -source.zero_point * (count // 2 + 1)
    target = d.output_quantized(source.scale, 100.0 * math.sqrt(count), middle, _LARGEST_REAL)
    options = {"exclusive": d.chance(0.4), "reverse": d.chance(0.4)}
    d.node(op, [source.number, d.number(axis)], [d.output(op, source.shape, target)], **options)


def arg_extremum(d: Draft, op: str) -> None:
    """Row numbers, which as whole numbers may have a scale, too."""
    source = d.take(range(1, 7))
    rank = len(source.shape)
    axis = d.between(-rank, rank - 1)
    place = axis % rank
    shape = source.shape[:place] + source.shape[place + 1 :]
    target = d.described(shape, "int32") if d.chance(0.5) else Value(-1, shape, "int32", 0.0)
    d.node(op, [source.number, d.number(axis)], [d.written(op, target)], output_type=2)


MAKERS = {
    "ADD_N": add_n,
    "ARG_MAX": arg_extremum,
    "ARG_MIN": arg_extremum,
    "CUMSUM": cumsum,
}
