"""FULLY_CONNECTED: y = clamp(requantize(sum((x - zx) * w) + bias) + zy), weights [output, input].

The input is read as [rows, inputs]; the judge does so too, whatever its rank.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcu_slm.ops.base import Arguments, Int8, NodeView, struct_call
from mcu_slm.ops.clearance import clearance
from mcu_slm.ops.features import Features, block_outputs, block_products, joined
from mcu_slm.ops.linear import LinearOperator, block_sizes, exact_matmul, linear

_BIAS_TOLERANCE = 0.02
"""Of the bias scale, in steps of the output."""


@dataclass(frozen=True, eq=False)
class FullyConnected(LinearOperator):
    """A fully connected layer reduced to integers. Shapes: weights int8 [O, I], bias int32 [O]."""

    kernels = ("fully_connected_s8",)
    weight_axes = "[block of outputs][input][output]"

    rows: int
    output_shape: tuple[int, ...]

    @property
    def macs(self) -> int:
        """Products of one inference."""
        return self.rows * int(self.linear.weights.size)

    def reference(self, inputs: Sequence[Int8]) -> list[Int8]:
        """Multiply and requantise."""
        return [self.linear.rescaled(self.accumulators(inputs)).reshape((-1, *self.output_shape))]

    def accumulators(self, inputs: Sequence[Int8]) -> npt.NDArray[np.int64]:
        """Multiply every row by the weight matrix: [rows, outputs]."""
        rows = self.linear.centred(inputs[0].reshape(-1, self.linear.weights.shape[1]))
        return exact_matmul(rows, self.linear.weights.T) + self.linear.bias

    def clearance(self, position: int) -> int:  # noqa: ARG002
        """A row is written by blocks of outputs, and each block reads the input's row."""
        outputs, inputs = self.linear.weights.shape
        rows = np.arange(self.rows)
        return clearance((rows + 1) * outputs - block_sizes(outputs)[-1], rows * inputs)

    def features(self) -> Features:
        """Return rows, blocks of outputs, and the inputs that are multiplied by each."""
        inputs = self.linear.weights.shape[1]
        return joined(
            {"rows": self.rows},
            block_outputs(self.linear.outputs, self.rows),
            block_products(self.linear.outputs, self.rows, self.rows, inputs),
        )

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call."""
        fields: dict[str, object] = {
            "rows": self.rows,
            "inputs": self.linear.weights.shape[1],
            "outputs": self.linear.outputs,
            **self.linear.fields(arguments.constants),
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
    rank = len(weights_tensor.shape)
    view.require(rank == 2, f"weights have rank {rank}", "2")
    if view.option("weights_format", "DEFAULT") != "DEFAULT":
        view.unsupported("shuffled weights", "weights in the default format")
    outputs, inputs = weights_tensor.shape
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
    _require_bias_scale(view)
    found = linear(view, source, weights_tensor, view.optional_input(2))
    return FullyConnected(found, rows, output.shape)


def _require_bias_scale(view: NodeView) -> None:
    """Check the scale of a bias beside weights of one scale, as the judge does here alone.

    It takes no part in the arithmetic; a bias without a scale has scale 0.
    """
    weights, bias = view.input(1).quantization, view.optional_input(2)
    if bias is None or weights is None or weights.per_channel:
        return
    product = view.int8(view.input(0))[0] * weights.scale
    scale = bias.quantization.scale if bias.quantization is not None else 0.0
    view.require(
        abs(product - scale) / view.int8(view.output())[0] <= _BIAS_TOLERANCE,
        f"{bias.name}: scale is {scale!r}",
        f"{product!r}, input scale * weight scale",
    )
