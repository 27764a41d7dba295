"""UNIDIRECTIONAL_SEQUENCE_LSTM in two kernels.

Of some steps the inputs are multiplied for all gates, two steps at a time; then, step by step, the
hidden state is multiplied and the cells move on. The first step's hidden state is the zero point:
it adds nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcu_slm.dsp.lstm_cells import CellsText, cells_of
from mcu_slm.dsp.lstm_curves import curve_fields, curves
from mcu_slm.dsp.lstm_gates import GateText, gate_texts, raised_gates
from mcu_slm.dsp.lstm_kernels import input_kernel, steps_at_once, steps_kernel
from mcu_slm.dsp.lstm_words import driving_words, has_too_large_halves, recurrent_words
from mcu_slm.dsp.matrix import input_order
from mcu_slm.dsp.rescaling import accumulator_range
from mcu_slm.dsp.specialized import Specialized, constant_struct
from mcu_slm.ops.base import Arguments, Constant, GeneratedKernel
from mcu_slm.ops.features import Features
from mcu_slm.ops.unidirectional_sequence_lstm import Lstm
from mcu_slm.quant import INT32_MAX

_MOST_GATES = 1536
"""Bytes of gates that are worked out at a time; at least those of two steps."""
_ORDERS = {2: "[unit][4 biases, [inputs / 2][2]]", 4: "[2][unit][2 biases, inputs / 2]"}
"""Of weights, for kernels of two and of four steps."""

_MADE_LARGER = 128
"""By so much the kernels make inputs larger, so that they are not negative."""

_LONGEST_ROW = 160
"""Units whose states are reached by immediate offsets."""


@dataclass(frozen=True, eq=False)
class SequenceLstm(Specialized):
    """A recurrent layer done by two kernels.

    Shapes: driving: uint32 [unit][2 biases of both pairs of gates, words of both], or
        [pair of gates][unit][2 biases, words]; recurrent: uint32 [pair of units][word][unit of the
        pair][2].
    """

    plain: Lstm
    driving: npt.NDArray[np.uint32]
    recurrent: npt.NDArray[np.uint32]
    depth: int
    raised: int
    input_gates: tuple[GateText, ...]
    hidden_gates: tuple[GateText, ...]
    cells: CellsText

    @property
    def _units(self) -> int:
        return self.plain.units + self.plain.units % 2

    @property
    def _strip(self) -> int:
        """Steps whose gates are worked out before their cells."""
        at_once = self._at_once
        most = max(_MOST_GATES // (8 * at_once * self._units), 1)
        return at_once * min(most, -(-self.plain.steps // at_once))

    @property
    def _at_once(self) -> int:
        """Steps whose inputs are multiplied at a time."""
        return steps_at_once(self.input_gates, self.plain.inputs)

    @property
    def generated(self) -> tuple[GeneratedKernel, ...]:
        """The kernels of inputs, and of hidden states and cells."""
        return (
            input_kernel(self.input_gates, self.plain.inputs, self._units, self.raised),
            steps_kernel(self.hidden_gates, self.plain.units, self.cells),
        )

    @property
    def scratch_bytes(self) -> int:
        """Widened inputs, gates of some steps, cells, hidden states twice."""
        return 2 * self.depth * self._at_once + self._units * (8 * self._strip + 6)

    def constants(self) -> tuple[Constant, ...]:
        """Return weights in the kernels' order, and the curve of sigmoid and tanh."""
        return (
            Constant("weights", self.driving, True, _ORDERS[self._at_once]),
            Constant("recurrent", self.recurrent, True, "[units / 2][units / 2][2][2]"),
            *curves(in_thirds=self.plain.tanh_shift > 0),
        )

    def features(self) -> Features:
        """Return inputs of some steps at a time, two units of the hidden state, and cells."""
        layer, units = self.plain, self._units
        driving, steps = (kernel.values for kernel in self.generated)
        tiles = layer.batches * -(-layer.steps // self._at_once)
        done = layer.batches * layer.steps
        blocks, cells = (done - layer.batches) * units // 2, done * units
        kind = "four" if self._at_once == 4 else "two" if driving.fits_registers else "far_two"
        lengths = sum(gate.length(self._at_once) for gate in self.input_gates)
        return {
            "batches": layer.batches,
            "strips": layer.batches * -(-layer.steps // self._strip),
            f"{kind}_tiles": tiles,
            f"{kind}_words": tiles * driving.pairs,
            f"{kind}_rows": tiles * units,
            f"{kind}_pairs": tiles * units * driving.pairs,
            "steps": done,
            "states_loaded": done * (0 if steps.chunks else steps.pairs),
            "states_moved": done * bool(steps.chunks) * steps.pairs,
            "hidden_blocks": blocks,
            "hidden_pairs": blocks * steps.pairs,
            "hidden_chunks": blocks * len(steps.chunks),
            "hidden_loaded": blocks * bool(steps.chunks) * steps.pairs,
            "rescaled_inputs": tiles * units * lengths,
            "rescaled_hidden": blocks * sum(gate.length(2) for gate in self.hidden_gates),
            "cells": cells * (self.cells.tanh_shift == 0),
            "clipped_cells": cells * (self.cells.clip > 0),
            "fine_cells": cells * (self.cells.tanh_shift > 0),
            "scaled_cells": cells * (self.cells.output_multiplier > 0),
        }

    def call(self, arguments: Arguments) -> str:
        """Return the loops over batches and steps."""
        names, scratch = arguments.constants, arguments.scratch
        gates_at = 2 * self.depth * self._at_once
        state_at = gates_at + 8 * self._strip * self._units
        lines = [
            *constant_struct(
                "mcu_slm_lstm_rows_t",
                "driving",
                {
                    "multiplier": _braces(gate.multiplier for gate in self.input_gates),
                    "weights": names["weights"],
                },
            ),
            *constant_struct(
                "mcu_slm_lstm_steps_t",
                "recurrent",
                {
                    **curve_fields(names),
                    "multiplier": _braces(gate.multiplier for gate in self.hidden_gates),
                    "weights": names["recurrent"],
                    "numbers": _braces(self.cells.numbers),
                },
            ),
            f"uint32_t *aside = (uint32_t *)(void *)({scratch});",
            f"uint32_t *gates = (uint32_t *)(void *)({scratch} + {gates_at});",
            f"uint32_t *state = (uint32_t *)(void *)({scratch} + {state_at});",
            f"const int8_t *source = {self.plain.source.at(arguments.inputs[0])};",
            f"int8_t *target = {self.plain.target.at(arguments.outputs[0])};",
            "",
        ]
        loop = self._steps()
        if self.plain.batches == 1:
            return "\n".join([*lines, *loop])
        head = f"for (int32_t batch = 0; batch < {self.plain.batches}; batch++) {{"
        loop += ["", f"source += {self.plain.source.batch_steps[0]};"]
        loop += [f"target += {self.plain.target.batch_steps[0]};"]
        return "\n".join([*lines, head, *(f"    {line}" if line else "" for line in loop), "}"])

    def _steps(self) -> list[str]:
        layer, units = self.plain, self._units
        driving, steps = (kernel.name for kernel in self.generated)
        read, written = layer.source.vector_step, layer.target.vector_step
        apart = written - layer.units
        strip, is_even = self._strip, layer.steps % self._strip == 0
        count = str(strip) if is_even else "run.steps"
        left = [
            f"    const int32_t left = {layer.steps} - first;",
            "",
            f"    run.steps = left < {strip} ? left : {strip};",
        ]
        return [
            f"mcu_slm_lstm_run_t run = {{{strip}, {apart}, state, 0, gates, target}};",
            "",
            f"memset(state, 0, {6 * units});",
            f"for (int32_t first = 0; first < {layer.steps}; first += {strip}) {{",
            *([] if is_even else left),
            f"    {driving}(&driving, source + first * {read}, {read}, {count}, aside, gates);",
            f"    {steps}(&recurrent, &run);",
            f"    run.end = state + {units // 2};",
            f"    run.output += {count} * {written};",
            "}",
        ]


def of_lstm(plain: Lstm) -> SequenceLstm | None:
    """Return the layer for these kernels, None where they cannot do it exactly."""
    gates = plain.gates
    order = np.array(input_order(plain.inputs))

    def drives(found: tuple[GateText, ...]) -> bool:
        zero_point = plain.input_zero_point
        parts = zip(gates, found, strict=True)
        return all(_fits(gate.weights, gate.bias, zero_point, text) for gate, text in parts)

    inputs = raised_gates([gate.input for gate in gates], drives)
    hidden_gates = gate_texts([gate.hidden for gate in gates], 1)
    cells = cells_of(plain)
    if inputs is None or hidden_gates is None or cells is None or plain.units > _LONGEST_ROW:
        return None
    driving = [_padded(gate.weights)[:, order] for gate in gates]
    recurrent = [_even_units(gate.recurrent) for gate in gates]
    biases = [
        gate.bias
        - (plain.input_zero_point + _MADE_LARGER) * gate.weights.sum(axis=1, dtype=np.int64)
        for gate in gates
    ]
    nothing = np.zeros(plain.units, np.int32)
    fits = all(
        _fits(gate.recurrent, nothing, plain.hidden_zero_point, text)
        for gate, text in zip(gates, hidden_gates, strict=True)
    )
    if not fits or any(has_too_large_halves(rows) for rows in (driving, recurrent)):
        return None
    raised, input_gates = inputs
    by_pairs = steps_at_once(input_gates, plain.inputs) == 4
    return SequenceLstm(
        plain,
        driving_words(driving, biases, raised, by_pairs=by_pairs),
        recurrent_words(recurrent),
        len(order),
        raised,
        input_gates,
        hidden_gates,
        cells,
    )


def _braces(numbers: Iterable[int]) -> str:
    return f"{{{', '.join(map(str, numbers))}}}"


def _fits(
    weights: npt.NDArray[np.int8], bias: npt.NDArray[np.int32], zero_point: int, gate: GateText
) -> bool:
    """Whether all sums fit 32 bits as the kernel has them, before and after they are shifted."""
    low, high = accumulator_range(weights, bias, zero_point)
    most = max(int(high.max()), -int(low.min()))
    return most * max(gate.factor << gate.lower, 1) <= INT32_MAX


def _padded(rows: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """Return rows with a zero behind each, which index -1 takes."""
    return np.concatenate([rows, np.zeros((len(rows), 1), np.int8)], axis=1)


def _even_units(rows: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """Return square weights of an even number of units."""
    odd = len(rows) % 2
    return np.pad(rows, ((0, odd), (0, odd)))
