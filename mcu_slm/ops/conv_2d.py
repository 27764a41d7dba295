"""CONV_2D: y = clamp(requantize(sum((x - zx) * w) + bias) + zy).

Input [batch, height, width, channels], weights [output, height, width, input]. Padding has the
value zx and is split as TensorFlow does: the smaller half before.
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

_MAX_PATCH_ELEMENTS = 1 << 24
"""The NumPy reference gathers patches for as many windows at a time as this many elements allow."""


@dataclass(frozen=True)
class Geometry:
    """One spatial axis: sizes, stride, dilation and the padding before it."""

    input: int
    kernel: int
    stride: int
    dilation: int
    output: int
    pad: int

    @classmethod
    def of(cls, size: int, kernel: int, stride: int, dilation: int, padding: str) -> Geometry:
        """Compute output size and padding the way TensorFlow Lite does."""
        reach = (kernel - 1) * dilation + 1
        output = (size + stride - (1 if padding == "SAME" else reach)) // stride
        pad = max((output - 1) * stride + reach - size, 0) // 2
        return cls(size, kernel, stride, dilation, output, pad)

    def sources(self) -> npt.NDArray[np.int64]:
        """Return the input position of each [output, kernel] pair.

        Negative or too large where it is padding.
        """
        starts = np.arange(self.output) * self.stride - self.pad
        return starts[:, None] + np.arange(self.kernel)[None, :] * self.dilation


@dataclass(frozen=True, eq=False)
class Conv2D(Operator):
    """A convolution reduced to integers. Shapes: weights int8 [O, KH, KW, C], bias int32 [O]."""

    kernels = ("conv_2d_s8",)

    height: Geometry
    width: Geometry
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
        """Products with padding counted, as is usual."""
        return self.batches * self.height.output * self.width.output * int(self.weights.size)

    def reference(self, inputs: Sequence[Int8]) -> list[Int8]:
        """Convolve and requantise, a bounded number of windows at a time."""
        x = inputs[0]
        windows = x.shape[0]
        per_window = self.batches * self.height.output * self.width.output * self.weights[0].size
        chunk = max(1, _MAX_PATCH_ELEMENTS // max(per_window, 1))
        parts = [self._requantize(x[i : i + chunk]) for i in range(0, windows, chunk)]
        return [np.concatenate(parts)]

    def _requantize(self, x: Int8) -> Int8:
        mantissas, shifts = multiplier_arrays(self.multipliers)
        scaled = requantize(self.accumulators([x]), mantissas, shifts) + self.output_zero_point
        y = saturate_int8(scaled, self.act_min, self.act_max)
        shape = (-1, self.batches, self.height.output, self.width.output, len(self.weights))
        return y.reshape(shape)

    def accumulators(self, inputs: Sequence[Int8]) -> npt.NDArray[np.int64]:
        """Gather patches and multiply by the weight matrix: [pixels, output channels]."""
        x = inputs[0]
        channels = self.weights.shape[3]
        centred = x.reshape(-1, self.height.input, self.width.input, channels).astype(np.int16)
        centred -= np.int16(self.input_zero_point)
        rows, columns = self.height.sources(), self.width.sources()
        row_ok = (rows >= 0) & (rows < self.height.input)
        column_ok = (columns >= 0) & (columns < self.width.input)
        patches = centred[:, rows.clip(0, self.height.input - 1)]
        patches = patches[:, :, :, columns.clip(0, self.width.input - 1)]
        valid = row_ok[:, :, None, None] & column_ok[None, None, :, :]
        patches = patches * valid[None, ..., None]
        # [B, OH, KH, OW, KW, C] -> [B * OH * OW, KH * KW * C]
        patches = patches.transpose(0, 1, 3, 2, 4, 5)
        flat = patches.reshape(-1, self.weights[0].size)
        return exact_matmul(flat, self.weights.reshape(len(self.weights), -1).T) + self.bias

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
        height, width = self.height, self.width
        text = f"window {height.kernel}x{width.kernel}"
        if (height.stride, width.stride) != (1, 1):
            text += f", stride {height.stride}x{width.stride}"
        if (height.dilation, width.dilation) != (1, 1):
            text += f", dilation {height.dilation}x{width.dilation}"
        return text

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call."""
        constants = arguments.constants
        fields: dict[str, object] = {
            "batches": self.batches,
            "input_height": self.height.input,
            "input_width": self.width.input,
            "input_channels": self.weights.shape[3],
            "output_height": self.height.output,
            "output_width": self.width.output,
            "output_channels": len(self.weights),
            "kernel_height": self.height.kernel,
            "kernel_width": self.width.kernel,
            "stride_height": self.height.stride,
            "stride_width": self.width.stride,
            "dilation_height": self.height.dilation,
            "dilation_width": self.width.dilation,
            "pad_top": self.height.pad,
            "pad_left": self.width.pad,
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
            "mcu_slm_conv_2d_t",
            "mcu_slm_conv_2d_s8",
            fields,
            [arguments.inputs[0], arguments.outputs[0]],
        )


def parse(view: NodeView) -> Conv2D:
    """Check a CONV_2D node and derive its integers."""
    view.expect_count((2, 3))
    source, weights_tensor, output = view.input(0), view.input(1), view.output()
    weights = weights_of(view, weights_tensor)
    for name, tensor in (("input", source), ("weights", weights_tensor), ("output", output)):
        view.require(len(tensor.shape) == 4, f"{name} has rank {len(tensor.shape)}", "4")
    channels, (kernel_height, kernel_width, kernel_channels) = weights.shape[0], weights.shape[1:]
    if kernel_channels != source.shape[3]:
        view.unsupported(
            f"{source.shape[3]} input channels, weights for {kernel_channels}",
            "the same number",
            "Grouped convolutions are not supported yet: split the layer.",
        )
    axes = (("h", source.shape[1], kernel_height), ("w", source.shape[2], kernel_width))
    geometry = []
    for letter, size, kernel in axes:
        stride = view.option(f"stride_{letter}")
        dilation = view.option(f"dilation_{letter}_factor", 1)
        view.require(
            stride >= 1 and dilation >= 1, f"stride {stride}, dilation {dilation}", "1 or more"
        )
        geometry.append(Geometry.of(size, kernel, stride, dilation, view.option("padding")))
    expected = (source.shape[0], geometry[0].output, geometry[1].output, channels)
    view.require(output.shape == expected, f"output shape {output.shape}", str(expected))
    act_min, act_max = view.activation_range(output)
    bias = bias_of(view, view.optional_input(2), channels)
    require_int32_sums(view, weights, bias, view.int8(source)[1])
    return Conv2D(
        geometry[0],
        geometry[1],
        weights,
        bias,
        channel_multipliers(view, source, weights_tensor, output, channels),
        source.shape[0],
        view.int8(source)[1],
        view.int8(output)[1],
        act_min,
        act_max,
    )
