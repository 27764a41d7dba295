"""Operators that mirror a border, pick slices by tuples of numbers, or replace a box."""

from __future__ import annotations

import math

import numpy as np

from tests.prove.draft import Draft
from tests.prove.families.types import casted
from tests.prove.numbers import MOST_ELEMENTS, Shape


def mirror_pad(d: Draft, op: str) -> None:
    """Borders as wide as there is something to mirror."""
    source = d.take(range(1, 6))
    mode = d.pick(["REFLECT", "SYMMETRIC"])
    size, widths = source.count, []
    for n in source.shape:
        most = n - (mode == "REFLECT")
        before, after = (d.between(0, most) if d.chance(0.5) else 0 for _ in range(2))
        if size // n * (n + before + after) > MOST_ELEMENTS:
            before = after = 0
        size = size // n * (n + before + after)
        widths.append((before, after))
    shape = tuple(n + sum(width) for n, width in zip(source.shape, widths, strict=True))
    named = d.constant(widths, "int64" if d.chance(0.3) else "int32")
    output = d.output(op, shape, source.quantized, source.at_least_zero)
    d.node(op, [source.number, named], [output], mode=mode)


def gather_nd(d: Draft, op: str) -> None:
    """Tuples of one to five numbers, in a vector or in a tensor of vectors."""
    source = d.take(range(1, 7))
    length = d.between(1, min(len(source.shape), 5))
    rest = source.shape[length:]
    most = MOST_ELEMENTS // math.prod(rest)
    rank = d.between(0, min(3, 6 - len(rest)))
    outer = d.shape(rank, min(most, 24))
    leading = source.shape[:length]
    numbers = [d.rng.integers(0, n, outer) for n in leading]
    named = d.constant(np.stack(numbers, axis=-1))
    output = d.output(op, (*outer, *rest), source.quantized, source.at_least_zero)
    d.node(op, [source.number, named], [output])


def dynamic_update_slice(d: Draft, op: str) -> None:
    """A box inside the input; where it starts may be anywhere, and come at run time."""
    source = d.take(range(1, 6))
    box = tuple(n if d.chance(0.3) else d.between(1, n) for n in source.shape)
    part, _ = d.like(box, source.quantized)
    starts = _starts(d, source.shape)
    d.node(op, [source.number, part, starts], [d.output(op, source.shape, source.quantized)])


def _starts(d: Draft, shape: Shape) -> int:
    """Return one number per axis: constants, an input, or whole numbers that were computed."""
    rank = len(shape)
    if d.chance(0.4):
        numbers = [d.between(-2, n + 2) for n in shape]
        return d.constant(numbers, "int64" if d.chance(0.3) else "int32")
    found = [v for v in d.values if v.dtype == "int32" and v.shape == (rank,)]
    if found:
        return d.pick(found).number
    if d.chance(0.5):
        return d.rows_input((rank,))
    source = d.take((1,), lambda v: v.shape == (rank,), constant=False)
    return casted(d, source, "int32").number


MAKERS = {
    "DYNAMIC_UPDATE_SLICE": dynamic_update_slice,
    "GATHER_ND": gather_nd,
    "MIRROR_PAD": mirror_pad,
}
