"""Operators of one int8 activation that keep its shape."""

from __future__ import annotations

import numpy as np

from tests.prove.draft import Draft, Quantized, Value, Wanted
from tests.prove.numbers import FINEST

_LARGEST_REAL = 2.0**23
"""255 values shifted left by it still fit 32 bits."""


def shape_kept(
    d: Draft, op: str, source: Value, target: Quantized, positive: bool = False, **options: object
) -> None:
    """Add an operator of one activation."""
    output = d.output(op, source.shape, target, positive)
    d.node(op, [source.number], [output], **options)


def rescaled(d: Draft, op: str) -> None:
    """ABS, RELU, LEAKY_RELU: any scale to any scale, equal ones included."""
    source = d.take()
    options: dict[str, object] = {}
    steepest = 1.0
    if op == "LEAKY_RELU":
        alpha = d.pick([0.0, 0.01, 0.2, 1.0, 3.0, -0.5, float(d.rng.uniform(0.0, 1.0))])
        options, steepest = {"alpha": alpha}, max(abs(alpha), 1.0)
    middle = 80.0 if op in {"ABS", "RELU"} else -source.zero_point
    target = d.output_quantized(source.scale, 100.0, middle, _LARGEST_REAL / steepest)
    if d.chance(0.15):
        target = source.quantized
    shape_kept(d, op, source, target, op in {"ABS", "RELU"}, **options)


def elu(d: Draft, op: str) -> None:
    source = d.take(wanted=lambda v: v.scale > FINEST)
    target = d.output_quantized(source.scale, 100.0, -source.zero_point, _LARGEST_REAL / 4.0)
    shape_kept(d, op, source, target)


def relu6(d: Draft, op: str) -> None:
    source = d.take(wanted=lambda v: v.scale > FINEST / 2)
    shape_kept(d, op, source, source.quantized, positive=True)


def hard_swish(d: Draft, op: str) -> None:
    """The judge's 16-bit arithmetic allows real multipliers of 2^-16 to 1 for the output."""
    source = d.take(wanted=lambda v: 2e-7 < v.scale < 1e6)
    fine = source.scale / 128.0
    lowest, highest = np.log10(fine * 1.001), np.log10(fine * 2.0**16 * 0.999)
    usual = source.scale * d.log_uniform(-1.0, 1.0)
    scale = usual if d.chance(0.8) else d.log_uniform(lowest, highest)
    scale = float(np.float32(np.clip(scale, fine * 1.001, fine * 65000.0)))
    shape_kept(d, op, source, (scale, d.zero_point()))


def sigmoid(d: Draft, op: str) -> None:
    """LOGISTIC and TANH have fixed outputs."""
    target = (1 / 256, -128) if op == "LOGISTIC" else (1 / 128, 0)
    shape_kept(d, op, d.take(wanted=lambda v: 4e-9 < v.scale < 1e10), target)


def rsqrt(d: Draft, op: str) -> None:
    """Roots of numbers that are not negative: a judge that meets one refuses to go on."""
    source = d.take(wanted=lambda v: v.at_least_zero and v.scale > FINEST)
    largest = 1.0 / np.sqrt(source.scale)
    scale = float(np.float32(largest / 255.0 * d.log_uniform(-1.0, 0.5)))
    shape_kept(d, op, source, (scale, -128 if d.chance(0.6) else d.zero_point()))


def _has_row(longest: int, finest: float) -> Wanted:
    return lambda v: 1 <= v.shape[-1] <= longest and v.scale > finest


def softmax(d: Draft, op: str) -> None:
    beta = d.pick([1.0, 1.0, 1.0, 0.25, float(d.rng.uniform(0.1, 5.0))])
    source = d.take(range(1, 7), _has_row(511, 2.0**-26 / beta))
    shape_kept(d, op, source, (1 / 256, -128), beta=beta)


def log_softmax(d: Draft, op: str) -> None:
    shape_kept(d, op, d.take(range(1, 7), _has_row(4095, 2.0**-26)), (1 / 16, 127))


def l2_normalization(d: Draft, op: str) -> None:
    options = {"fused_activation_function": "NONE"}
    shape_kept(d, op, d.take(range(1, 5)), (1 / 128, 0), **options)


MAKERS = {
    "ABS": rescaled,
    "ELU": elu,
    "HARD_SWISH": hard_swish,
    "L2_NORMALIZATION": l2_normalization,
    "LEAKY_RELU": rescaled,
    "LOGISTIC": sigmoid,
    "LOG_SOFTMAX": log_softmax,
    "RELU": rescaled,
    "RELU6": relu6,
    "RSQRT": rsqrt,
    "SOFTMAX": softmax,
    "TANH": sigmoid,
}
