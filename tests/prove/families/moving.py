"""Operators that reorder, repeat or leave out bytes, and those that only change the shape."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import replace

import numpy as np

from mcu_slm.ops import OPERATORS
from tests.prove.draft import Draft, Value, Wanted
from tests.prove.families.shapes import derived
from tests.prove.families.types import settled
from tests.prove.numbers import MOST_ELEMENTS, Shape


def _moved(
    d: Draft, op: str, source: Value, shape: Shape, constants: list[int], **options: object
) -> None:
    """Add an operator whose result has some of the bytes of `source`."""
    output = d.written(op, replace(source, shape=shape))
    d.node(op, [source.number, *constants], [output], **options)


def _of_any_type(
    d: Draft, op: str, ranks: Container[int] = range(7), wanted: Wanted = lambda _: True
) -> Value:
    """Return an activation of a type that an operator runs on, int8 mostly."""
    others = OPERATORS[op].RUNS
    dtype = d.pick(others) if d.chance(0.4) else "int8"
    return settled(d, d.take(ranks, wanted, dtype, constant=False))


def reshape(d: Draft, op: str) -> None:
    """The new shape as an option, as a constant, or with one length left to derive."""
    source = _of_any_type(d, op)
    shape = d.factors(source.count, d.between(0, 6)) or (source.count,)
    wanted = list(shape)
    if wanted and d.chance(0.3):
        wanted[d.between(0, len(wanted) - 1)] = -1
    constants = [derived(d, wanted)] if d.chance(0.5) and wanted else []
    _moved(d, op, source, shape, constants, new_shape=tuple(wanted))


def expand_dims(d: Draft, op: str) -> None:
    source = _of_any_type(d, op, range(6))
    rank = len(source.shape) + 1
    axis = d.between(-rank, rank - 1)
    place = axis % rank
    shape = (*source.shape[:place], 1, *source.shape[place:])
    _moved(d, op, source, shape, [d.number(axis)])


def squeeze(d: Draft, op: str) -> None:
    source = _of_any_type(d, op, wanted=lambda v: 1 in v.shape or d.chance(0.1))
    rank = len(source.shape)
    ones = [axis for axis, n in enumerate(source.shape) if n == 1]
    named = [axis for axis in ones if d.chance(0.6)]
    dropped = named or ones
    shape = tuple(n for axis, n in enumerate(source.shape) if axis not in dropped)
    axes = tuple(axis - rank if d.chance(0.3) else axis for axis in named)
    _moved(d, op, source, shape, [], squeeze_dims=axes)


def slice_(d: Draft, op: str) -> None:
    source = d.take(range(1, 6))
    begins, sizes, shape = [], [], []
    for n in source.shape:
        begin = d.between(0, n - 1) if d.chance(0.5) else 0
        size = d.between(1, n - begin)
        begins.append(begin)
        shape.append(size)
        sizes.append(-1 if begin + size == n and d.chance(0.5) else size)
    if d.chance(0.3):
        constants = [d.constant(values, "int64") for values in (begins, sizes)]
    else:
        constants = [derived(d, values) for values in (begins, sizes)]
    _moved(d, op, source, tuple(shape), constants)


def strided_slice(d: Draft, op: str) -> None:
    """Bounds on both sides of both ends; NumPy says what is left of each axis."""
    source = d.take(range(1, 5))
    begins, ends, strides, shape, masks = [], [], [], [], [0, 0, 0]
    for axis, n in enumerate(source.shape):
        if d.chance(0.15):  # one index; the axis disappears
            begins.append(d.between(-n, n - 1))
            ends.append(d.between(-n, n))
            strides.append(1)
            masks[2] |= 1 << axis
            continue
        while True:
            begin, end = d.between(-n - 2, n + 2), d.between(-n - 2, n + 2)
            stride = d.pick([1, 1, 1, 2, 3, -1, -2])
            masked = d.chance(0.3), d.chance(0.3)
            bounds = [None if m else b for m, b in zip(masked, (begin, end), strict=True)]
            left = len(range(n)[slice(*bounds, stride)])
            if left:
                break
        begins.append(begin)
        ends.append(end)
        strides.append(stride)
        shape.append(left)
        for place in (0, 1):
            masks[place] |= int(masked[place]) << axis
    _moved(
        d, op, source, tuple(shape), [d.vector(values) for values in (begins, ends, strides)],
        begin_mask=masks[0], end_mask=masks[1], ellipsis_mask=0, new_axis_mask=0,
        shrink_axis_mask=masks[2], offset=False,
    )  # fmt: skip


def transpose(d: Draft, op: str) -> None:
    source = d.take(range(1, 6))
    permutation = [int(axis) for axis in d.rng.permutation(len(source.shape))]
    shape = tuple(source.shape[axis] for axis in permutation)
    _moved(d, op, source, shape, [d.vector(permutation)])


def reverse_v2(d: Draft, op: str) -> None:
    """Neighbouring axes in any order, some counted from the end."""
    source = d.take(range(1, 7))
    rank = len(source.shape)
    first = d.between(0, rank - 1)
    axes = list(range(first, d.between(first, rank - 1) + 1))
    d.rng.shuffle(axes)
    axes = [axis - rank if d.chance(0.3) else axis for axis in axes]
    _moved(d, op, source, source.shape, [d.vector(axes)])


def broadcast_to(d: Draft, op: str) -> None:
    source = d.take(range(1, 6), lambda v: v.count <= MOST_ELEMENTS // 2)
    shape = [d.between(1, 4) if n == 1 and d.chance(0.6) else n for n in source.shape]
    while len(shape) < 5 and d.chance(0.3):
        shape.insert(0, d.between(1, 4))
    while np.prod(shape) > MOST_ELEMENTS:
        shape = list(source.shape)
    _moved(d, op, source, tuple(shape), [d.vector(shape, wide=True)])


def _table(d: Draft, rank: int | None = None) -> Value:
    """Return a tensor to pick rows from: an activation or a constant."""
    if d.chance(0.75):
        return d.take(range(1, 6) if rank is None else range(rank, 6))
    shape = d.shape(d.between(rank or 1, 3))
    value = d.described(shape, "int8")
    number = d.int8_constant(shape, value.quantized)
    return Value(number, shape, "int8", *value.quantized, value.zero_point == -128)


def _picks(d: Draft, table: Value, shape: Shape, rows: int) -> int:
    """Return row numbers: constant, or an input where the table is no constant already."""
    constant = all(table.number != value.number for value in d.values)
    if constant or d.chance(0.35):
        return d.rows_input(shape)
    return d.constant(d.rng.integers(0, rows, shape))


def gather(d: Draft, op: str) -> None:
    table = _table(d)
    rank = len(table.shape)
    axis = d.between(0, rank - 1)
    batch_dims = d.between(0, axis) if d.chance(0.3) else 0
    own = d.shape(d.between(0, min(2, 6 - rank)), 12)
    picks = (*table.shape[:batch_dims], *own)
    shape = (*table.shape[:axis], *own, *table.shape[axis + 1 :])
    if np.prod(shape) > MOST_ELEMENTS:
        return  # another operator is drawn
    numbers = _picks(d, table, picks, table.shape[axis])
    output = d.output(op, shape, table.quantized, table.at_least_zero)
    written_axis = axis - rank if d.chance(0.3) else axis
    d.node(op, [table.number, numbers], [output], axis=written_axis, batch_dims=batch_dims)


def embedding_lookup(d: Draft, op: str) -> None:
    table = _table(d, 2)
    count = max(1, min(d.between(1, 9), MOST_ELEMENTS // (table.count // table.shape[0])))
    numbers = _picks(d, table, (count,), table.shape[0])
    shape = (count, *table.shape[1:])
    output = d.output(op, shape, table.quantized, table.at_least_zero)
    d.node(op, [numbers, table.number], [output])


MAKERS = {
    "BROADCAST_TO": broadcast_to,
    "EMBEDDING_LOOKUP": embedding_lookup,
    "EXPAND_DIMS": expand_dims,
    "GATHER": gather,
    "RESHAPE": reshape,
    "REVERSE_V2": reverse_v2,
    "SLICE": slice_,
    "SQUEEZE": squeeze,
    "STRIDED_SLICE": strided_slice,
    "TRANSPOSE": transpose,
}
