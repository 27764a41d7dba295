"""UNIDIRECTIONAL_SEQUENCE_LSTM: int8 input, hidden state and output, int16 cell, the plain variant.

Per step t and unit, for the gates input, forget, cell, output (i, f, g, o):

    gate = sat16(requantize(sum((x - zx) * w) + bias) + requantize(sum((h - zh) * r)))  in Q3.12
    c    = sat16(requantize(sigmoid(f) * c) + requantize(sigmoid(i) * tanh(g)))
    h    = clamp(requantize(tanh(c) * sigmoid(o)) + zh)

Hidden state and cell start at zero in every window, as after a reset of the judge; the output row
of step t is the hidden state of step t + 1. T, B, I, U: steps, batches, inputs, units.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcu_slm.ir.recurrent import GATES
from mcu_slm.ops.base import Arguments, Constant, Int8, NodeView, Operator
from mcu_slm.ops.features import Features, joined, unrolled
from mcu_slm.ops.linear import bias_of, exact_matmul, require_int32_sums, weights_of
from mcu_slm.ops.matrices import Matrices
from mcu_slm.ops.sigmoid_16 import SIGMOID_TABLE, sigmoid, tanh
from mcu_slm.quant import (
    GATE_SCALE,
    INT16_MAX,
    INT16_MIN,
    Int64,
    Multiplier,
    quantize_multiplier,
    requantize,
)

_ACTIVATION_SCALE = 2.0**-15
_INPUTS = 24
_UNUSED = {"peephole": (9, 10, 11), "projection": (16, 17), "layer normalisation": (20, 21, 22, 23)}
_CELL_POWERS = range(-15, 1)


@dataclass(frozen=True, eq=False)
class Gate:
    """One gate. Shapes: weights int8 [U, I], recurrent int8 [U, U], bias int32 [U]."""

    weights: npt.NDArray[np.int8]
    recurrent: npt.NDArray[np.int8]
    bias: npt.NDArray[np.int32]
    input: Multiplier
    hidden: Multiplier


@dataclass(frozen=True, eq=False)
class Lstm(Operator):
    """A recurrent layer reduced to integers.

    `source` and `target` say where the steps of each batch lie in the input and in the output: in
    the order [B, T] or, time-major, [T, B], or as passes want them.
    """

    kernels = ("lstm_s8",)

    steps: int
    batches: int
    source: Matrices
    target: Matrices
    output_shape: tuple[int, ...]
    gates: tuple[Gate, ...]
    input_zero_point: int
    hidden_zero_point: int
    forget_cell: Multiplier
    input_cell: Multiplier
    output_hidden: Multiplier
    tanh_multiplier: int
    tanh_shift: int
    cell_clip: int

    @property
    def units(self) -> int:
        """Number of units."""
        return len(self.gates[0].weights)

    @property
    def inputs(self) -> int:
        """Inputs per step."""
        return int(self.gates[0].weights.shape[1])

    @property
    def macs(self) -> int:
        """Products of one inference."""
        return self.steps * self.batches * 4 * self.units * (self.inputs + self.units)

    @property
    def scratch_bytes(self) -> int:
        """The cell state, and the hidden state before the first step."""
        return 3 * self.units

    def reference(self, inputs: Sequence[Int8]) -> list[Int8]:
        """Run all windows and batches side by side, step by step."""
        flat = inputs[0].reshape(len(inputs[0]), -1)
        read = self.source.places((self.batches,), self.steps, self.inputs)
        x = flat[:, read].astype(np.int64) - self.input_zero_point
        x = x.reshape(-1, self.steps, self.inputs)
        driven = [_input_part(gate, x) for gate in self.gates]
        hidden = np.full((len(x), self.units), self.hidden_zero_point, np.int64)
        cell = np.zeros_like(hidden)
        rows = []
        for step in range(self.steps):
            centred = hidden - self.hidden_zero_point
            i, f, g, o = (
                _saturate(part[:, step] + _hidden_part(gate, centred))
                for part, gate in zip(driven, self.gates, strict=True)
            )
            kept = _saturate(_multiply(sigmoid(f), cell, self.forget_cell))
            added = _saturate(_multiply(sigmoid(i), tanh(g, 3, 0), self.input_cell))
            cell = _saturate(kept + added)
            if self.cell_clip:
                cell = np.clip(cell, -self.cell_clip, self.cell_clip)
            squashed = tanh(cell, self.tanh_multiplier, self.tanh_shift)
            product = _multiply(squashed, sigmoid(o), self.output_hidden)
            hidden = np.clip(product + self.hidden_zero_point, -128, 127)
            rows.append(hidden)
        written = self.target.places((self.batches,), self.steps, self.units)
        y = np.zeros((len(flat), math.prod(self.output_shape)), np.int8)
        y[:, written] = np.stack(rows, axis=1).reshape(len(flat), *written.shape)
        return [y.reshape(-1, *self.output_shape)]

    def constants(self) -> tuple[Constant, ...]:
        """Return weights and biases with the gates side by side, and the table of the sigmoid."""
        weights, recurrent = (
            np.stack([getattr(gate, name) for gate in self.gates], axis=-1)
            for name in ("weights", "recurrent")
        )
        bias = np.stack([gate.bias for gate in self.gates], axis=-1)
        return (
            Constant("weights", weights, True, "[unit][input][gate]"),
            Constant("recurrent", recurrent, True, "[unit][unit][gate]"),
            Constant("bias", bias, True, "[unit][gate], at scale input_scale * weight_scale"),
            Constant("sigmoid", SIGMOID_TABLE, False, "65536 * sigmoid(i / 24)"),
        )

    def requantization(self) -> tuple[Multiplier, ...]:
        """Return the multipliers of the gates, then of cell and hidden state."""
        gates = [m for gate in self.gates for m in (gate.input, gate.hidden)]
        return (*gates, self.forget_cell, self.input_cell, self.output_hidden)

    def summary(self) -> str:
        """Return the sizes."""
        return f"{self.steps} steps, {self.inputs} inputs, {self.units} units"

    def features(self) -> Features:
        """Return steps, units of all steps, and what their gates are multiplied with."""
        steps = self.batches * self.steps
        return joined(
            {
                "steps": steps,
                "start_units": self.batches * self.units,
                "units": steps * self.units,
            },
            unrolled("value", steps * self.units, self.inputs),
            unrolled("value", steps * self.units, self.units),
        )

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call; gates are structs inside the layer's."""
        lines = ["static const mcu_slm_lstm_t layer = {"]
        lines += [
            f"    .{name} = {value},"
            for name, value in (
                ("steps", self.steps),
                ("batches", self.batches),
                ("inputs", self.inputs),
                ("units", self.units),
                ("input_step", self.source.vector_step),
                ("input_batch_step", self.source.batch_steps[0]),
                ("output_step", self.target.vector_step),
                ("output_batch_step", self.target.batch_steps[0]),
                ("input_zero_point", self.input_zero_point),
                ("hidden_zero_point", self.hidden_zero_point),
                ("forget_cell_multiplier", self.forget_cell.multiplier),
                ("forget_cell_shift", self.forget_cell.shift),
                ("input_cell_multiplier", self.input_cell.multiplier),
                ("input_cell_shift", self.input_cell.shift),
                ("output_multiplier", self.output_hidden.multiplier),
                ("output_shift", self.output_hidden.shift),
                ("tanh_multiplier", self.tanh_multiplier),
                ("tanh_shift", self.tanh_shift),
                ("cell_clip", self.cell_clip),
                ("sigmoid_table", arguments.constants["sigmoid"]),
                ("weights", arguments.constants["weights"]),
                ("recurrent", arguments.constants["recurrent"]),
                ("bias", arguments.constants["bias"]),
            )
        ]
        lines.append("    .gates = {")
        lines += [
            f"        {{{g.input.multiplier}, {g.input.shift}, "
            f"{g.hidden.multiplier}, {g.hidden.shift}}}, /* {name} */"
            for name, g in zip(GATES, self.gates, strict=True)
        ]
        lines.append("    },")
        source, target = self.source.at(arguments.inputs[0]), self.target.at(arguments.outputs[0])
        call = f"mcu_slm_lstm_s8(&layer, {source}, {target}, {arguments.scratch});"
        return "\n".join([*lines, "};", call])


def _saturate(x: Int64) -> Int64:
    return np.clip(x, INT16_MIN, INT16_MAX)


def _multiply(a: Int64, b: Int64, scale: Multiplier) -> Int64:
    return requantize(a * b, scale.multiplier, scale.shift)


def _input_part(gate: Gate, x: Int64) -> Int64:
    acc = exact_matmul(x, gate.weights.T) + gate.bias
    return _saturate(requantize(acc, gate.input.multiplier, gate.input.shift))


def _hidden_part(gate: Gate, hidden: Int64) -> Int64:
    acc = exact_matmul(hidden, gate.recurrent.T)
    return _saturate(requantize(acc, gate.hidden.multiplier, gate.hidden.shift))


def parse(view: NodeView) -> Lstm:
    """Check an LSTM node and derive its integers. Omitted biases crash the judge: refused."""
    _require_plain(view)
    source, hidden, output = view.input(0), view.input(18), view.output()
    view.require(len(source.shape) == 3, f"input of rank {len(source.shape)}", "3")
    time_major = bool(view.option("time_major", False))
    first, second, inputs = source.shape
    steps, batches = (first, second) if time_major else (second, first)
    units = view.input(1).shape[0]
    expected = (first, second, units)
    view.require(output.shape == expected, f"output shape {output.shape}", str(expected))
    for position in (18, 19):
        _require_own_state(view, position, batches * units)
    hidden_scale, hidden_zero_point = view.int8(hidden)
    cell_scale, power = _cell_scale(view)
    shift = 15 + power - 3
    input_zero_point = view.int8(source)[1]
    view.int8(output)
    gates = tuple(_gate(view, number, (units, inputs)) for number in range(len(GATES)))
    return Lstm(
        steps,
        batches,
        _rows(batches, steps, inputs, time_major=time_major),
        _rows(batches, steps, units, time_major=time_major),
        expected,
        gates,
        input_zero_point,
        hidden_zero_point,
        view.multiplier(quantize_multiplier(_ACTIVATION_SCALE)),
        view.multiplier(quantize_multiplier(_ACTIVATION_SCALE**2 / cell_scale)),
        view.multiplier(quantize_multiplier(_ACTIVATION_SCALE**2 / hidden_scale)),
        3 << shift if shift >= 0 else 3,
        0 if shift >= 0 else -shift,
        _clip(view, cell_scale),
    )


def _rows(batches: int, steps: int, width: int, *, time_major: bool) -> Matrices:
    """Return where the steps of each batch lie."""
    if time_major:
        return Matrices(0, (width,), batches * width, 1)
    return Matrices(0, (steps * width,), width, 1)


def _require_plain(view: NodeView) -> None:
    """Check that no variant is used which the judge does not run, and that windows are apart.

    Where other layers keep state the judge is not reset between windows: nor were this layer.
    """
    view.expect_count((_INPUTS,))
    if view.graph.keeps_state:
        view.unsupported("an LSTM beside layers that keep state", "one or the other")
    for variant, positions in _UNUSED.items():
        if any(view.optional_input(position) is not None for position in positions):
            view.unsupported(f"an LSTM with {variant}", "the plain variant")
    activation = view.option("fused_activation_function", "NONE")
    if activation != "TANH":
        view.unsupported(f"activation {activation}", "TANH")
    if view.option("proj_clip", 0.0):
        view.unsupported("a projection clip", "none")
    if view.option("diagonal_recurrent_tensors", False):
        view.unsupported("diagonal recurrent weights", "full ones")


def _require_own_state(view: NodeView, position: int, size: int) -> None:
    """Check a state that this node alone reads, so that it starts at zero in every window."""
    state, index = view.input(position), view.node.inputs[position]
    view.require(state.is_variable, f"{state.name} is no variable", "a variable tensor")
    view.require(state.element_count == size, f"{state.name}: {state.shape}", f"{size} values")
    readers = sum(node.inputs.count(index) for node in view.graph.nodes)
    if readers > 1 or index in view.graph.outputs:
        view.unsupported(f"{state.name} is read elsewhere too", "a state of its own")


def _cell_scale(view: NodeView) -> tuple[float, int]:
    """Return the scale of the cell state and its power of two."""
    cell = view.input(19)
    if cell.dtype != "int16":
        view.unsupported(f"cell state of type {cell.dtype}", "int16")
    quantization = cell.quantization
    if quantization is None or quantization.zero_point != 0:
        view.fail("the cell state has no symmetric scale", "zero point 0")
    mantissa, exponent = math.frexp(quantization.scale)
    power = exponent - 1
    if mantissa != 0.5 or power not in _CELL_POWERS:
        view.fail(f"cell scale is {quantization.scale!r}", "a power of two from 2^-15 to 1")
    return quantization.scale, power


def _clip(view: NodeView, cell_scale: float) -> int:
    clip = float(view.option("cell_clip", 0.0))
    view.require(clip >= 0.0, f"cell clip {clip}", "0 or more")
    # The judge clips to zero where a positive clip is less than one step of the cell state.
    view.require(clip == 0.0 or clip >= cell_scale, f"cell clip {clip}", f"{cell_scale} or more")
    return int(min(clip / cell_scale, float(INT16_MAX)))


def _gate(view: NodeView, number: int, shape: tuple[int, int]) -> Gate:
    """Return gate `number`; weights, recurrent weights and biases come in this order."""
    units, inputs = shape
    weights, recurrent = view.input(1 + number), view.input(5 + number)
    for tensor, expected in ((weights, (units, inputs)), (recurrent, (units, units))):
        view.require(tensor.shape == expected, f"{tensor.name}: {tensor.shape}", str(expected))
    bias = bias_of(view, view.input(12 + number), units)
    input_scale, input_zero_point = view.int8(view.input(0))
    hidden_scale, hidden_zero_point = view.int8(view.input(18))
    gate = Gate(
        weights_of(view, weights),
        weights_of(view, recurrent),
        bias,
        view.multiplier(quantize_multiplier(input_scale * view.int8(weights)[0] / GATE_SCALE)),
        view.multiplier(quantize_multiplier(hidden_scale * view.int8(recurrent)[0] / GATE_SCALE)),
    )
    require_int32_sums(view, gate.weights, bias, input_zero_point)
    require_int32_sums(view, gate.recurrent, np.zeros_like(bias), hidden_zero_point)
    return gate
