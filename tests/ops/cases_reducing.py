"""Cases of operators that reduce a tensor over some of its axes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from mcu_slm.ir import GraphBuilder
from tests.models import indices
from tests.ops.builders import Quantized, unary
from tests.ops.case import Case


def reduced(
    op: str,
    name: str,
    shape: tuple[int, ...],
    axes: Sequence[int],
    source: Quantized,
    target: Quantized,
    *,
    keep: bool = True,
) -> Case:
    """A reduction over `axes`."""
    b = GraphBuilder()
    x = b.tensor("x", shape, scale=source[0], zero_point=source[1])
    gone = {axis % len(shape) for axis in axes}
    output = tuple(1 if i in gone else n for i, n in enumerate(shape))
    if not keep:
        output = tuple(n for i, n in enumerate(shape) if i not in gone)
    y = b.tensor("y", output, scale=target[0], zero_point=target[1])
    b.node(op, [x, indices(b, "axes", axes)], [y], keep_dims=keep)
    return Case(name, b.build([x], [y]))


def axes_cases(op: str, source: Quantized, target: Quantized) -> Iterator[Case]:
    """Neighbouring axes, axes apart, all of them, axes of length 1, axes named twice."""
    for shape, axes, keep in [
        ((1, 4, 7), (-1,), True),
        ((2, 5, 3), (0, 2), False),
        ((1, 3, 5, 2), (3, 1), True),
        ((2, 3, 1, 5), (0, -1), True),
        ((3, 4, 5), (0, 1, 2), False),
        ((2, 3, 2, 3, 2), (0, 2, 4), False),
        ((2, 3, 2, 3, 2, 2), (1, 3, 5), True),
        ((1, 6, 5), (1, 1, -2), False),
        ((1, 1, 6), (1,), True),
        ((7,), (0,), True),
    ]:
        yield reduced(op, f"{shape} over {axes}", shape, axes, source, target, keep=keep)


def mean_cases() -> Iterator[Case]:
    """Any axes; lengths that are no power of two, and a change of scale."""
    yield from axes_cases("MEAN", (0.05, 3), (0.04, -7))
    for name, shape, source, target in [
        ("low zero point", (1, 5, 3), (0.05, -128), (0.02, 127)),
        ("high zero point", (1, 15, 2), (0.05, 127), (0.03, -128)),
        ("long", (1, 333, 1), (0.05, 9), (0.001, -9)),
        ("power of two", (1, 64, 2), (0.05, -4), (0.05, -4)),
        ("left shift", (1, 2, 5), (0.9, 0), (0.01, 0)),
        ("tiny multiplier", (1, 3, 5), (0.001, -30), (0.9, 8)),
    ]:
        yield reduced("MEAN", name, shape, (1,), source, target)


def sum_cases() -> Iterator[Case]:
    """Any axes; sums that saturate and sums that vanish."""
    yield from axes_cases("SUM", (0.05, 3), (0.3, -7))
    for name, shape, source, target in [
        ("equal scales", (1, 5, 3), (0.05, -128), (0.05, 127)),
        ("exact halves", (1, 9, 4), (0.75, 11), (1.0, -60)),
        ("long", (1, 333, 1), (0.05, 9), (0.9, -9)),
        ("left shift", (1, 2, 5), (0.9, 0), (0.01, 0)),
        ("tiny multiplier", (1, 3, 5), (0.001, -30), (0.9, 8)),
    ]:
        yield reduced("SUM", name, shape, (1,), source, target)


def log_softmax_cases() -> Iterator[Case]:
    """Short rows and the longest, flat and steep distributions."""
    for shape, scale in [
        ((1, 4), 0.1),
        ((1, 1), 0.1),
        ((2, 3, 5), 0.02),
        ((1, 2, 2, 3), 0.5),
        ((1, 4095), 0.05),
        ((1, 10), 3.0),
        ((1, 7), 40.0),
        ((1, 6), 1e-5),
        ((1, 9), 2e-8),
        ((9,), 0.0625),
    ]:
        name = f"{shape}, scale {scale}"
        yield unary("LOG_SOFTMAX", name, shape, (scale, 17), (1 / 16, 127))


REDUCING_CASES: dict[str, Callable[[], Iterator[Case]]] = {
    "LOG_SOFTMAX": log_softmax_cases,
    "MEAN": mean_cases,
    "REDUCE_MAX": lambda: axes_cases("REDUCE_MAX", (0.05, 3), (0.05, 3)),
    "REDUCE_MIN": lambda: axes_cases("REDUCE_MIN", (0.05, -90), (0.05, -90)),
    "SUM": sum_cases,
}
