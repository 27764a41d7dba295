"""Operators that change the type of the elements."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mcu_slm.ops.quantize import TARGETS
from tests.prove.draft import Draft, Value

_STEPS = {"int8": 255, "uint8": 255, "int16": 2**16 - 1, "int32": 2**31 - 1}
"""The largest difference from the zero point."""

_LARGEST_STEPS = 2.0**30
"""Real numbers stay below so many steps of the output: beyond 32 bits the judge is undefined."""


_REACH = 100.0 * 2**16
"""Steps that the windows of a real input reach, see `tests.prove.windows`."""


def quantize(d: Draft, op: str) -> None:
    source = d.take(dtype=d.pick([*TARGETS, "int8"]))
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


MAKERS = {"DEQUANTIZE": dequantize, "QUANTIZE": quantize}
