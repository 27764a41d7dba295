"""FULLY_CONNECTED: y = clamp(requantize(sum((x - zx) * w) + bias) + zy), weights [output, input].

The input is read as [rows, inputs]; the judge does so too, whatever its rank.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcu_slm.ops.base import Arguments, Constant, Int8, NodeView, Operator, struct_call
from mcu_slm.ops.linear import (
    bias_of,
    channel_multipliers,
    exact_matmul,
    linear_constants,
    multiplier_arrays,
    require_int32_sums,
    weights_of,
)
from mcu_slm.quant import Multiplier, requantize, saturate_int8


@dataclass(frozen=True, eq=False)
class FullyConnected(Operator):
    """A fully connected layer reduced to integers. Shapes: weights int8 [O, I], bias int32 [O]."""

    kernels = ("fully_connected_s8",)

    rows: int
    weights: npt.NDArray[np.int8]
    bias: npt.NDArray[np.int32]
    multipliers: tuple[Multiplier, ...]
    output_shape: tuple[int, ...]
    input_zero_point: int
    output_zero_point: int
    act_min: int
    act_max: int

    @property
    def macs(self) -> int:
        """Products of one inference."""
        return self.rows * int(self.weights.size)

    def reference(self, inputs: Sequence[Int8]) -> list[Int8]:
        """Multiply and requantise."""
        mantissas, shifts = multiplier_arrays(self.multipliers)
        scaled = requantize(self.accumulators(inputs), mantissas, shifts) + self.output_zero_point
        y = saturate_int8(scaled, self.act_min, self.act_max)
        return [y.reshape((-1, *self.output_shape))]

    def accumulators(self, inputs: Sequence[Int8]) -> npt.NDArray[np.int64]:
        """Multiply every row by the weight matrix: [rows, outputs]."""
        rows = inputs[0].reshape(-1, self.weights.shape[1]).astype(np.int16) - self.input_zero_point
        return exact_matmul(rows, self.weights.T) + self.bias

    def constants(self) -> tuple[Constant, ...]:
        """Return weights, bias, multipliers and shifts."""
        return linear_constants(self.weights, "[output][input]", self.bias, self.multipliers)

    def requantization(self) -> tuple[Multiplier, ...]:
        """Return one multiplier per output."""
        return self.multipliers

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call."""
        constants = arguments.constants
        fields: dict[str, object] = {
            "rows": self.rows,
            "inputs": self.weights.shape[1],
            "outputs": self.weights.shape[0],
            "input_zero_point": self.input_zero_point,
            "output_zero_point": self.output_zero_point,
            "act_min": self.act_min,
            "act_max": self.act_max,
            "weights": constants["weights"],
            "bias": constants["bias"],
            "multiplier": constants["multiplier"],
            "shift": constants["shift"],
        }
        return struct_call(
            "mcu_slm_fully_connected_t",
            "mcu_slm_fully_connected_s8",
            fields,
            [arguments.inputs[0], arguments.outputs[0]],
        )


def parse(view: NodeView) -> FullyConnected:
    """Check a FULLY_CONNECTED node and derive its integers."""
    view.expect_count((2, 3))
    source, weights_tensor, output = view.input(0), view.input(1), view.output()
    weights = weights_of(view, weights_tensor)
    view.require(weights.ndim == 2, f"weights have rank {weights.ndim}", "2")
    if view.option("weights_format", "DEFAULT") != "DEFAULT":
        view.unsupported("shuffled weights", "weights in the default format")
    outputs, inputs = weights.shape
    view.require(
        source.element_count % inputs == 0,
        f"input of {source.element_count}",
        f"a multiple of {inputs}",
    )
    rows = source.element_count // inputs
    view.require(
        output.element_count == rows * outputs,
        f"output of {output.element_count} elements",
        str(rows * outputs),
    )
    # The judge takes the last dimension for the number of outputs and reads rows accordingly.
    view.require(
        output.shape[-1:] == (outputs,), f"output shape {output.shape}", f"{outputs} in the last"
    )
    act_min, act_max = view.activation_range(output)
    bias = bias_of(view, view.optional_input(2), outputs)
    require_int32_sums(view, weights, bias, view.int8(source)[1])
    return FullyConnected(
        rows,
        weights,
        bias,
        channel_multipliers(view, source, weights_tensor, output, outputs),
        output.shape,
        view.int8(source)[1],
        view.int8(output)[1],
        act_min,
        act_max,
    )
