"""Broken layers of element-wise operators: a sound case, a change, the message."""

from __future__ import annotations

from tests.ops.builders import pair, unary
from tests.ops.case import Case
from tests.ops.changes import Change, no_option, node, options, output, scale, tensor

RELU, RELU6, ABS, ELU, QUANTIZE, HARD_SWISH = (
    unary(op, "sound", (1, 5), (0.1, 3), (0.1, 3))
    for op in ("RELU", "RELU6", "ABS", "ELU", "QUANTIZE", "HARD_SWISH")
)
LEAKY_RELU = unary("LEAKY_RELU", "sound", (1, 5), (0.1, 3), (0.1, 3), alpha=0.1)
LOGISTIC = unary("LOGISTIC", "sound", (1, 5), (0.1, 3), (1 / 256, -128))
TANH = unary("TANH", "sound", (1, 5), (0.1, 3), (1 / 128, 0))

_ALIKE = {"scales": (0.1, 0.1, 0.1), "zero_points": (3, 3, 3), "activation": None}
MAXIMUM, MINIMUM, PRELU, SQUARED_DIFFERENCE = (
    pair(op, "sound", (2, 3), (2, 3), **_ALIKE)
    for op in ("MAXIMUM", "MINIMUM", "PRELU", "SQUARED_DIFFERENCE")
)
FIVE_AXES = pair("SQUARED_DIFFERENCE", "five axes", (2, 1, 2, 1, 2), (2,), **_ALIKE)

ELEMENTWISE_SOUND: list[Case] = [
    RELU, RELU6, ABS, ELU, QUANTIZE, HARD_SWISH, LEAKY_RELU, LOGISTIC, TANH,
    MAXIMUM, MINIMUM, PRELU, SQUARED_DIFFERENCE,
]  # fmt: skip

ELEMENTWISE_BROKEN: dict[tuple[str, str], tuple[Case, Change, str]] = {
    ("ABS", "shape"): (ABS, output(shape=(5, 1)), r"output shape \(5, 1\); expected \(1, 5\)"),
    ("ABS", "fine output"): (
        ABS,
        output(quantization=scale(1e-9)),
        r"real multiplier 1e\+08 of values up to 255; expected a product that fits 32 bits",
    ),
    ("ELU", "fine output"): (
        ELU,
        output(quantization=scale(1e-30)),
        r"output scale 1e-30 for input scale 0.1\d*; expected a larger one",
    ),
    ("ELU", "vanishing output"): (
        ELU,
        output(quantization=scale(1e-44)),
        r"output scale 1e-44 for input scale 0.1\d*; expected a larger one",
    ),
    ("HARD_SWISH", "fine output"): (
        HARD_SWISH,
        output(quantization=scale(1e-4)),
        r"real multiplier 7.8\d* for input scale 0.1\d*; expected 2\^-16 to 2\^0",
    ),
    ("HARD_SWISH", "coarse output"): (
        HARD_SWISH,
        output(quantization=scale(100.0)),
        r"expected 2\^-16 to 2\^0",
    ),
    ("LEAKY_RELU", "no alpha"): (LEAKY_RELU, no_option("alpha"), "option alpha is missing"),
    ("LEAKY_RELU", "alpha"): (LEAKY_RELU, options(alpha=float("inf")), "alpha is inf"),
    ("LEAKY_RELU", "steep"): (LEAKY_RELU, options(alpha=1e30), r"real multiplier 1e\+30 of"),
    ("LOGISTIC", "scale"): (LOGISTIC, output(quantization=scale(0.1)), "expected scale 1/256"),
    ("LOGISTIC", "fine input"): (
        LOGISTIC,
        tensor(0, quantization=scale(1e-9)),
        r"input scale 1e-09; expected 2\^-28 to 2\^35",
    ),
    ("QUANTIZE", "bool"): (QUANTIZE, tensor(0, dtype="bool"), "x has type bool; expected one of"),
    ("QUANTIZE", "fine output"): (
        QUANTIZE,
        output(quantization=scale(1e-30)),
        r"real multiplier 1e\+29 of values up to 255",
    ),
    ("RELU", "fine output"): (
        RELU,
        output(quantization=scale(1e-44)),
        r"real multiplier 1e\+43 of values up to 255",
    ),
    ("TANH", "scale"): (
        TANH,
        output(quantization=scale(0.1)),
        "expected scale 1/128, zero point 0",
    ),
    ("TANH", "count"): (TANH, node(inputs=(0, 0)), "2 inputs; expected 1"),
    ("RELU6", "float"): (RELU6, output(dtype="float32"), "y has type float32; expected int8"),
    ("RELU6", "count"): (RELU6, node(inputs=(0, 0)), "2 inputs; expected 1"),
    ("MAXIMUM", "count"): (MAXIMUM, node(inputs=(0,)), "1 inputs; expected 2"),
    ("MINIMUM", "broadcast"): (MINIMUM, tensor(1, shape=(2, 2)), "do not broadcast"),
    ("PRELU", "count"): (PRELU, node(inputs=(0,)), "1 inputs; expected 2"),
    ("PRELU", "steep"): (
        PRELU,
        tensor(1, quantization=scale(1e6)),
        r"real multiplier 1e\+06 of values up to 65025",
    ),
    ("PRELU", "fine output"): (PRELU, output(quantization=scale(1e-9)), "of values up to 255"),
    ("SQUARED_DIFFERENCE", "five axes"): (
        FIVE_AXES,
        lambda graph: graph,
        "operands of rank 5 with broadcasting; expected at most 4",
    ),
    ("SQUARED_DIFFERENCE", "fine output"): (
        SQUARED_DIFFERENCE,
        output(quantization=scale(1e-6)),
        r"real multiplier 2.44\d* of values up to 1065369600; expected a product that fits 32 bits",
    ),
}
