"""Derived multipliers and shifts, once more: in rational arithmetic from the scales in the file.

Nothing of `mcu_slm.quant` is used. The contract forms a real multiplier in float64, where one
division is the only operation that rounds: so the exact quotient is rounded to 53 bits, then to the
mantissa. RSQRT alone also rounds a root and a product.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction

from mcu_slm.ir import Graph, Node
from mcu_slm.ops import Operator

Pair = tuple[int, int]
"""Mantissa and shift."""

_FLOAT64_BITS = 53
_LARGEST = Fraction(2**31 - 1)


class Scales:
    """What a formula may look at: the scales of a node's tensors as exact fractions."""

    def __init__(self, graph: Graph, node: Node) -> None:
        self.graph, self.node = graph, node

    def input(self, position: int = 0) -> Fraction:
        return self._all(self.node.inputs[position])[0]

    def output(self) -> Fraction:
        return self._all(self.node.outputs[0])[0]

    def channels(self, position: int) -> list[Fraction]:
        """Return the scale of every channel of weights."""
        return self._all(self.node.inputs[position])

    def _all(self, number: int) -> list[Fraction]:
        quantization = self.graph.tensor(number).quantization
        assert quantization is not None
        return [Fraction(scale) for scale in quantization.scales]

    def option(self, name: str) -> Fraction:
        return Fraction(self.node.options[name])


def exponent_of(value: Fraction) -> int:
    """Return e with 2^(e-1) <= value < 2^e."""
    exponent = value.numerator.bit_length() - value.denominator.bit_length()
    while value >= Fraction(2) ** exponent:
        exponent += 1
    while value < Fraction(2) ** (exponent - 1):
        exponent -= 1
    return exponent


def rounded(value: Fraction, bits: int) -> Fraction:
    """Return a positive value with `bits` bits, ties to even."""
    step = Fraction(2) ** (exponent_of(value) - bits)
    return round(value / step) * step


def pair(real: Fraction) -> Pair:
    """Return the mantissa in [2^30, 2^31) and the shift of a real multiplier."""
    if real == 0:
        return 0, 0
    value = rounded(real, _FLOAT64_BITS)
    shift = exponent_of(value)
    mantissa = math.floor(value * Fraction(2) ** (31 - shift) + Fraction(1, 2))
    if mantissa == 2**31:
        mantissa, shift = 2**30, shift + 1
    return (mantissa, shift) if shift >= -31 else (0, 0)


def _root(value: Fraction) -> Fraction:
    """Return the square root in float64. With so many more bits, cutting makes no tie."""
    power = 2 * (2 * _FLOAT64_BITS) - exponent_of(value)
    power += power % 2
    whole = math.isqrt(math.floor(value * Fraction(2) ** power))
    return rounded(Fraction(whole) / Fraction(2) ** (power // 2), _FLOAT64_BITS)


def _weighted(source: int, weights: int, axis: int) -> Callable[[Scales], list[Pair]]:
    def formula(s: Scales) -> list[Pair]:
        found = [pair(s.input(source) * scale / s.output()) for scale in s.channels(weights)]
        count = s.graph.tensor(s.node.inputs[weights]).shape[axis]
        return found * count if len(found) == 1 else found

    return formula


def _sum(s: Scales) -> list[Pair]:
    twice = 2 * max(s.input(0), s.input(1))
    return [
        pair(s.input(0) / twice), pair(s.input(1) / twice), pair(twice / (2**20 * s.output()))
    ]  # fmt: skip


def _sum_of_many(s: Scales) -> list[Pair]:
    return [pair(2 * s.input() / (2**20 * s.output()))]


def _compared(s: Scales) -> list[Pair]:
    return [pair(s.input(0)), pair(s.input(1))]


def _svdf(s: Scales) -> list[Pair]:
    """Memory is input 4, weights over time are input 2."""
    return [pair(s.input(4) * s.input(2) / s.output())]


def _squared_difference(s: Scales) -> list[Pair]:
    twice = 2 * max(s.input(0), s.input(1))
    squared = twice * twice / (2**14 * s.output())
    return [pair(s.input(0) / twice), pair(s.input(1) / twice), pair(squared)]


def _product(s: Scales) -> list[Pair]:
    return [pair(s.input(0) * s.input(1) / s.output())]


def _prelu(s: Scales) -> list[Pair]:
    return [pair(s.input() / s.output()), *_product(s)]


def _ratio(s: Scales) -> list[Pair]:
    return [pair(s.input() / s.output())]


def _abs(s: Scales) -> list[Pair]:
    return [] if s.input() == s.output() else _ratio(s)


def _leaky_relu(s: Scales) -> list[Pair]:
    return [*_ratio(s), pair(s.input() * abs(s.option("alpha")) / s.output())]


def _hard_swish(s: Scales) -> list[Pair]:
    fine = s.input() / 128
    return [pair(fine * 32768 / 3), pair(fine / s.output())]


def _to_q4(s: Scales) -> list[Pair]:
    return [pair(s.input() * 2**27)]


def _softmax(s: Scales) -> list[Pair]:
    return [pair(min(s.option("beta") * s.input() * 2**26, _LARGEST))]


def _log_softmax(s: Scales) -> list[Pair]:
    mantissa, shift = pair(min(s.input() * 2**26, _LARGEST))
    return [(mantissa, shift), pair(Fraction(2) ** (31 - shift) / mantissa)]


def _quantize(s: Scales) -> list[Pair]:
    real = s.graph.tensor(s.node.inputs[0]).dtype == "float32"
    return [] if real else _ratio(s)


def _mean(s: Scales) -> list[Pair]:
    graph, node = s.graph, s.node
    read = graph.tensor(node.inputs[0]).element_count
    count = read // graph.tensor(node.outputs[0]).element_count
    mantissa, shift = pair(s.input() / s.output())
    fold = min(count.bit_length() - 1, 32, 31 + shift)
    return [(mantissa * 2**fold // count, shift - fold)]


def _rsqrt(s: Scales) -> list[Pair]:
    return [pair(1 / rounded(_root(s.input()) * s.output(), _FLOAT64_BITS))]


def _lstm(s: Scales) -> list[Pair]:
    """Gates are in Q3.12, sigmoid and tanh in Q0.15; inputs 18 and 19 are hidden state and cell."""
    found = []
    for gate in range(4):
        found.append(pair(s.input(0) * s.input(1 + gate) * 2**12))
        found.append(pair(s.input(18) * s.input(5 + gate) * 2**12))
    unit = Fraction(1, 2**15)
    return [*found, pair(unit), pair(unit**2 / s.input(19)), pair(unit**2 / s.input(18))]


FORMULAS: dict[str, Callable[[Scales], list[Pair]]] = {
    "ABS": _abs,
    "ADD": _sum,
    "ADD_N": _sum_of_many,
    "BATCH_MATMUL": _product,
    "CONV_2D": _weighted(0, 1, 0),
    "DEPTHWISE_CONV_2D": _weighted(0, 1, 3),
    "CUMSUM": _sum_of_many,
    "EQUAL": _compared,
    "FULLY_CONNECTED": _weighted(0, 1, 0),
    "GREATER": _compared,
    "GREATER_EQUAL": _compared,
    "HARD_SWISH": _hard_swish,
    "LEAKY_RELU": _leaky_relu,
    "LESS": _compared,
    "LESS_EQUAL": _compared,
    "LOGISTIC": _to_q4,
    "LOG_SOFTMAX": _log_softmax,
    "MEAN": _mean,
    "MUL": _product,
    "NOT_EQUAL": _compared,
    "PRELU": _prelu,
    "QUANTIZE": _quantize,
    "RELU": _ratio,
    "RSQRT": _rsqrt,
    "SOFTMAX": _softmax,
    "SQUARED_DIFFERENCE": _squared_difference,
    "SUB": _sum,
    "SUM": _ratio,
    "SVDF": _svdf,
    "TANH": _to_q4,
    "TRANSPOSE_CONV": _weighted(2, 1, 0),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _lstm,
}
"""How the multipliers of an operator follow from scales; operators beside it derive none."""


def compare_multipliers(graph: Graph, operators: Sequence[Operator]) -> tuple[int, str]:
    """Return how many multipliers were compared, and the first difference or an empty string."""
    count = 0
    for index, (node, operator) in enumerate(zip(graph.nodes, operators, strict=True)):
        found = [(m.multiplier, m.shift) for m in operator.requantization()]
        if found and node.op not in FORMULAS:
            return count, f"layer {index} ({node.op}): no formula in tests/prove/multipliers.py"
        expected = FORMULAS[node.op](Scales(graph, node)) if node.op in FORMULAS else []
        count += len(expected)
        if found != expected:
            wrong = next(
                (p for p in zip(found, expected, strict=False) if p[0] != p[1]), (found, expected)
            )
            return count, f"layer {index} ({node.op}): {wrong[0]}, by formula {wrong[1]}"
    return count, ""
