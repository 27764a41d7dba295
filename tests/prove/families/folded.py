"""Operators on constants: what is known before the first input, on its way to an int8 output.

What a chain has come to is what our own folding says; the judge computes it anew for every window.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.prove.draft import Draft, Value
from tests.prove.families.computing import COMPARISONS, COMPUTING, cast, truth
from tests.prove.families.moving_known import MOVING
from tests.prove.families.pairs import ACTIVATIONS, partner_shape
from tests.prove.known import MOST_AXES, MOST_KNOWN, Known, added, constant, folded_types

_LONGEST_CHAIN = 5

_STEPS: dict[str, Callable[[Draft, str, Known], Known]] = {**COMPUTING, **MOVING}


def folded(d: Draft, op: str) -> None:
    """Add an operator of known inputs, some more behind it, and what leads to an output."""
    known = _START[op](d, op) if op in _START else _STEPS[op](d, op, _fresh(d, op))
    for _ in range(d.between(0, _LONGEST_CHAIN)):
        step = d.pick([name for name in _STEPS if known.dtype in folded_types(name)])
        known = _STEPS[step](d, step, known)
    _bring_home(d, known)


# --- The beginning of a chain


def _fresh(d: Draft, op: str) -> Known:
    shape = d.shape(d.between(0, MOST_AXES), MOST_KNOWN)
    return constant(d, shape, d.pick(folded_types(op)))


def shape_of(d: Draft, op: str) -> Known:
    """The shape of an activation of any type, which costs nothing at run time."""
    ranked = [value for value in d.values if value.shape]
    source = d.pick(ranked) if ranked else d.take(range(1, 7))
    return added(d, op, [source.number], (len(source.shape),), "int32", out_type=2)


def fill(d: Draft, op: str) -> Known:
    shape = d.shape(d.between(1, MOST_AXES), MOST_KNOWN)
    filler = constant(d, (), d.pick(folded_types(op)))
    return added(d, op, [d.vector(shape), filler.number], shape, filler.dtype)


def broadcast_args(d: Draft, op: str) -> Known:
    first = d.shape(d.between(1, MOST_AXES))
    shapes = [np.array(first), np.array(partner_shape(d, first) or (1,))]
    d.rng.shuffle(shapes)
    dtype = d.pick(folded_types(op))
    numbers = [d.constant(shape, dtype) for shape in shapes]
    return added(d, op, numbers, (max(map(len, shapes)),), dtype)


_START: dict[str, Callable[[Draft, str], Known]] = {
    "BROADCAST_ARGS": broadcast_args,
    "FILL": fill,
    "SHAPE": shape_of,
}


# --- The end of a chain


def _bring_home(d: Draft, known: Known) -> None:
    """Lead to an activation: real numbers by QUANTIZE, int8 by ADD, others through CAST.

    Now and then nobody needs what was computed.
    """
    if d.chance(0.05):
        return
    if known.dtype == "int64":
        known = truth(d, d.pick(COMPARISONS), known)
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
