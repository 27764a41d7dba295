"""TRANSPOSE_CONV: y = clamp(requantize(sum((x - zx) * w) + bias) + zy), a convolution backwards.

Input [batch, height, width, C], weights [output, height, width, C]. Input pixel i reaches the
output positions i * stride - pad + k; what falls outside the output is lost. Inputs of the node:
output shape, weights, input, bias.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

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
from mcu_slm.ops.window import (
    Window,
    in_chunks,
    require_channel_axis,
    require_rank_4,
    window_of,
)
from mcu_slm.quant import Multiplier, requantize, saturate_int8


@dataclass(frozen=True, eq=False)
class TransposeConv(Operator):
    """A transposed convolution as integers. `window` slides over the output, as when forwards.

    Shapes: weights int8 [O, KH, KW, C], bias int32 [O].
    """

    kernels = ("transpose_conv_s8",)
    activations: ClassVar[tuple[int, ...]] = (2,)

    window: Window
    weights: npt.NDArray[np.int8]
    bias: npt.NDArray[np.int32]
    multipliers: tuple[Multiplier, ...]
    batches: int
    input_zero_point: int
    output_zero_point: int
    act_min: int
    act_max: int

    @property
    def macs(self) -> int:
        """Products, those that fall outside the output counted."""
        return self.batches * self.window.output_pixels * int(self.weights.size)

    def reference(self, inputs: Sequence[Int8]) -> list[Int8]:
        """Convolve and requantise."""
        pixels = self.window.height.input * self.window.width.input
        return [in_chunks(inputs[0], self.batches * pixels * len(self.bias), self._requantize)]

    def _requantize(self, x: Int8) -> Int8:
        mantissas, shifts = multiplier_arrays(self.multipliers)
        scaled = requantize(self.accumulators([x]), mantissas, shifts) + self.output_zero_point
        y = saturate_int8(scaled, self.act_min, self.act_max)
        height, width = self.window.height, self.window.width
        return y.reshape((-1, self.batches, height.input, width.input, len(self.bias)))

    def accumulators(self, inputs: Sequence[Int8]) -> npt.NDArray[np.int64]:
        """Scatter every tap's products over a plane with room for what is lost, then cut it out."""
        height, width = self.window.height, self.window.width
        shape = (-1, height.output, width.output, self.weights.shape[3])
        centred = inputs[0].reshape(shape).astype(np.int16) - np.int16(self.input_zero_point)
        reach = [
            max(a.pad + a.input, (a.output - 1) * a.stride + a.kernel) for a in (height, width)
        ]
        plane = np.zeros((len(centred), *reach, len(self.bias)), np.int64)
        for ky in range(height.kernel):
            for kx in range(width.kernel):
                rows = slice(ky, ky + (height.output - 1) * height.stride + 1, height.stride)
                columns = slice(kx, kx + (width.output - 1) * width.stride + 1, width.stride)
                plane[:, rows, columns] += exact_matmul(centred, self.weights[:, ky, kx].T)
        inner = plane[:, height.pad : height.pad + height.input]
        total: npt.NDArray[np.int64] = inner[:, :, width.pad : width.pad + width.input] + self.bias
        return total

    def constants(self) -> tuple[Constant, ...]:
        """Return weights, bias, multipliers and shifts."""
        return linear_constants(
            self.weights, "[output][row][column][input channel]", self.bias, self.multipliers
        )

    def requantization(self) -> tuple[Multiplier, ...]:
        """Return one multiplier per output channel."""
        return self.multipliers

    def summary(self) -> str:
        """Return window and stride."""
        return self.window.summary()

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call; what the window takes in is the layer's output."""
        height, width = self.window.height, self.window.width
        fields: dict[str, object] = {
            "batches": self.batches,
            "input_channels": self.weights.shape[3],
            "output_channels": len(self.bias),
            **self.window.fields(),
            "input_height": height.output,
            "input_width": width.output,
            "output_height": height.input,
            "output_width": width.input,
            "input_zero_point": self.input_zero_point,
            "output_zero_point": self.output_zero_point,
            "act_min": self.act_min,
            "act_max": self.act_max,
        }
        fields |= {name: arguments.constants[name] for name in ("weights", "bias")}
        fields |= {name: arguments.constants[name] for name in ("multiplier", "shift")}
        return struct_call(
            "mcu_slm_transpose_conv_t",
            "mcu_slm_transpose_conv_s8",
            fields,
            [arguments.inputs[0], arguments.outputs[0]],
        )


def parse(view: NodeView) -> TransposeConv:
    """Check a TRANSPOSE_CONV node and derive its integers."""
    view.expect_count((3, 4))
    source, weights_tensor, output = view.input(2), view.input(1), view.output()
    weights = weights_of(view, weights_tensor)
    require_rank_4(view, {"input": source, "weights": weights_tensor, "output": output})
    require_channel_axis(view, weights_tensor)
    channels = weights.shape[0]
    shape = tuple(view.constant(view.input(0), "int32").reshape(-1).tolist())
    view.require(shape == output.shape, f"output shape {output.shape}", f"{shape}, as input 0 says")
    window = window_of(view, output, weights.shape[1:3], dilated=False)
    expected = (output.shape[0], window.height.output, window.width.output, weights.shape[3])
    view.require(source.shape == expected, f"input shape {source.shape}", str(expected))
    view.require(output.shape[3] == channels, f"{output.shape[3]} output channels", str(channels))
    act_min, act_max = view.activation_range(output)
    bias = bias_of(view, view.optional_input(3), channels)
    require_int32_sums(view, weights, bias, view.int8(source)[1])
    return TransposeConv(
        window,
        weights,
        bias,
        channel_multipliers(view, source, weights_tensor, output, channels),
        source.shape[0],
        view.int8(source)[1],
        view.int8(output)[1],
        act_min,
        act_max,
    )
