"""Layers that keep state: their windows are one stream.

A graph has some of them or an LSTM, never both: the judge cannot be reset in part.
"""

from __future__ import annotations

import numpy as np

from tests.prove.draft import Draft, Quantized, Value
from tests.prove.numbers import Shape
from tests.prove.states import Variable
from tests.streaming_layers import svdf_layer

_MOST_KEPT = 256
_FINEST_INPUT, _COARSEST_INPUT = 1e-6, 100.0


def svdf(d: Draft, op: str) -> None:
    """Memories that saturate and wrap around, one step, several batches, either type."""
    source = d.take(
        (2,), lambda v: v.count <= _MOST_KEPT and _FINEST_INPUT < v.scale < _COARSEST_INPUT
    )
    units, rank, steps = d.between(1, 6), d.pick([1, 1, 2, 3]), d.pick([1, 2, 4, 10, 30])
    memory = d.pick(["int8", "int16"])
    middle = 0 if d.chance(0.6) else d.zero_point_of(memory)
    usual: Quantized = (float(np.float32(source.scale * d.log_uniform(-2.0, 1.0))), d.zero_point())
    number = svdf_layer(
        d.builder,
        d.rng,
        source.number,
        source.scale,
        units,
        rank=rank,
        steps=steps,
        memory=memory,
        memory_zero_point=middle,
        memory_gain=d.pick([1.0, 1.0, 0.3, 0.05]),
        output=usual,
        time_peak=1 if d.chance(0.1) else None,
        activation=d.pick(["NONE", "RELU", "RELU6", "TANH"]),
    )
    scale, zero_point = usual
    shape = (source.shape[0], units)
    d.values.append(Value(number, shape, "int8", scale, zero_point, zero_point == -128))
    d.has_read([source.number])


def call_once(d: Draft, op: str) -> None:
    """Another variable; CALL_ONCE itself is the first layer of a graph or not there."""
    _read(d, op, d.states.new(_shape(d)))


def assign(d: Draft, op: str) -> None:
    """What was computed, an input or a constant; once or several times, read before or not."""
    variable = _variable(d)
    value, _ = d.like(variable.shape)
    d.builder.node("ASSIGN_VARIABLE", [d.states.handle(variable), value], [])
    d.has_read([value])
    variable.assigned = True


def read(d: Draft, op: str) -> None:
    _read(d, op, _variable(d))


def _read(d: Draft, op: str, variable: Variable) -> None:
    """Read; what is read may have another scale than what was assigned."""
    output = d.output("READ_VARIABLE", variable.shape, (d.scale(), d.zero_point()))
    d.node("READ_VARIABLE", [d.states.handle(variable)], [output])
    if d.states.calls_once and d.chance(0.6):
        noise = d.chance(0.6)
        start = d.int8(variable.shape) if noise else np.full(variable.shape, d.pick([-128, 0, 7]))
        d.builder.start_value(variable.name, output.number, start)
        variable.started = True


def _variable(d: Draft) -> Variable:
    """Return a variable that is there, or a new one."""
    if d.states.variables and d.chance(0.8):
        return d.pick(d.states.variables)
    return d.states.new(_shape(d))


def _shape(d: Draft) -> Shape:
    """Return a shape that is there, mostly."""
    return d.take(range(6), lambda v: v.count <= _MOST_KEPT).shape


MAKERS = {
    "ASSIGN_VARIABLE": assign,
    "CALL_ONCE": call_once,
    "READ_VARIABLE": read,
    "SVDF": svdf,
    "VAR_HANDLE": read,
}
