"""Cases of operators that change the type of the elements."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from mcu_slm.ir import GraphBuilder
from mcu_slm.ops import cast
from mcu_slm.ops.quantize import TARGETS
from tests.models import indices
from tests.ops.case import Case
from tests.ops.cases_elementwise import rescaled_cases

Kind = tuple[str, float | None, int]
"""Type, scale and zero point; no scale: real numbers."""

REAL: Kind = ("float32", None, 0)
SOURCES: dict[str, Kind] = {
    "float32": REAL,
    "int32": ("int32", 3e-9, 0),
    "int16": ("int16", 0.0004, 0),
    "int8": ("int8", 0.05, -9),
    "uint8": ("uint8", 0.031, 140),
}
OUTPUTS: dict[str, Kind] = {
    "int32": ("int32", 0.0007, 0),
    "int16": ("int16", 0.0009, 0),
    "int8": ("int8", 0.043, 12),
    "uint8": ("uint8", 0.06, 131),
}


def converted(op: str, name: str, shape: tuple[int, ...], source: Kind, target: Kind) -> Case:
    """An operator of one activation whose input and output have types of their own."""
    b = GraphBuilder()
    x, y = (
        b.tensor(label, shape, dtype, scale=scale, zero_point=zero_point)
        for label, (dtype, scale, zero_point) in (("x", source), ("y", target))
    )
    b.node(op, [x], [y])
    return Case(name, b.build([x], [y]))


def quantize_cases() -> Iterator[Case]:
    """Every pair of types; int8 to int8 at all kinds of scales; real numbers that saturate."""
    yield from rescaled_cases("QUANTIZE")
    for source, targets in TARGETS.items():
        for target in targets:
            kinds = SOURCES[source], OUTPUTS[target]
            yield converted("QUANTIZE", f"{source} to {target}", (1, 3, 43), *kinds)
    unsigned, signed = ("uint8", 0.02, 128), ("int8", 0.02, 0)
    yield converted("QUANTIZE", "uint8 to int8, flipped", (1, 300), unsigned, signed)
    yield converted("QUANTIZE", "int8 to uint8, flipped", (1, 300), signed, unsigned)
    yield converted("QUANTIZE", "real, odd scale", (1, 300), REAL, ("int8", 0.0123456, -128))
    yield converted("QUANTIZE", "real, power of two", (1, 300), REAL, ("int8", 0.5, 127))
    yield converted("QUANTIZE", "saturated int16", (1, 300), ("int16", 0.9, 0), ("int8", 0.02, 5))


def dequantize_cases() -> Iterator[Case]:
    """Every type; scales with all 24 bits; both ends of the zero point."""
    for dtype in ("int8", "uint8", "int16"):
        yield converted("DEQUANTIZE", dtype, (1, 3, 43), SOURCES[dtype], REAL)
    yield converted("DEQUANTIZE", "24 bits", (300,), ("int8", 0.1234567, 127), REAL)
    yield converted("DEQUANTIZE", "tiny scale", (1, 2, 3), ("int8", 1e-38, -128), REAL)


def cast_cases() -> Iterator[Case]:
    """Every pair of types; the windows of int32 have values that wrap."""
    sources = {"bool": ("bool", None, 0), **SOURCES}
    for source in cast.SOURCES:
        for target in cast.TARGETS:
            kinds = sources[source], OUTPUTS.get(target, REAL)
            yield converted("CAST", f"{source} to {target}", (1, 3, 43), *kinds)


def plain_cases(op: str, types: Sequence[str]) -> Iterator[Case]:
    """An operator that moves no byte, on values of other types than int8."""
    for dtype in types:
        b = GraphBuilder()
        kept = {"scale": 0.05, "zero_point": 0} if dtype in ("uint8", "int16") else {}
        x = b.tensor("x", (1, 6), dtype, **kept)
        wider = {"EXPAND_DIMS": (1, 1, 6), "SQUEEZE": (6,), "RESHAPE": (2, 3)}[op]
        y = b.tensor("y", wider, dtype, **kept)
        inputs = [x, indices(b, "axis", 1)] if op == "EXPAND_DIMS" else [x]
        options = {"new_shape": wider} if op == "RESHAPE" else {}
        b.node(op, inputs, [y], **options)
        yield Case(f"of {dtype}", b.build([x], [y]))


TYPE_CASES: dict[str, Callable[[], Iterator[Case]]] = {
    "CAST": cast_cases,
    "DEQUANTIZE": dequantize_cases,
    "QUANTIZE": quantize_cases,
}
