"""UNIDIRECTIONAL_SEQUENCE_LSTM in three kernels.

Of four steps at a time the inputs are widened (`dsp_quads`) and multiplied for all gates; then,
step by step, the hidden state is multiplied and the cells move on. The first step's hidden state is
the zero point: it adds nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcu_slm.dsp.counts import widened
from mcu_slm.dsp.gemm import quad_bytes
from mcu_slm.dsp.lstm_cells import cells_kernel
from mcu_slm.dsp.lstm_curves import curve_fields, curves
from mcu_slm.dsp.lstm_kernels import (
    GateText,
    gate_texts,
    hidden_kernel,
    input_kernel,
)
from mcu_slm.dsp.matrix import input_order
from mcu_slm.dsp.quads import widen_rows
from mcu_slm.dsp.rescaling import accumulator_range
from mcu_slm.dsp.specialized import Specialized, constant_struct
from mcu_slm.ops.base import Arguments, Constant, GeneratedKernel
from mcu_slm.ops.features import Features
from mcu_slm.ops.unidirectional_sequence_lstm import Lstm
from mcu_slm.quant import INT32_MAX, Int64

_STEPS = 4
_BYTE = 256
_LONGEST_ROW = 160
"""Units whose gates at four steps are reached by immediate offsets."""


@dataclass(frozen=True, eq=False)
class SequenceLstm(Specialized):
    """A recurrent layer whose steps lie one behind the other.

    Shapes: driving: uint32 [unit][2][bias of the pair, bias of b, words]; recurrent: uint32 [pair
        of units][word][unit of the pair][2].
    """

    kernels = ("dsp_quads",)

    plain: Lstm
    driving: npt.NDArray[np.uint32]
    recurrent: npt.NDArray[np.uint32]
    depth: int
    input_gates: tuple[GateText, ...]
    hidden_gates: tuple[GateText, ...]
    cells: GeneratedKernel

    @property
    def _units(self) -> int:
        return self.plain.units + self.plain.units % 2

    @property
    def generated(self) -> tuple[GeneratedKernel, ...]:
        """The kernels of inputs, hidden states and cells."""
        return (
            input_kernel(self.input_gates, self.depth, self._units),
            hidden_kernel(self.hidden_gates, self._units),
            self.cells,
        )

    @property
    def scratch_bytes(self) -> int:
        """Widened inputs and gates of four steps, cells, hidden states of 16 bits."""
        return quad_bytes(self.depth) + self._units * (8 * _STEPS + 4 + 2)

    def constants(self) -> tuple[Constant, ...]:
        """Return weights in the kernels' order, and the curve of sigmoid and tanh."""
        return (
            Constant("weights", self.driving, True, "[unit][2][2 biases, inputs / 2]"),
            Constant("recurrent", self.recurrent, True, "[units / 2][units / 2][2][2]"),
            *curves(in_thirds=self.plain.tanh_shift > 0),
        )

    def features(self) -> Features:
        """Return what is widened, units at four steps, units of the hidden state, and cells."""
        layer, units = self.plain, self._units
        driving, recurrent, cells = (kernel.values for kernel in self.generated)
        quads = layer.batches * -(-layer.steps // _STEPS)
        rows, blocks = quads * units, layer.batches * (layer.steps - 1) * units // 2
        steps = layer.batches * layer.steps
        done = steps * layer.units
        return {
            "batches": layer.batches,
            "quads": quads,
            "steps": steps,
            **widened(quads, layer.inputs),
            "input_rows": rows,
            "input_pairs": 2 * rows * driving.pairs,
            "input_chunks": 2 * rows * len(driving.chunks),
            "hidden_steps": layer.batches * (layer.steps - 1),
            "hidden_blocks": blocks,
            "hidden_pairs": blocks * recurrent.pairs,
            "hidden_chunks": blocks * len(recurrent.chunks),
            "hidden_loaded": blocks * bool(recurrent.chunks) * recurrent.pairs,
            "rescaled_inputs": rows * sum(gate.length(_STEPS) for gate in self.input_gates),
            "rescaled_hidden": blocks * sum(gate.length(2) for gate in self.hidden_gates),
            "cells": done * (cells.tanh_shift == 0),
            "clipped_cells": done * (cells.clip > 0),
            "fine_cells": done * (cells.tanh_shift > 0),
            "scaled_cells": done * (cells.output_multiplier > 0),
        }

    def call(self, arguments: Arguments) -> str:
        """Return the loops over batches and steps."""
        names, scratch = arguments.constants, arguments.scratch
        gates_at = quad_bytes(self.depth)
        cell_at = gates_at + 8 * _STEPS * self._units
        hidden_at = cell_at + 4 * self._units
        lines = [
            *_rows_struct("driving", names["weights"], self.input_gates),
            *constant_struct("mcu_slm_lstm_curve_t", "curve", curve_fields(names)),
            *_rows_struct("recurrent", names["recurrent"], self.hidden_gates),
            f"uint32_t *quads = (uint32_t *)(void *)({scratch});",
            f"uint32_t *gates = (uint32_t *)(void *)({scratch} + {gates_at});",
            f"int32_t *cell = (int32_t *)(void *)({scratch} + {cell_at});",
            f"int8_t *hidden = {scratch} + {hidden_at}; /* int16, in words */",
            f"const int8_t *source = {arguments.inputs[0]};",
            f"int8_t *target = {arguments.outputs[0]};",
            "",
        ]
        loop = self._steps()
        if self.plain.batches == 1:
            return "\n".join([*lines, *loop])
        head = f"for (int32_t batch = 0; batch < {self.plain.batches}; batch++) {{"
        return "\n".join([*lines, head, *(f"    {line}" if line else "" for line in loop), "}"])

    def _steps(self) -> list[str]:
        layer, units = self.plain, self._units
        driving, recurrent, cells = (kernel.name for kernel in self.generated)
        rows = f"source, {layer.inputs}, {layer.inputs}, count, quads"
        return [
            f"memset(cell, 0, {6 * units}); /* and the hidden states */",
            f"for (int32_t first = 0; first < {layer.steps}; first += {_STEPS}) {{",
            f"    const int32_t left = {layer.steps} - first;",
            f"    const int32_t count = left < {_STEPS} ? left : {_STEPS};",
            "",
            f"    {widen_rows(rows, layer.inputs)}",
            f"    {driving}(&driving, quads, gates);",
            "    for (int32_t step = 0; step < count; step++) {",
            f"        uint32_t *now = gates + step * {2 * units};",
            "",
            "        if (first + step > 0) {",
            f"            {recurrent}(&recurrent, (const uint32_t *)(const void *)hidden, now);",
            "        }",
            f"        {cells}(&curve, now, {layer.units}, cell,",
            "            (int16_t *)(void *)hidden, target);",
            f"        source += {layer.inputs};",
            f"        target += {layer.units};",
            "    }",
            "}",
        ]


def of_lstm(plain: Lstm) -> SequenceLstm | None:
    """Return the layer for these kernels, None where they cannot do it exactly."""
    gates = plain.gates
    input_gates = gate_texts([gate.input for gate in gates], 0)
    hidden_gates = gate_texts([gate.hidden for gate in gates], 1)
    cells = cells_kernel(plain)
    strided = plain.time_major and plain.batches > 1
    if strided or plain.units > _LONGEST_ROW:
        return None
    if input_gates is None or hidden_gates is None or cells is None:
        return None
    order = np.array(input_order(plain.inputs))
    driving = [_padded(gate.weights)[:, order] for gate in gates]
    recurrent = [_even_units(gate.recurrent) for gate in gates]
    biases = [
        gate.bias - plain.input_zero_point * gate.weights.sum(axis=1, dtype=np.int64)
        for gate in gates
    ]
    nothing = np.zeros(plain.units, np.int32)
    fits = all(
        _fits(gate.weights, gate.bias, plain.input_zero_point, input_gates[number])
        and _fits(gate.recurrent, nothing, plain.hidden_zero_point, hidden_gates[number])
        for number, gate in enumerate(gates)
    )
    if not fits or any(_has_too_large_halves(rows) for rows in (driving, recurrent)):
        return None
    return SequenceLstm(
        plain,
        _driving_words(driving, biases),
        _recurrent_words(recurrent),
        len(order),
        input_gates,
        hidden_gates,
        cells,
    )


def _rows_struct(name: str, weights: str, gates: tuple[GateText, ...]) -> list[str]:
    numbers = ", ".join(str(gate.multiplier) for gate in gates)
    return constant_struct(
        "mcu_slm_lstm_rows_t", name, {"weights": weights, "multiplier": f"{{{numbers}}}"}
    )


def _fits(
    weights: npt.NDArray[np.int8], bias: npt.NDArray[np.int32], zero_point: int, gate: GateText
) -> bool:
    """Whether all sums fit 32 bits as the kernel has them, before and after they are shifted."""
    low, high = accumulator_range(weights, bias, zero_point)
    most = max(int(high.max()), -int(low.min()))
    return most * max(gate.factor << gate.lower, 1) <= INT32_MAX


def _driving_words(rows: list[npt.NDArray[np.int8]], biases: list[Int64]) -> npt.NDArray[np.uint32]:
    """Return biases and weights. Shapes: rows: four times [units, depth]; biases: [units]."""
    units = len(biases[0])
    pairs = []
    for first in (0, 2):
        halves = rows[first].astype(np.int64) * _BYTE + rows[first + 1]
        sums = np.stack([biases[first] * _BYTE + biases[first + 1], biases[first + 1]], axis=1)
        pairs.append(np.concatenate([sums.astype(np.uint32), _words(halves)], axis=1))
    words = np.stack(pairs, axis=1)
    if units % 2 == 0:
        return words
    return np.concatenate([words, np.zeros((1, *words.shape[1:]), np.uint32)])


def _recurrent_words(rows: list[npt.NDArray[np.int8]]) -> npt.NDArray[np.uint32]:
    """Return weights. Shapes: rows: four times [units, units], an even number of them."""
    units = len(rows[0])
    wide = [row.astype(np.int64) for row in rows]
    pairs = [_words(wide[first] * _BYTE + wide[first + 1]) for first in (0, 2)]
    words = np.stack(pairs, axis=1)  # [unit][pair][word]
    blocks = words.reshape(units // 2, 2, 2, units // 2)
    return np.ascontiguousarray(blocks.transpose(0, 3, 1, 2))


def _words(halves: Int64) -> npt.NDArray[np.uint32]:
    words: npt.NDArray[np.uint32] = np.ascontiguousarray(halves.astype(np.int16)).view(np.uint32)
    return words


def _has_too_large_halves(rows: list[npt.NDArray[np.int8]]) -> bool:
    """Whether some 256 * a + b does not fit 16 bits: a = -128 beside a negative b."""
    return any(bool(((rows[a] == -128) & (rows[a + 1] < 0)).any()) for a in (0, 2))


def _padded(rows: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """Return rows with a zero behind each, which index -1 takes."""
    return np.concatenate([rows, np.zeros((len(rows), 1), np.int8)], axis=1)


def _even_units(rows: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """Return square weights of an even number of units."""
    odd = len(rows) % 2
    return np.pad(rows, ((0, odd), (0, odd)))
