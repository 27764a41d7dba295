"""Operators on constants: what is known before the first input, on its way to an int8 output.

What a chain has come to is what our own folding says; the judge computes it anew for every window.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mcu_slm import ops
from mcu_slm.ops.cast import TARGETS as CAST_TARGETS
from mcu_slm.ops.support import support_of
from tests.prove.draft import Draft, Value
from tests.prove.families.pairs import ACTIVATIONS, partner_shape
from tests.prove.families.types import CODES
from tests.prove.numbers import Shape

_MOST_AXES = 4
"""Operands of other types than int8 broadcast along four axes in the judge."""

_LARGEST = {"int32": 2.0**30, "int64": 2.0**40, "float32": 1e12}
"""Bounds of what a chain computes: whole numbers beyond are undefined in the judge."""

_LONGEST_CHAIN = 5
_MOST_KNOWN = 64

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Known:
    """A tensor whose values follow from constants and shapes; `scale` is that of an int8 one."""

    number: int
    data: Array
    scale: float = 0.0

    @property
    def dtype(self) -> str:
        return str(self.data.dtype)

    @property
    def largest(self) -> float:
        return float(np.abs(self.data.astype(np.float64)).max())


def folded(d: Draft, op: str) -> None:
    """Add an operator of known inputs, some more behind it, and what leads to an output."""
    known = _START[op](d, op) if op in _START else _apply(d, op, _fresh(d, op))
    for _ in range(d.between(0, _LONGEST_CHAIN)):
        fitting = [name for name in _STEPS if known.dtype in support_of(ops.OPERATORS[name]).folds]
        known = _apply(d, d.pick(fitting), known)
    _bring_home(d, known)


# --- The beginning of a chain


def constant(d: Draft, shape: Shape, dtype: str) -> Known:
    """Return numbers: halves, small and large ones, both signs, 0 now and then."""
    if dtype == "bool":
        data = d.rng.random(shape) < d.pick([0.5, 0.1])
    elif dtype == "float32":
        data = d.rng.integers(-40, 41, shape) / d.pick([1, 2, 3, 7])
        data = data * d.pick([1.0, 1.0, 1e-3, 1e4])
    else:
        data = d.rng.integers(-40, 41, shape) * d.pick([1, 1, 1, 1000])
    return _constant(d, np.asarray(data).astype(dtype))


def _constant(d: Draft, array: Array) -> Known:
    scale = d.scale() if array.dtype == np.int8 else None
    return Known(d.constant(array, array.dtype.name, scale=scale), array, scale or 0.0)


def _fresh(d: Draft, op: str) -> Known:
    shape = d.shape(d.between(0, _MOST_AXES), _MOST_KNOWN)
    return constant(d, shape, d.pick(support_of(ops.OPERATORS[op]).folds))


def shape_of(d: Draft, op: str) -> Known:
    """The shape of an activation of any type, which costs nothing at run time."""
    ranked = [value for value in d.values if value.shape]
    source = d.pick(ranked) if ranked else d.take(range(1, 7))
    return added(d, op, [source.number], (len(source.shape),), "int32", out_type=2)


def fill(d: Draft, op: str) -> Known:
    shape = d.shape(d.between(1, _MOST_AXES), _MOST_KNOWN)
    filler = constant(d, (), d.pick(support_of(ops.OPERATORS[op]).folds))
    return added(d, op, [d.vector(shape), filler.number], shape, filler.dtype)


def broadcast_args(d: Draft, op: str) -> Known:
    first = d.shape(d.between(1, _MOST_AXES))
    shapes = [np.array(first), np.array(partner_shape(d, first) or (1,))]
    d.rng.shuffle(shapes)
    dtype = d.pick(support_of(ops.OPERATORS[op]).folds)
    numbers = [d.constant(shape, dtype) for shape in shapes]
    return added(d, op, numbers, (max(map(len, shapes)),), dtype)


_START: dict[str, Callable[[Draft, str], Known]] = {
    "BROADCAST_ARGS": broadcast_args,
    "FILL": fill,
    "SHAPE": shape_of,
}


# --- Steps of a chain


def added(
    d: Draft, op: str, inputs: list[int], shape: Shape, dtype: str, **options: object
) -> Known:
    """Add a node with one known output and return what it comes to."""
    scale = d.scale() if dtype == "int8" else None
    number = d.builder.tensor(f"{op.lower()}_{d.room}", shape, dtype, scale=scale)
    d.builder.node(op, inputs, [number], **options)
    d.has_read(inputs)
    data = ops.fold_graph(d.builder.build(d.inputs, [])).tensor(number).data
    assert data is not None, op
    return Known(number, data, scale or 0.0)


def _apply(d: Draft, op: str, known: Known) -> Known:
    """Return what an operator makes of something known; the same where that may overflow."""
    return _STEPS[op](d, op, known)


def unary(d: Draft, op: str, known: Known) -> Known:
    if op == "SQUARE" and known.largest**2 > _LARGEST["float32"]:
        return known
    if op == "SQRT" and known.data.min() < 0:
        return unary(d, "ABS", known)
    return added(d, op, [known.number], known.data.shape, known.dtype)


def cast(d: Draft, op: str, known: Known) -> Known:
    """Real numbers beyond a type saturate, whole ones wrap around."""
    dtype = d.pick([name for name in CAST_TARGETS if name != "int16"])
    codes = {"in_data_type": CODES[known.dtype], "out_data_type": CODES[dtype]}
    return added(d, op, [known.number], known.data.shape, dtype, **codes)


def _pair(d: Draft, known: Known) -> tuple[list[Known], Shape]:
    """Return the operand and another one that broadcasts with it, in any order."""
    shape = partner_shape(d, known.data.shape, most_axes=_MOST_AXES)
    both = [known, constant(d, shape, known.dtype)]
    if d.chance(0.1):
        both[1] = known
    if d.chance(0.3):
        both.reverse()
    return both, tuple(np.broadcast_shapes(both[0].data.shape, both[1].data.shape))


def arithmetic(d: Draft, op: str, known: Known) -> Known:
    """ADD, SUB, MUL, MAXIMUM, MINIMUM, SQUARED_DIFFERENCE."""
    both, shape = _pair(d, known)
    first, second = (operand.largest for operand in both)
    reached = {"MUL": first * second, "SQUARED_DIFFERENCE": (first + second) ** 2}
    if reached.get(op, first + second) > _LARGEST[known.dtype]:
        return known
    fused = {"fused_activation_function": d.pick(ACTIVATIONS)} if op in _FUSED else {}
    return added(d, op, [operand.number for operand in both], shape, known.dtype, **fused)


def quotient(d: Draft, op: str, known: Known) -> Known:
    """DIV, FLOOR_DIV, FLOOR_MOD: nothing is divided by 0."""
    (first, second), shape = _pair(d, known)
    if not np.all(second.data):
        array = np.where(second.data == 0, second.data.dtype.type(3), second.data)
        second = _constant(d, array)
    if first.largest / float(np.abs(second.data).min()) > _LARGEST[known.dtype]:
        return known
    fused = {"fused_activation_function": d.pick(ACTIVATIONS)} if op in _FUSED else {}
    return added(d, op, [first.number, second.number], shape, known.dtype, **fused)


def truth(d: Draft, op: str, known: Known) -> Known:
    """Comparisons and LOGICAL_AND, LOGICAL_OR."""
    both, shape = _pair(d, known)
    return added(d, op, [operand.number for operand in both], shape, "bool")


def select(d: Draft, op: str, known: Known) -> Known:
    (first, second), shape = _pair(d, known)
    condition = constant(d, partner_shape(d, shape, most_axes=_MOST_AXES), "bool")
    shape = tuple(np.broadcast_shapes(shape, condition.data.shape))
    numbers = [condition.number, first.number, second.number]
    return added(d, op, numbers, shape, known.dtype)


def joined(d: Draft, op: str, known: Known) -> Known:
    """PACK and CONCATENATION of it and others of its shape."""
    shape = known.data.shape
    rank = len(shape) + (op == "PACK")
    if rank == 0 or rank > _MOST_AXES or known.data.size > _MOST_KNOWN:
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
    if not 0 < len(shape) <= _MOST_AXES:
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
    if not 0 < len(shape) <= _MOST_AXES:
        return known
    first = [d.between(0, n - 1) for n in shape]
    sizes = tuple(d.between(1, n - b) for n, b in zip(shape, first, strict=True))
    return added(d, op, [known.number, d.vector(first), d.vector(sizes)], sizes, known.dtype)


def reshape(d: Draft, op: str, known: Known) -> Known:
    shape = d.factors(known.data.size, d.between(1, _MOST_AXES)) or (known.data.size,)
    return added(d, op, [known.number], shape, known.dtype, new_shape=shape)


def transpose(d: Draft, op: str, known: Known) -> Known:
    if not known.data.shape:
        return known
    order = [int(axis) for axis in d.rng.permutation(known.data.ndim)]
    shape = tuple(known.data.shape[axis] for axis in order)
    return added(d, op, [known.number, d.vector(order)], shape, known.dtype)


def reverse(d: Draft, op: str, known: Known) -> Known:
    if not known.data.shape:
        return known
    axis = d.between(0, known.data.ndim - 1)
    return added(d, op, [known.number, d.vector([axis])], known.data.shape, known.dtype)


_FUSED = {"ADD", "SUB", "MUL", "DIV"}
_COMPARISONS = ("EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL")

_STEPS: dict[str, Callable[[Draft, str, Known], Known]] = {
    **dict.fromkeys(("ABS", "CEIL", "FLOOR", "LOGICAL_NOT", "ROUND", "SQRT", "SQUARE"), unary),
    **dict.fromkeys(("ADD", "MAXIMUM", "MINIMUM", "MUL", "SQUARED_DIFFERENCE", "SUB"), arithmetic),
    **dict.fromkeys(("DIV", "FLOOR_DIV", "FLOOR_MOD"), quotient),
    **dict.fromkeys((*_COMPARISONS, "LOGICAL_AND", "LOGICAL_OR"), truth),
    **dict.fromkeys(("CONCATENATION", "PACK"), joined),
    "CAST": cast,
    "RESHAPE": reshape,
    "REVERSE_V2": reverse,
    "SELECT_V2": select,
    "SLICE": slice_,
    "STRIDED_SLICE": strided_slice,
    "TRANSPOSE": transpose,
    "ZEROS_LIKE": unary,
}


# --- The end of a chain


def _bring_home(d: Draft, known: Known) -> None:
    """Lead to an activation: real numbers by QUANTIZE, int8 by ADD, others through CAST.

    Now and then nobody needs what was computed.
    """
    if d.chance(0.05):
        return
    if known.dtype == "int64":
        known = truth(d, d.pick(_COMPARISONS), known)
    while known.dtype not in ("int8", "float32"):
        known = cast(d, "CAST", known)
    if known.dtype == "int8":
        _add_to_activation(d, known)
    else:
        _quantize(d, known)


def _quantize(d: Draft, known: Known) -> None:
    """Add QUANTIZE, whose output may be an output of the graph."""
    target = d.described(known.data.shape, d.pick(["int8", "int8", "int16"]))
    largest = max(known.largest, 1e-20)
    scale = max(largest / 100.0 * d.log_uniform(-1.0, 1.0), largest / 2.0**30)
    output = Value(-1, target.shape, target.dtype, float(np.float32(scale)), target.zero_point)
    d.node("QUANTIZE", [known.number], [d.written("QUANTIZE", output)])


def _add_to_activation(d: Draft, known: Known) -> None:
    """Add ADD of it and an activation of its shape."""
    shape = known.data.shape
    found = [value for value in d.values if value.dtype == "int8" and value.shape == shape]
    source = d.pick(found) if found else d.add_input(d.described(shape, "int8"))
    larger = max(source.scale, known.scale)
    target = d.output_quantized(larger, 128.0, 0.0, 2.0**18)
    inputs = [source.number, known.number]
    activation = d.pick(ACTIVATIONS)
    d.node("ADD", inputs, [d.output("ADD", shape, target)], fused_activation_function=activation)


MAKERS = dict.fromkeys(
    (
        "BROADCAST_ARGS", "CEIL", "DIV", "FILL", "FLOOR", "FLOOR_DIV", "FLOOR_MOD", "ROUND",
        "SHAPE", "SQRT", "SQUARE", "ZEROS_LIKE",
    ),
    folded,
)  # fmt: skip
"""Operators that are only folded; chains of them have many others."""
