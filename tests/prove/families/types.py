"""Operators that change the type of the elements."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mcu_slm.ops.cast import SOURCES
from mcu_slm.ops.cast import TARGETS as CAST_TARGETS
from mcu_slm.ops.quantize import TARGETS
from mcu_slm.tflite.schema import TENSOR_TYPES
from tests.prove.draft import Draft, Value

_STEPS = {"int8": 255, "uint8": 255, "int16": 2**16 - 1, "int32": 2**31 - 1}
"""The largest difference from the zero point."""

_LARGEST_STEPS = 2.0**30
"""Real numbers stay below so many steps of the output: beyond 32 bits the judge is undefined."""


_REACH = 100.0 * 2**16
"""Steps that the windows of a real input reach, see `tests.prove.windows`."""

_USUAL_STEP = 1.0 / 16.0
"""Of the windows of a real input that no QUANTIZE reads."""

_LARGEST_WHOLE = {"bool": 1.0, "int8": 128.0, "int16": 2.0**15, "int32": 2.0**31}

CODES = {name: code for code, name in TENSOR_TYPES.items()}


def quantize(d: Draft, op: str) -> None:
    source = d.take(dtype=d.pick([*TARGETS, "int8"]), wanted=lambda v: v.scale > 0.0)
    dtype = d.pick(TARGETS[source.dtype])
    if source.dtype == "float32":
        target = _from_real(d, source, dtype)
    else:
        steps = _STEPS[source.dtype]
        wider = _STEPS[dtype] / 255.0
        largest = 2.0 ** (31 - steps.bit_length())
        scale = d.output_scale(source.scale, steps / 2.5 / wider, largest)
        target = replace(d.described(source.shape, dtype), scale=scale)
    d.node(op, [source.number], [d.written(op, target)])


def _from_real(d: Draft, source: Value, dtype: str) -> Value:
    """Return the output for real numbers, fine enough to say something and never too fine."""
    target = d.described(source.shape, dtype)
    if not source.largest:  # an input, whose windows suit the scale that is chosen first
        bounded = replace(source, scale=target.scale, largest=_REACH * target.scale)
        d.values[d.values.index(source)] = bounded
        return target
    usual = source.scale * d.log_uniform(-1.0, 1.0)
    finest = source.largest / _LARGEST_STEPS
    return replace(target, scale=float(np.float32(max(usual, finest, 1e-30))))


def dequantize(d: Draft, op: str) -> None:
    source = d.take(dtype=d.pick(["int8", "int8", "uint8", "int16"]))
    largest = source.scale * 2 * _STEPS[source.dtype]
    output = Value(-1, source.shape, "float32", source.scale, largest=largest)
    d.node(op, [source.number], [d.written(op, output)])


def settled(d: Draft, source: Value) -> Value:
    """Return a value whose magnitude is known: real inputs that nobody quantises yet get a bound.

    A QUANTIZE that reads such an input later may take a scale ten times as large as the usual one.
    """
    if source.dtype != "float32" or source.largest:
        return source
    bounded = replace(source, scale=_USUAL_STEP, largest=10.0 * _REACH * _USUAL_STEP)
    d.values[d.values.index(source)] = bounded
    return bounded


def cast(d: Draft, op: str) -> None:
    """Every pair of types; what is cast to int8 has any scale."""
    casted(d, settled(d, d.take(dtype=d.pick(SOURCES), constant=False)), d.pick(CAST_TARGETS))


def casted(d: Draft, source: Value, dtype: str) -> Value:
    """Return a value as another type."""
    target = d.described(source.shape, dtype)
    if dtype == "float32":
        largest = source.largest if source.dtype == "float32" else _LARGEST_WHOLE[source.dtype]
        target = replace(target, scale=largest / 100.0, largest=largest)
    output = d.written("CAST", target)
    codes = {"in_data_type": CODES[source.dtype], "out_data_type": CODES[dtype]}
    d.node("CAST", [source.number], [output], **codes)
    return output


MAKERS = {"CAST": cast, "DEQUANTIZE": dequantize, "QUANTIZE": quantize}
