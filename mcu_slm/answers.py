"""What a model's int8 answer means: a value in its unit, an alarm, a class per window or token.

Values are told in thousandths of a unit, as integers: 1000 * scale is a whole number over a power
of two (a float32 has 24 bits of mantissa, 1000 needs 7 more), so that integer arithmetic is exact
up to the one rounding at the end, halves up.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import floor

import numpy as np
import numpy.typing as npt

from mcu_slm.ir import Graph
from mcu_slm.metadata import ModelInfo, read_info
from mcu_slm.quant import INT8_MAX, INT8_MIN, INT32_MAX, Int64

TASKS = ("", "classification", "regression", "anomaly", "events")
"""Their positions are their numbers in generated code and on the wire."""

NEVER = INT8_MAX + 1
"""An alarm code that no answer reaches."""

_MOST_SHIFT = 61
INT8_CODES = range(INT8_MIN, INT8_MAX + 1)


@dataclass(frozen=True)
class Thousandths:
    """Thousandths of a code's real value: ((code - zero_point) * multiplier + half) >> shift."""

    zero_point: int
    multiplier: int
    shift: int

    @property
    def half(self) -> int:
        """What is added before the shift: half of what it divides by."""
        return (1 << self.shift) >> 1

    def of(self, codes: npt.ArrayLike) -> Int64:
        """Return the thousandths of codes."""
        differences = np.asarray(codes, np.int64) - self.zero_point
        found: Int64 = (differences * self.multiplier + self.half) >> self.shift
        return found


@dataclass(frozen=True)
class Answer:
    """What the one int8 output of a model means.

    `alarm_code` is the smallest code whose real value is above the threshold.

    Units: `low` and `high` in thousandths of `unit`, `threshold` in `unit`; None where they mean
    nothing.
    """

    task: str
    unit: str
    thousandths: Thousandths
    classes: int = 0
    tokens: int = 1
    samples_per_token: int = 0
    low: int | None = None
    high: int | None = None
    threshold: float | None = None
    alarm_code: int = NEVER

    @property
    def threshold_milli(self) -> int:
        """The threshold in thousandths, as far as 32 bits go."""
        exact = rounded(Fraction(self.threshold or 0.0) * 1000)
        return min(max(exact, -INT32_MAX), INT32_MAX)

    def values(self, codes: npt.ArrayLike) -> Int64:
        """Return the thousandths that codes stand for, clipped to the bounds of a regression."""
        found = self.thousandths.of(codes)
        return found if self.low is None else np.clip(found, self.low, self.high)


def thousandths_of(scale: float, zero_point: int) -> Thousandths | None:
    """Return the integer constants of a quantisation, or None where 32 bits cannot hold a value.

    All 256 codes are compared with exact rounding.
    """
    exact = Fraction(float(np.float32(scale))) * 1000
    if not 0 < exact * 255 < INT32_MAX or exact.denominator.bit_length() - 1 > _MOST_SHIFT:
        return None
    found = Thousandths(zero_point, exact.numerator, exact.denominator.bit_length() - 1)
    expected = [rounded(exact * (code - zero_point)) for code in INT8_CODES]
    assert found.multiplier <= INT32_MAX
    assert found.of(list(INT8_CODES)).tolist() == expected
    return found


def rounded(exact: Fraction) -> int:
    """Return the nearest whole number, halves up."""
    return floor(exact + Fraction(1, 2))


def first_code_above(threshold: float, scale: float, zero_point: int) -> int:
    """Return the smallest code whose real value is above a threshold; `NEVER` where none is."""
    step, limit = Fraction(float(np.float32(scale))), Fraction(threshold)
    return next((code for code in INT8_CODES if step * (code - zero_point) > limit), NEVER)


def answer_of(graph: Graph) -> Answer | None:
    """Return what a model's answer means; None where its metadata does not say, or does not fit.

    It must have one int8 output: a value per label for classes, a row of them per token for events,
    one value for everything else.
    """
    info = read_info(graph.metadata)
    tensor = graph.tensor(graph.outputs[0])
    quantization = tensor.quantization
    if len(graph.outputs) != 1 or tensor.dtype != "int8" or quantization is None:
        return None
    thousandths = thousandths_of(quantization.scale, quantization.zero_point)
    if thousandths is None:
        return None
    if info.task in ("classification", "events"):
        return _of_classes(info, tensor.shape, thousandths)
    if tensor.element_count == 1 and info.task == "regression":
        return _of_value(info, thousandths)
    if tensor.element_count == 1 and info.task == "anomaly" and info.threshold is not None:
        code = first_code_above(info.threshold, quantization.scale, quantization.zero_point)
        return Answer(
            info.task, info.output_unit, thousandths, threshold=info.threshold, alarm_code=code
        )
    return None


def _of_classes(info: ModelInfo, shape: tuple[int, ...], thousandths: Thousandths) -> Answer | None:
    classes, elements = len(info.labels), int(np.prod(shape))
    if not classes or not shape or shape[-1] != classes:
        return None
    tokens = elements // classes
    if info.task == "classification" and tokens != 1:
        return None
    samples = info.window_samples // tokens
    return Answer(info.task, "", thousandths, classes, tokens, samples)


def _of_value(info: ModelInfo, thousandths: Thousandths) -> Answer | None:
    low, high = (rounded(Fraction(v) * 1000) for v in (info.output_min, info.output_max))
    if not -INT32_MAX < low < high < INT32_MAX:
        return None
    return Answer(info.task, info.output_unit, thousandths, low=low, high=high)


def described(answer: Answer) -> str:
    """Return in a sentence what the firmware makes of an answer."""
    step = answer.thousandths.multiplier / (1 << answer.thousandths.shift) / 1000
    unit = f" {answer.unit}" if answer.unit else ""
    if answer.low is not None and answer.high is not None:
        low, high = answer.low / 1000, answer.high / 1000
        return f"a value from {low:g} to {high:g}{unit}, in steps of {step:.4g}{unit}"
    if answer.threshold is not None:
        shown = f"an alarm where the score is above {answer.threshold:g}{unit}"
        return f"{shown}: from code {answer.alarm_code} on, in steps of {step:.4g}{unit}"
    if answer.task == "events":
        return (
            f"one of {answer.classes} classes for each of {answer.tokens} tokens "
            f"of {answer.samples_per_token} samples"
        )
    return f"one of {answer.classes} classes"
