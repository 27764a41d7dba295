"""Whole numbers that layers take as inputs, the long way round: from shapes and other constants.

Built backwards: what is wanted is known, operators that lead there are chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tests.prove.draft import Draft
from tests.prove.families.types import CODES
from tests.prove.known import added

_DEEPEST = 3
_PLAIN = {"fused_activation_function": "NONE"}


def derived(d: Draft, values: Sequence[int]) -> int:
    """Return an int32 vector: a constant, or what is only known when shapes are."""
    if d.room <= 1 or d.chance(0.6):
        return d.vector(values)
    return _vector(d, list(values), _DEEPEST)


def _vector(d: Draft, values: list[int], depth: int) -> int:
    """Return a vector, by way of at most `depth` operators one after the other."""
    same = [value for value in d.values if list(value.shape) == values]
    if same and d.chance(0.8):
        source = d.pick(same).number
        return added(d, "SHAPE", [source], (len(values),), "int32", out_type=2).number
    if depth == 0:
        return d.vector(values)
    return d.pick(_WAYS)(d, values, depth - 1)


def _length(d: Draft, wanted: int) -> int:
    """Return one number: an axis of an activation that is as long, or a constant."""
    found = [(v, axis) for v in d.values for axis, n in enumerate(v.shape) if n == wanted]
    if not found:
        return d.constant(wanted)
    source, axis = d.pick(found)
    rank = len(source.shape)
    lengths = added(d, "SHAPE", [source.number], (rank,), "int32", out_type=2).number
    axis -= rank if d.chance(0.3) else 0
    bounds = [d.vector([number]) for number in (axis, axis + 1, 1)]
    masks = {"begin_mask": 0, "end_mask": 0, "shrink_axis_mask": 1}
    return added(d, "STRIDED_SLICE", [lengths, *bounds], (), "int32", **masks).number


def _packed(d: Draft, values: list[int], depth: int) -> int:
    numbers = [_length(d, value) for value in values]
    options = {"values_count": len(values), "axis": 0}
    return added(d, "PACK", numbers, (len(values),), "int32", **options).number


def _joined(d: Draft, values: list[int], depth: int) -> int:
    cut = d.between(1, len(values))
    parts = [part for part in (values[:cut], values[cut:]) if part]
    numbers = [_vector(d, part, depth) for part in parts]
    options = {"axis": 0, **_PLAIN}
    return added(d, "CONCATENATION", numbers, (len(values),), "int32", **options).number


def _sum(d: Draft, values: list[int], depth: int) -> int:
    """ADD or SUB of a vector or a single number."""
    op, sign = d.pick([("ADD", 1), ("SUB", -1)])
    other = d.between(-3, 9)
    first = _vector(d, [value - sign * other for value in values], depth)
    inputs = [first, d.constant(other)]
    return added(d, op, inputs, (len(values),), "int32", **_PLAIN).number


def _product(d: Draft, values: list[int], depth: int) -> int:
    factor = next((n for n in (3, 2) if all(value % n == 0 for value in values)), 1)
    first = _vector(d, [value // factor for value in values], depth)
    inputs = [first, d.constant([factor])]
    return added(d, "MUL", inputs, (len(values),), "int32", **_PLAIN).number


def _quotient(d: Draft, values: list[int], depth: int) -> int:
    divisor = d.between(1, 4)
    first = _vector(d, [value * divisor for value in values], depth)
    inputs = [first, d.constant(divisor)]
    return added(d, "DIV", inputs, (len(values),), "int32", **_PLAIN).number


def _extremum(d: Draft, values: list[int], depth: int) -> int:
    """MAXIMUM or MINIMUM with what changes nothing."""
    op, other = d.pick([("MAXIMUM", min(values)), ("MINIMUM", max(values))])
    inputs = [d.constant(other), _vector(d, values, depth)]
    return added(d, op, inputs, (len(values),), "int32").number


def _reversed(d: Draft, values: list[int], depth: int) -> int:
    inputs = [_vector(d, values[::-1], depth), d.vector([0])]
    return added(d, "REVERSE_V2", inputs, (len(values),), "int32").number


def _cast(d: Draft, values: list[int], depth: int) -> int:
    """Real numbers that a cast cuts."""
    real = np.array(values, np.float32)
    real = real + np.where(real >= 0, 0.75, -0.75).astype(np.float32)
    codes = {"in_data_type": CODES["float32"], "out_data_type": CODES["int32"]}
    source = d.constant(real, "float32")
    return added(d, "CAST", [source], (len(values),), "int32", **codes).number


def _broadcast(d: Draft, values: list[int], depth: int) -> int:
    """BROADCAST_ARGS of two shapes that together give all lengths."""
    if min(values) < 1:
        return _sum(d, values, depth)
    halves = [[n if d.chance(0.5) else 1 for n in values], values]
    d.rng.shuffle(halves)
    numbers = [_vector(d, half, depth) for half in halves]
    return added(d, "BROADCAST_ARGS", numbers, (len(values),), "int32").number


_WAYS: tuple[Callable[[Draft, list[int], int], int], ...] = (
    _packed, _packed, _joined, _sum, _product, _quotient, _extremum, _reversed, _cast, _broadcast,
)  # fmt: skip
