"""Cases of comparisons, logic and choice, and of what finds or sums along an axis."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from mcu_slm.ir import GraphBuilder
from tests.models import indices
from tests.ops.builders import Quantized
from tests.ops.case import Case, rng_of

Shape = tuple[int, ...]


def comparison(
    op: str,
    name: str,
    shapes: tuple[Shape, Shape],
    scales: tuple[float, float] = (0.05, 0.031),
    zero_points: tuple[int, int] = (4, -9),
    *,
    constant: bool = False,
) -> Case:
    """Two int8 operands; `constant`: the second one is."""
    b = GraphBuilder()
    data = rng_of(op + name).integers(-128, 128, shapes[1]) if constant else None
    x = b.tensor("x1", shapes[0], scale=scales[0], zero_point=zero_points[0])
    other = b.tensor("x2", shapes[1], scale=scales[1], zero_point=zero_points[1], data=data)
    y = b.tensor("y", np.broadcast_shapes(*shapes), "bool")
    b.node(op, [x, other], [y])
    return Case(name, b.build([x] if constant else [x, other], [y]))


def comparison_cases(op: str) -> Iterator[Case]:
    """Equal and unequal scales, broadcasting, corners of zero points."""
    yield comparison(op, "one scale", ((1, 9, 16), (1, 9, 16)), (0.05, 0.05), (-3, -3))
    yield comparison(op, "two scales", ((1, 9, 16), (1, 9, 16)))
    yield comparison(op, "broadcast", ((2, 3, 4), (3, 1)), zero_points=(-128, 127))
    yield comparison(op, "with a constant", ((2, 3, 4), (4,)), constant=True)
    yield comparison(op, "small scales", ((1, 200), (1, 200)), (0.0007, 0.00071))
    yield comparison(op, "tiny scales", ((1, 200), (1, 200)), (1e-9, 3e-8))
    yield comparison(op, "nearly 1", ((1, 200), (1,)), (0.999, 0.3), (0, 0))


def logical(op: str, name: str, shapes: tuple[Shape, Shape], *, constant: bool = False) -> Case:
    """Two truth values."""
    b = GraphBuilder()
    data = rng_of(op + name).integers(0, 2, shapes[1]) if constant else None
    x = b.tensor("x1", shapes[0], "bool")
    other = b.tensor("x2", shapes[1], "bool", data=data)
    y = b.tensor("y", np.broadcast_shapes(*shapes), "bool")
    b.node(op, [x, other], [y])
    return Case(name, b.build([x] if constant else [x, other], [y]))


def logical_cases(op: str) -> Iterator[Case]:
    """One shape, broadcasting, a constant."""
    yield logical(op, "one shape", ((2, 9), (2, 9)))
    yield logical(op, "broadcast", ((3, 1, 5), (2, 1)))
    yield logical(op, "with a constant", ((4, 5), (5,)), constant=True)


def logical_not_cases() -> Iterator[Case]:
    """Several shapes."""
    for shape in ((7,), (2, 3, 4), (1,)):
        b = GraphBuilder()
        x, y = b.tensor("x", shape, "bool"), b.tensor("y", shape, "bool")
        b.node("LOGICAL_NOT", [x], [y])
        yield Case(f"of {shape}", b.build([x], [y]))


def select(name: str, shapes: tuple[Shape, Shape, Shape], *, constant: bool = False) -> Case:
    """A choice between two operands; `constant`: the condition is."""
    b = GraphBuilder()
    data = rng_of(name).integers(0, 2, shapes[0]) if constant else None
    condition = b.tensor("condition", shapes[0], "bool", data=data)
    operands = [b.tensor(f"x{i}", shapes[i], scale=0.05, zero_point=-7) for i in (1, 2)]
    y = b.tensor("y", np.broadcast_shapes(*shapes), scale=0.05, zero_point=-7)
    b.node("SELECT_V2", [condition, *operands], [y])
    return Case(name, b.build(operands if constant else [condition, *operands], [y]))


def select_cases() -> Iterator[Case]:
    """One shape, broadcasting of each, a constant condition (a mask)."""
    yield select("one shape", ((2, 3, 4),) * 3)
    yield select("condition repeated", ((3, 1), (2, 3, 4), (2, 3, 4)))
    yield select("operands repeated", ((2, 3, 4), (4,), (1, 3, 1)))
    yield select("a mask", ((4, 4), (2, 4, 4), (1, 1, 1)), constant=True)


def arg_extremum(op: str, name: str, shape: Shape, axis: int) -> Case:
    """The number of the largest or smallest element along an axis."""
    b = GraphBuilder()
    x = b.tensor("x", shape, scale=0.05, zero_point=-7)
    place = axis % len(shape)
    y = b.tensor("y", shape[:place] + shape[place + 1 :], "int32")
    b.node(op, [x, indices(b, "axis", axis)], [y], output_type=2)
    return Case(name, b.build([x], [y]))


def arg_extremum_cases(op: str) -> Iterator[Case]:
    """First, middle and last axis; many equal elements; a vector."""
    yield arg_extremum(op, "last axis", (2, 3, 10), -1)
    yield arg_extremum(op, "middle axis", (2, 7, 5), 1)
    yield arg_extremum(op, "first axis", (6, 2, 2), 0)
    yield arg_extremum(op, "ties", (1, 300), 1)
    yield arg_extremum(op, "a vector", (5,), 0)
    yield arg_extremum(op, "one element", (3, 1, 2), 1)


def mirrored(shape: Shape, widths: list[tuple[int, int]], mode: str, dtype: str = "int32") -> Case:
    """MIRROR_PAD."""
    b = GraphBuilder()
    x = b.tensor("x", shape, scale=0.05, zero_point=-7)
    named = b.tensor("widths", (len(shape), 2), dtype, data=widths)
    size = tuple(n + sum(width) for n, width in zip(shape, widths, strict=True))
    y = b.tensor("y", size, scale=0.05, zero_point=-7)
    b.node("MIRROR_PAD", [x, named], [y], mode=mode)
    return Case(f"{mode} {shape} {widths} {dtype}", b.build([x], [y]))


def mirror_pad_cases() -> Iterator[Case]:
    """Both modes, the widest borders, one to five axes, widths of int64."""
    yield mirrored((5,), [(4, 2)], "REFLECT")
    yield mirrored((5,), [(5, 3)], "SYMMETRIC")
    yield mirrored((1, 4, 3, 2), [(0, 0), (3, 1), (0, 2), (0, 0)], "REFLECT")
    yield mirrored((1, 4, 3, 2), [(1, 0), (4, 4), (1, 3), (2, 1)], "SYMMETRIC")
    yield mirrored((2, 2, 2, 2, 3), [(1, 1), (0, 1), (1, 0), (0, 0), (2, 2)], "REFLECT")
    yield mirrored((3, 2), [(1, 2), (0, 1)], "REFLECT", "int64")


def gather_nd_cases() -> Iterator[Case]:
    """Single elements, rows, planes; tuples in a matrix; one tuple."""
    for shape, tuples in (
        ((4, 3), [[3, 1], [0, 0], [2, 2]]),
        ((4, 3), [[3], [0]]),
        ((2, 3, 4), [[[1, 2], [0, 0]], [[0, 1], [1, 1]]]),
        ((2, 3, 4), [1, 2]),
        ((2, 2, 2, 2, 3), [[1, 0, 1, 0, 2]]),
    ):
        b = GraphBuilder()
        numbers = np.array(tuples)
        x = b.tensor("x", shape, scale=0.05, zero_point=-7)
        named = b.tensor("numbers", numbers.shape, "int32", data=numbers)
        size = (*numbers.shape[:-1], *shape[numbers.shape[-1] :])
        y = b.tensor("y", size, scale=0.05, zero_point=-7)
        b.node("GATHER_ND", [x, named], [y])
        yield Case(f"{numbers.tolist()} of {shape}", b.build([x], [y]))


def running_sum(
    name: str, shape: Shape, axis: int, source: Quantized, target: Quantized, **options: bool
) -> Case:
    """CUMSUM."""
    b = GraphBuilder()
    x = b.tensor("x", shape, scale=source[0], zero_point=source[1])
    y = b.tensor("y", shape, scale=target[0], zero_point=target[1])
    b.node("CUMSUM", [x, indices(b, "axis", axis)], [y], **options)
    return Case(name, b.build([x], [y]))


def cumsum_cases() -> Iterator[Case]:
    """Every option and axis; sums that wrap in the judge's 32 bits."""
    plain = {"exclusive": False, "reverse": False}
    yield running_sum("middle axis", (2, 5, 3), 1, (0.05, 0), (0.1, 3), **plain)
    yield running_sum("zero point", (2, 5, 3), -1, (0.05, -9), (0.06, 3), **plain)
    both = {"exclusive": True, "reverse": True}
    yield running_sum("exclusive", (4, 6), 0, (0.05, 7), (0.2, 0), exclusive=True, reverse=False)
    yield running_sum("reverse", (4, 6), 1, (0.05, 7), (0.2, 0), exclusive=False, reverse=True)
    yield running_sum("both", (3, 4, 2), 1, (0.05, -128), (0.3, -128), **both)
    yield running_sum("wraps", (1, 60), 1, (0.05, -20), (0.9, 0), **plain)
    yield running_sum("fine output", (1, 9), 1, (0.05, 0), (0.0002, 0), **plain)


def sum_of_many(
    name: str, operands: int, shape: Shape, source: Quantized, target: Quantized, constants: int = 0
) -> Case:
    """ADD_N; the last `constants` operands are constants."""
    rng, b = rng_of(name), GraphBuilder()
    sources = []
    for number in range(operands):
        data = rng.integers(-128, 128, shape) if number >= operands - constants else None
        sources.append(
            b.tensor(f"x{number}", shape, scale=source[0], zero_point=source[1], data=data)
        )
    y = b.tensor("y", shape, scale=target[0], zero_point=target[1])
    b.node("ADD_N", sources, [y])
    return Case(name, b.build(sources[: operands - constants], [y]))


def add_n_cases() -> Iterator[Case]:
    """Two to many operands, a constant one, corners of zero points, sums that wrap."""
    yield sum_of_many("two", 2, (2, 3, 5), (0.05, 0), (0.1, 0))
    yield sum_of_many("three", 3, (2, 30), (0.05, -11), (0.07, 5))
    yield sum_of_many("a constant", 3, (60,), (0.05, 127), (0.2, -128), constants=1)
    yield sum_of_many("many", 20, (30,), (0.05, -128), (0.9, -100))


RELATIONS = ("EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL")

LOGIC_CASES: dict[str, Callable[[], Iterator[Case]]] = {
    "ADD_N": add_n_cases,
    "CUMSUM": cumsum_cases,
    "GATHER_ND": gather_nd_cases,
    "LOGICAL_NOT": logical_not_cases,
    "MIRROR_PAD": mirror_pad_cases,
    "SELECT_V2": select_cases,
    **{op: partial(arg_extremum_cases, op) for op in ("ARG_MAX", "ARG_MIN")},
    **{op: partial(comparison_cases, op) for op in RELATIONS},
    **{op: partial(logical_cases, op) for op in ("LOGICAL_AND", "LOGICAL_OR")},
}
