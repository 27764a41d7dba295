"""Cases of operators that treat every element on its own, or two elements at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.ops.builders import Quantized, unary
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


ELEMENTWISE_CASES: dict[str, Callable[[], Iterator[Case]]] = {
    "ABS": lambda: rescaled_cases("ABS"),
    "ELU": lambda: rescaled_cases("ELU"),
    "HARD_SWISH": hard_swish_cases,
    "LEAKY_RELU": leaky_relu_cases,
    "LOGISTIC": lambda: fixed_output_cases("LOGISTIC", SIGMOID),
    "QUANTIZE": lambda: rescaled_cases("QUANTIZE"),
    "RELU": lambda: rescaled_cases("RELU"),
    "RELU6": relu6_cases,
    "TANH": lambda: fixed_output_cases("TANH", TANGENT),
}
