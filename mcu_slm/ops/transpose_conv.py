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

from mcu_slm.ops.base import Arguments, Int8, NodeView, struct_call
from mcu_slm.ops.linear import LinearOperator, exact_matmul, linear
from mcu_slm.ops.window import (
    Window,
    in_chunks,
    require_channel_axis,
    require_rank_4,
    window_of,
)


@dataclass(frozen=True, eq=False)
class TransposeConv(LinearOperator):
    """A transposed convolution as integers. `window` slides over the output, as when forwards.

    Shapes: weights int8 [O, KH, KW, C], bias int32 [O].
    """

    kernels = ("transpose_conv_s8",)
    weight_axes = "[block of outputs][row][column][input channel][output]"
    activations: ClassVar[tuple[int, ...]] = (2,)

    window: Window
    batches: int

    @property
    def macs(self) -> int:
        """Products, those that fall outside the output counted."""
        return self.batches * self.window.output_pixels * int(self.linear.weights.size)

    def reference(self, inputs: Sequence[Int8]) -> list[Int8]:
        """Convolve and requantise."""
        pixels = self.window.height.input * self.window.width.input
        return [in_chunks(inputs[0], self.batches * pixels * self.linear.outputs, self._requantize)]

    def _requantize(self, x: Int8) -> Int8:
        y = self.linear.rescaled(self.accumulators([x]))
        height, width = self.window.height, self.window.width
        return y.reshape((-1, self.batches, height.input, width.input, self.linear.outputs))

    def accumulators(self, inputs: Sequence[Int8]) -> npt.NDArray[np.int64]:
        """Scatter every tap's products over a plane with room for what is lost, then cut it out."""
        height, width = self.window.height, self.window.width
        shape = (-1, height.output, width.output, self.linear.weights.shape[3])
        centred = self.linear.centred(inputs[0].reshape(shape))
        reach = [
            max(a.pad + a.input, (a.output - 1) * a.stride + a.kernel) for a in (height, width)
        ]
        plane = np.zeros((len(centred), *reach, self.linear.outputs), np.int64)
        for ky in range(height.kernel):
            for kx in range(width.kernel):
                rows = slice(ky, ky + (height.output - 1) * height.stride + 1, height.stride)
                columns = slice(kx, kx + (width.output - 1) * width.stride + 1, width.stride)
                plane[:, rows, columns] += exact_matmul(centred, self.linear.weights[:, ky, kx].T)
        inner = plane[:, height.pad : height.pad + height.input]
        total: npt.NDArray[np.int64] = (
            inner[:, :, width.pad : width.pad + width.input] + self.linear.bias
        )
        return total

    def summary(self) -> str:
        """Return window and stride."""
        return self.window.summary()

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call; what the window takes in is the layer's output."""
        height, width = self.window.height, self.window.width
        fields: dict[str, object] = {
            "batches": self.batches,
            "input_channels": self.linear.weights.shape[3],
            "output_channels": self.linear.outputs,
            **self.window.fields(),
            "input_height": height.output,
            "input_width": width.output,
            "output_height": height.input,
            "output_width": width.input,
            **self.linear.fields(arguments.constants),
        }
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
    require_rank_4(view, {"input": source, "weights": weights_tensor, "output": output})
    require_channel_axis(view, weights_tensor)
    channels, *kernel, depth = weights_tensor.shape
    shape = tuple(view.constant(view.input(0), "int32").reshape(-1).tolist())
    view.require(shape == output.shape, f"output shape {output.shape}", f"{shape}, as input 0 says")
    window = window_of(view, output, (kernel[0], kernel[1]), dilated=False)
    expected = (output.shape[0], window.height.output, window.width.output, depth)
    view.require(source.shape == expected, f"input shape {source.shape}", str(expected))
    view.require(output.shape[3] == channels, f"{output.shape[3]} output channels", str(channels))
    found = linear(view, source, weights_tensor, view.optional_input(3))
    return TransposeConv(found, window, source.shape[0])
