"""Broken layers of the operators that change types: a sound case, a change, the message."""

from __future__ import annotations

from tests.ops.case import Case
from tests.ops.cases_types import OUTPUTS, REAL, SOURCES, converted
from tests.ops.changes import Change, output, scale, tensor

REAL_TO_INT8 = converted("QUANTIZE", "sound", (1, 5), REAL, OUTPUTS["int8"])
NARROWED = converted("QUANTIZE", "sound", (1, 5), SOURCES["int32"], OUTPUTS["int8"])
TO_REAL = converted("DEQUANTIZE", "sound", (1, 5), SOURCES["uint8"], REAL)
TYPE_SOUND: list[Case] = [REAL_TO_INT8, NARROWED, TO_REAL]

TYPE_BROKEN: dict[tuple[str, str], tuple[Case, Change, str]] = {
    ("QUANTIZE", "pair"): (
        REAL_TO_INT8, output(dtype="uint8"), "y has type uint8; expected int8 or int16",
    ),
    ("QUANTIZE", "no target scale"): (REAL_TO_INT8, output(quantization=None), "y has no scale"),
    ("QUANTIZE", "wide zero point"): (
        NARROWED, tensor(0, quantization=scale(3e-9, 3)), "x: zero point is 3; expected 0",
    ),
    ("QUANTIZE", "wide left shift"): (
        NARROWED, output(quantization=scale(1e-9)), "real multiplier 3 of values up to",
    ),
    ("DEQUANTIZE", "output"): (TO_REAL, output(dtype="int8"), "y has type int8; expected float32"),
    ("DEQUANTIZE", "source"): (TO_REAL, tensor(0, dtype="int32"), "int8 or uint8 or int16"),
    ("DEQUANTIZE", "zero point"): (
        TO_REAL, tensor(0, quantization=scale(0.1, -1)), "zero point is -1; expected 0 to 255",
    ),
    ("DEQUANTIZE", "shape"): (TO_REAL, output(shape=(5,)), r"output shape \(5,\)"),
}  # fmt: skip
