"""Operators that join tensors into one or deal one out to several."""

from __future__ import annotations

from tests.prove.draft import Draft, Value
from tests.prove.numbers import MOST_ELEMENTS, Shape

_MOST_JOINED = 10
_MOST_PARTS = 6


def concatenation(d: Draft, op: str) -> None:
    """One to ten parts of one quantisation; some of them one tensor, some constants."""
    first = d.take(range(1, 7))
    rank = len(first.shape)
    axis = d.between(0, rank - 1)
    parts, total = [first.number], first.shape[axis]
    row = first.count // first.shape[axis]
    for _ in range(d.between(0, _MOST_JOINED - 1 if d.chance(0.1) else 3)):
        length = first.shape[axis] if d.chance(0.5) else d.length()
        if (total + length) * row > MOST_ELEMENTS:
            break
        shape = (*first.shape[:axis], length, *first.shape[axis + 1 :])
        same = length == first.shape[axis] and d.chance(0.2)
        parts.append(first.number if same else d.like(shape, first.quantized)[0])
        total += length
    d.rng.shuffle(parts)
    shape = (*first.shape[:axis], total, *first.shape[axis + 1 :])
    written_axis = axis - rank if d.chance(0.3) else axis
    output = d.output(op, shape, first.quantized)
    d.node(op, parts, [output], axis=written_axis, fused_activation_function="NONE")


def pack(d: Draft, op: str) -> None:
    first = d.take(range(6), lambda v: v.count <= MOST_ELEMENTS // 4)
    parts = [first.number]
    for _ in range(d.between(0, 3)):
        parts.append(first.number if d.chance(0.2) else d.like(first.shape, first.quantized)[0])
    d.rng.shuffle(parts)
    rank = len(first.shape) + 1
    axis = d.between(-rank, rank - 1)
    place = axis % rank
    shape = (*first.shape[:place], len(parts), *first.shape[place:])
    d.node(op, parts, [d.output(op, shape, first.quantized)], values_count=len(parts), axis=axis)


def _outputs(d: Draft, op: str, source: Value, shapes: list[Shape]) -> list[Value]:
    return [d.output(op, shape, source.quantized, source.at_least_zero) for shape in shapes]


def _axis(d: Draft, source: Value) -> tuple[int, int]:
    """Return an axis as the file says it, and counted from the front."""
    rank = len(source.shape)
    axis = d.between(-rank, rank - 1)
    return axis, axis % rank


def unpack(d: Draft, op: str) -> None:
    source = d.take(range(1, 7), lambda v: min(v.shape) <= _MOST_PARTS)
    axis, place = _axis(d, source)
    while source.shape[place] > _MOST_PARTS:
        axis, place = _axis(d, source)
    count = source.shape[place]
    shapes = [source.shape[:place] + source.shape[place + 1 :]] * count
    d.node(op, [source.number], _outputs(d, op, source, shapes), num=count, axis=axis)


def split(d: Draft, op: str) -> None:
    source = d.take(range(1, 7))
    axis, place = _axis(d, source)
    length = source.shape[place]
    parts = d.pick([n for n in range(1, _MOST_PARTS + 1) if length % n == 0])
    shape = (*source.shape[:place], length // parts, *source.shape[place + 1 :])
    outputs = _outputs(d, op, source, [shape] * parts)
    d.node(op, [d.number(axis), source.number], outputs, num_splits=parts)


def split_v(d: Draft, op: str) -> None:
    source = d.take(range(1, 7))
    axis, place = _axis(d, source)
    length = source.shape[place]
    cuts = sorted({d.between(1, length) for _ in range(d.between(0, 3))} - {length})
    lengths = [b - a for a, b in zip([0, *cuts], [*cuts, length], strict=True)]
    shapes = [(*source.shape[:place], n, *source.shape[place + 1 :]) for n in lengths]
    written = list(lengths)
    if d.chance(0.3):
        written[d.between(0, len(written) - 1)] = -1
    inputs = [source.number, d.vector(written, wide=True), d.number(axis)]
    d.node(op, inputs, _outputs(d, op, source, shapes), num_splits=len(lengths))


MAKERS = {
    "CONCATENATION": concatenation,
    "PACK": pack,
    "SPLIT": split,
    "SPLIT_V": split_v,
    "UNPACK": unpack,
}
