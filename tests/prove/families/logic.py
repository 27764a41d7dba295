"""Comparisons, truth values and choices by them."""

from __future__ import annotations

import numpy as np

from tests.prove.draft import Draft, Value
from tests.prove.families.pairs import operands, partner_shape
from tests.prove.numbers import MOST_ELEMENTS, Shape

_TRIES = 20


def compared(d: Draft, op: str) -> None:
    """Scales below 1, as the judge demands; equal ones often, or nothing would ever be equal."""
    alike = d.chance(0.5)
    numbers, _, shape = operands(d, alike=alike, wanted=lambda v: v.scale < 1.0)
    d.node(op, numbers, [d.written(op, Value(-1, shape, "bool"))])


def truth(d: Draft, shape: Shape | None = None, *, most_axes: int = 6) -> Value:
    """Return truth values, of a shape if one is given: some that are there, or a new input."""
    if shape is None:
        return d.take(range(most_axes + 1), dtype="bool")
    found = [value for value in d.values if value.dtype == "bool" and value.shape == shape]
    if found and d.chance(0.7):
        return d.pick(found)
    if d.chance(0.3):
        return Value(d.constant(d.rng.random(shape) < 0.5, "bool"), shape, "bool")
    return d.add_input(Value(-1, shape, "bool"))


def combined(d: Draft, op: str) -> None:
    """LOGICAL_AND and LOGICAL_OR of operands that broadcast."""
    first = truth(d)
    shape = partner_shape(d, first.shape)
    numbers = [first.number, truth(d, shape).number]
    if d.chance(0.3):
        numbers.reverse()
    shape = tuple(np.broadcast_shapes(first.shape, shape))
    d.node(op, numbers, [d.written(op, Value(-1, shape, "bool"))])


def logical_not(d: Draft, op: str) -> None:
    source = truth(d)
    d.node(op, [source.number], [d.written(op, Value(-1, source.shape, "bool"))])


def select(d: Draft, op: str) -> None:
    """Condition and operands broadcast in every way, as long as the kernels' loops suffice."""
    condition = truth(d)
    for _ in range(_TRIES):
        shapes = [partner_shape(d, condition.shape) for _ in range(2)]
        if _fits(condition.shape, *shapes):
            break
    else:
        shapes = [condition.shape] * 2
    first, quantized = d.like(shapes[0])
    second, _ = d.like(shapes[1], quantized)
    shape = tuple(np.broadcast_shapes(condition.shape, *shapes))
    d.node(op, [condition.number, first, second], [d.output(op, shape, quantized)])


def _fits(condition: Shape, first: Shape, second: Shape) -> bool:
    """Return whether three shapes broadcast in few enough loops."""
    try:
        shape = np.broadcast_shapes(condition, first, second)
    except ValueError:
        return False
    rank = len(shape)
    walked = [(1,) * (rank - len(s)) + s for s in (condition, first, second)]
    moves = [tuple(n > 1 for n in lengths) for lengths in zip(*walked, strict=True)]
    groups = [m for m, before in zip(moves, [None, *moves], strict=False) if any(m) and m != before]
    return len(groups) <= 4 and np.prod(shape) <= MOST_ELEMENTS


MAKERS = {
    "EQUAL": compared,
    "GREATER": compared,
    "GREATER_EQUAL": compared,
    "LESS": compared,
    "LESS_EQUAL": compared,
    "LOGICAL_AND": combined,
    "LOGICAL_NOT": logical_not,
    "LOGICAL_OR": combined,
    "NOT_EQUAL": compared,
    "SELECT_V2": select,
}
