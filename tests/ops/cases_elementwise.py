"""Cases of operators that treat every element on its own, or two elements at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.ops.builders import Quantized, pair, unary
from tests.ops.case import Case

SIGMOID = (1 / 256, -128)
TANGENT = (1 / 128, 0)


def rescaled_cases(op: str, **options: object) -> Iterator[Case]:
    """Equal scales, finer and coarser outputs, saturation, both ends of the zero point."""
    for name, source, target in [
        ("equal scales", (0.05, -3), (0.05, -3)),
        ("another zero point", (0.05, -3), (0.05, 40)),
        ("coarser", (0.0213, 11), (0.0671, -20)),
        ("finer, left shift", (0.9, -128), (0.011, 127)),
        ("everything saturates", (1.7, 127), (1e-5, -128)),
        ("tiny multiplier", (1e-6, 0), (0.7, 5)),
    ]:
        yield unary(op, name, (1, 3, 43), source, target, **options)
    yield unary(op, "one value", (1,), (0.1, 0), (0.2, 1), **options)


def fixed_output_cases(op: str, target: Quantized) -> Iterator[Case]:
    """From inputs that are nearly constant to inputs of which every one saturates."""
    for scale, zero_point in [(0.05, 7), (0.001, -128), (0.3, 127), (5.0, 0), (9.0, 3), (1e-7, 0)]:
        yield unary(op, f"scale {scale}", (1, 2, 60), (scale, zero_point), target)


def relu6_cases() -> Iterator[Case]:
    """Six inside, at and beyond the range of the input."""
    for scale, zero_point in [(0.05, -128), (6 / 255, -128), (0.01, 20), (0.9, 127), (13.0, 0)]:
        source = (scale, zero_point)
        yield unary("RELU6", f"scale {scale}", (1, 2, 60), source, source)


def leaky_relu_cases() -> Iterator[Case]:
    """Slopes below, at and above 1, none, and a negative one."""
    yield from rescaled_cases("LEAKY_RELU", alpha=0.2)
    for alpha in (0.0, 0.01, 1.0, 1.7, -0.3):
        source, target = (0.05, -9), (0.04, 6)
        yield unary("LEAKY_RELU", f"alpha {alpha}", (1, 77), source, target, alpha=alpha)


def hard_swish_cases() -> Iterator[Case]:
    """The factor shifted left, right and not at all; outputs that saturate."""
    for name, source, target in [
        ("plain", (0.05, -3), (0.03, -110)),
        ("coarse input", (0.9, 11), (0.8, 0)),
        ("fine input", (0.0007, 90), (0.0009, -20)),
        ("no shift", (0.0117, 0), (0.02, 0)),
        ("saturated", (1.5, -128), (0.02, 127)),
        ("far output", (0.01, 127), (0.6, -128)),
    ]:
        yield unary("HARD_SWISH", name, (1, 5, 13), source, target)


def two_operand_cases(
    op: str,
    scales: tuple[float, float, float],
    zero_points: tuple[int, int, int],
    others: dict[str, tuple[float, float, float]],
) -> Iterator[Case]:
    """Broadcast patterns at `scales`, then one case for each of the `others`."""
    alike = {"scales": scales, "zero_points": zero_points, "activation": None}
    yield pair(op, "equal shapes", (1, 3, 5), (1, 3, 5), **alike)
    yield pair(op, "last axis repeated", (2, 3, 4), (2, 3, 1), **alike)
    yield pair(op, "middle axis repeated", (2, 3, 4), (2, 1, 4), **alike)
    yield pair(op, "another rank", (2, 3, 4), (4,), **alike)
    yield pair(op, "constant vector", (1, 6, 5), (5,), constant=2, **alike)
    yield pair(op, "four axes", (2, 3, 3, 2), (1, 3, 1, 2), constant=2, **alike)
    yield pair(op, "one value", (1,), (1,), constant=2, **alike)
    if op != "PRELU":
        yield pair(op, "both repeated", (2, 1, 4), (2, 3, 1), **alike)
        yield pair(op, "constant first", (1, 3), (1, 4, 3), constant=1, **alike)
    for name, other in others.items():
        yield pair(op, name, (1, 64), (1, 64), **{**alike, "scales": other}, constant=2)


def squared_difference_cases() -> Iterator[Case]:
    """Scales alike and apart; saturation; the finest output that does not overflow."""
    others = {
        "alike": (0.05, 0.05, 0.2),
        "far scales": (0.9, 0.0007, 0.4),
        "saturated": (0.5, 0.8, 0.003),
        "left shift": (0.05, 0.05, 4e-7),
        "tiny multiplier": (0.001, 0.002, 0.9),
    }
    yield from two_operand_cases("SQUARED_DIFFERENCE", (0.05, 0.03, 0.1), (4, -9, -128), others)


def prelu_cases() -> Iterator[Case]:
    """Slopes of both signs around the zero point of alpha; shifts in both directions."""
    others = {
        "steep": (0.05, 0.3, 0.02),
        "flat": (0.05, 1e-4, 0.05),
        "left shift": (0.9, 0.2, 0.01),
        "tiny multiplier": (1e-5, 0.01, 0.7),
    }
    yield from two_operand_cases("PRELU", (0.05, 0.01, 0.04), (-20, 13, 5), others)


ELEMENTWISE_CASES: dict[str, Callable[[], Iterator[Case]]] = {
    "ABS": lambda: rescaled_cases("ABS"),
    "ELU": lambda: rescaled_cases("ELU"),
    "HARD_SWISH": hard_swish_cases,
    "LEAKY_RELU": leaky_relu_cases,
    "LOGISTIC": lambda: fixed_output_cases("LOGISTIC", SIGMOID),
    "MAXIMUM": lambda: two_operand_cases("MAXIMUM", (0.1,) * 3, (3,) * 3, {}),
    "MINIMUM": lambda: two_operand_cases("MINIMUM", (0.1,) * 3, (3,) * 3, {}),
    "PRELU": prelu_cases,
    "RELU": lambda: rescaled_cases("RELU"),
    "RELU6": relu6_cases,
    "SQUARED_DIFFERENCE": squared_difference_cases,
    "TANH": lambda: fixed_output_cases("TANH", TANGENT),
}
