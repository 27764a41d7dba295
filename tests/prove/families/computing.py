"""Steps of a chain of folded operators that compute: arithmetic, comparisons, choices, casts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mcu_slm.ops.cast import TARGETS as CAST_TARGETS
from tests.prove.draft import Draft
from tests.prove.families.pairs import ACTIVATIONS, partner_shape
from tests.prove.families.types import CODES
from tests.prove.known import Known, added, constant, known_constant
from tests.prove.numbers import Shape

_LARGEST = {"int32": 2.0**30, "int64": 2.0**40, "float32": 1e12}
"""Bounds of what a chain computes: whole numbers beyond are undefined in the judge."""

COMPARISONS = ("EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL")

_FUSED = {"ADD", "SUB", "MUL", "DIV"}


def unary(d: Draft, op: str, known: Known) -> Known:
    if op == "SQUARE" and known.largest**2 > _LARGEST["float32"]:
        return known
    if op == "SQRT" and known.data.min() < 0:
        known = unary(d, "ABS", known)
    return added(d, op, [known.number], known.data.shape, known.dtype)


def cast(d: Draft, op: str, known: Known) -> Known:
    """Real numbers beyond a type saturate, whole ones wrap around."""
    dtype = d.pick([name for name in CAST_TARGETS if name != "int16"])
    codes = {"in_data_type": CODES[known.dtype], "out_data_type": CODES[dtype]}
    return added(d, op, [known.number], known.data.shape, dtype, **codes)


def _pair(d: Draft, known: Known) -> tuple[list[Known], Shape]:
    """Return the operand and another one that broadcasts with it, in any order."""
    shape = partner_shape(d, known.data.shape)
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
        second = known_constant(d, array)
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
    condition = constant(d, partner_shape(d, shape), "bool")
    shape = tuple(np.broadcast_shapes(shape, condition.data.shape))
    numbers = [condition.number, first.number, second.number]
    return added(d, op, numbers, shape, known.dtype)


COMPUTING: dict[str, Callable[[Draft, str, Known], Known]] = {
    **dict.fromkeys(
        ("ABS", "CEIL", "FLOOR", "LOGICAL_NOT", "ROUND", "SQRT", "SQUARE", "ZEROS_LIKE"), unary
    ),
    **dict.fromkeys(("ADD", "MAXIMUM", "MINIMUM", "MUL", "SQUARED_DIFFERENCE", "SUB"), arithmetic),
    **dict.fromkeys(("DIV", "FLOOR_DIV", "FLOOR_MOD"), quotient),
    **dict.fromkeys((*COMPARISONS, "LOGICAL_AND", "LOGICAL_OR"), truth),
    "CAST": cast,
    "SELECT_V2": select,
}
"""How an operator continues a chain; it leaves it as it is where numbers would become too large."""
