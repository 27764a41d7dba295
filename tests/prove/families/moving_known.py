"""Steps of a chain of folded operators that move or repeat what is there."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.prove.draft import Draft
from tests.prove.known import MOST_AXES, MOST_KNOWN, Known, added, constant

_AXES = {"BROADCAST_TO": 5, "SLICE": 5, "STRIDED_SLICE": 4, "TRANSPOSE": 5}
"""Most axes of the judge, where these are fewer than six."""

_MOST_PARTS = 6


def _suits(op: str, known: Known) -> bool:
    """Return whether something known has axes, and not too many for an operator."""
    return 0 < known.rank <= _AXES.get(op, MOST_AXES)


def joined(d: Draft, op: str, known: Known) -> Known:
    """PACK and CONCATENATION of it and others of its shape."""
    shape = known.data.shape
    rank = len(shape) + (op == "PACK")
    if rank == 0 or rank > MOST_AXES or known.data.size > MOST_KNOWN:
        return known
    parts = [known, *(constant(d, shape, known.dtype) for _ in range(d.between(0, 2)))]
    d.rng.shuffle(parts)  # type: ignore[arg-type]
    axis = d.between(-rank, rank - 1)
    place, numbers = axis % rank, [part.number for part in parts]
    if op == "PACK":
        shape = (*shape[:place], len(parts), *shape[place:])
        return added(d, op, numbers, shape, known.dtype, values_count=len(parts), axis=axis)
    shape = (*shape[:place], shape[place] * len(parts), *shape[place + 1 :])
    options = {"axis": axis, "fused_activation_function": "NONE"}
    return added(d, op, numbers, shape, known.dtype, **options)


def strided_slice(d: Draft, op: str, known: Known) -> Known:
    """Forwards, backwards, or one index."""
    shape = known.data.shape
    if not _suits(op, known):
        return known
    first = [d.between(0, n - 1) for n in shape]
    steps = [d.pick([1, 1, 2, -1]) for _ in shape]
    shrunk = d.between(0, 2 ** len(shape) - 1) if d.chance(0.3) else 0
    steps = [1 if shrunk >> axis & 1 else step for axis, step in enumerate(steps)]
    # An end mask stands for the end on the side that the step leads to.
    lengths = [
        len(range(b, n if s > 0 else -1, s)) for b, n, s in zip(first, shape, steps, strict=True)
    ]
    left = tuple(n for axis, n in enumerate(lengths) if not shrunk >> axis & 1)
    inputs = [known.number, d.vector(first), d.vector(first), d.vector(steps)]
    masks = {"begin_mask": 0, "end_mask": 2 ** len(shape) - 1, "shrink_axis_mask": shrunk}
    return added(d, op, inputs, left, known.dtype, **masks)


def slice_(d: Draft, op: str, known: Known) -> Known:
    shape = known.data.shape
    if not _suits(op, known):
        return known
    first = [d.between(0, n - 1) for n in shape]
    sizes = tuple(d.between(1, n - b) for n, b in zip(shape, first, strict=True))
    return added(d, op, [known.number, d.vector(first), d.vector(sizes)], sizes, known.dtype)


def reshape(d: Draft, op: str, known: Known) -> Known:
    shape = d.factors(known.data.size, d.between(1, MOST_AXES)) or (known.data.size,)
    return added(d, op, [known.number], shape, known.dtype, new_shape=shape)


def transpose(d: Draft, op: str, known: Known) -> Known:
    if not _suits(op, known):
        return known
    order = [int(axis) for axis in d.rng.permutation(known.data.ndim)]
    shape = tuple(known.data.shape[axis] for axis in order)
    return added(d, op, [known.number, d.vector(order)], shape, known.dtype)


def reverse(d: Draft, op: str, known: Known) -> Known:
    if not _suits(op, known):
        return known
    axis = d.between(0, known.data.ndim - 1)
    return added(d, op, [known.number, d.vector([axis])], known.data.shape, known.dtype)


def expand_dims(d: Draft, op: str, known: Known) -> Known:
    if known.rank == MOST_AXES:
        return known
    axis = d.between(-known.rank - 1, known.rank)
    place = axis % (known.rank + 1)
    shape = (*known.data.shape[:place], 1, *known.data.shape[place:])
    return added(d, op, [known.number, d.number(axis)], shape, known.dtype)


def squeeze(d: Draft, op: str, known: Known) -> Known:
    shape = tuple(n for n in known.data.shape if n > 1)
    return added(d, op, [known.number], shape, known.dtype, squeeze_dims=())


def gather(d: Draft, op: str, known: Known) -> Known:
    if not _suits(op, known):
        return known
    axis, count = d.between(0, known.rank - 1), d.between(1, 4)
    picks = d.constant(d.rng.integers(0, known.data.shape[axis], (count,)))
    shape = (*known.data.shape[:axis], count, *known.data.shape[axis + 1 :])
    inputs = [known.number, picks]
    return added(d, op, inputs, shape, known.dtype, axis=axis, batch_dims=0)


def broadcast_to(d: Draft, op: str, known: Known) -> Known:
    if not _suits(op, known) or known.data.size > MOST_KNOWN:
        return known
    shape = tuple(d.between(1, 3) if n == 1 else n for n in known.data.shape)
    return added(d, op, [known.number, d.vector(shape)], shape, known.dtype)


def unpack(d: Draft, op: str, known: Known) -> Known:
    """All parts are known, the chain goes on with one of them."""
    if not _suits(op, known) or min(known.data.shape) > _MOST_PARTS:
        return known
    axis = int(np.argmin(known.data.shape))
    count = known.data.shape[axis]
    shape = known.data.shape[:axis] + known.data.shape[axis + 1 :]
    return added(
        d, op, [known.number], shape, known.dtype, [shape] * (count - 1), num=count, axis=axis
    )


def split(d: Draft, op: str, known: Known) -> Known:
    """SPLIT into equal parts."""
    if not _suits(op, known):
        return known
    axis = d.between(0, known.rank - 1)
    length = known.data.shape[axis]
    count = d.pick([n for n in range(1, _MOST_PARTS + 1) if length % n == 0])
    shape = (*known.data.shape[:axis], length // count, *known.data.shape[axis + 1 :])
    inputs = [d.number(axis), known.number]
    return added(d, op, inputs, shape, known.dtype, [shape] * (count - 1), num_splits=count)


def split_v(d: Draft, op: str, known: Known) -> Known:
    """SPLIT_V into two parts; one length is left to derive now and then."""
    if not _suits(op, known) or max(known.data.shape) == 1:
        return known
    axis = int(np.argmax(known.data.shape))
    length = known.data.shape[axis]
    cut = d.between(1, length - 1)
    front, behind = known.data.shape[:axis], known.data.shape[axis + 1 :]
    first, second = ((*front, n, *behind) for n in (cut, length - cut))
    lengths = d.vector(d.pick([[cut, length - cut], [cut, -1], [-1, length - cut]]))
    inputs = [known.number, lengths, d.number(axis)]
    return added(d, op, inputs, first, known.dtype, [second], num_splits=2)


MOVING: dict[str, Callable[[Draft, str, Known], Known]] = {
    "BROADCAST_TO": broadcast_to,
    "CONCATENATION": joined,
    "EXPAND_DIMS": expand_dims,
    "GATHER": gather,
    "PACK": joined,
    "RESHAPE": reshape,
    "REVERSE_V2": reverse,
    "SLICE": slice_,
    "SPLIT": split,
    "SPLIT_V": split_v,
    "SQUEEZE": squeeze,
    "STRIDED_SLICE": strided_slice,
    "TRANSPOSE": transpose,
    "UNPACK": unpack,
}
"""How an operator continues a chain; it leaves it as it is where its shape does not suit."""
